/** One quantity of a golden file, compared. */
export interface ParityRow {
  /** What is compared: "pairs 600x64 cosine accuracy". */
  quantity: string;
  /** Our error against the golden float64 number. */
  error: number;
  /** The largest error that is right. */
  bound: number;
  /** Whether `error` is within `bound`; false also where it is not a number. */
  ok: boolean;
  /** PyTorch float32's own error, where the golden file has one. */
  reference?: number;
  /** How far our number moves under changes of the size of roundings, where the bound had to be looked at twice. */
  spread?: number;
}

/** A row, judged. NaN is never right. */
export function parityRow(quantity: string, error: number, bound: number, reference?: number): ParityRow {
  const row = { quantity, error, bound, ok: error <= bound };
  return reference === undefined ? row : { ...row, reference };
}
