import { InputError } from "../../errors.ts";
import { AtomicFile } from "../atomic_file.ts";
import { csvCell } from "../csv_cell.ts";
import { type DataSet, openDataSet } from "../data_set.ts";
import { inspectDataSet, type PairSetReport, type TrainingSetReport } from "../convert/inspect.ts";
import { findCopies, type Stage } from "./find_copies.ts";
import { ImageNotes } from "./image_notes.ts";
import { PRINT_SIZE } from "./image_print.ts";
import { type Finding, FINDING_KINDS, type FindingKind, listFindings } from "./list_findings.ts";

/** How sets are checked. */
export interface CheckDataOptions {
  /** A CSV file for all findings, a line each. @default none */
  readonly out?: string;
  /** Replaces that file if it is there. @default false */
  readonly force?: boolean;
  /** Told of a set that cannot be opened; the others are checked without it. @default the first such is thrown */
  readonly onUnopened?: (error: InputError) => void;
  /** Runs each part of the work, which reports how far it is. @default nothing is reported */
  readonly stage?: Stage;
  /** Stops it: the call is rejected with the signal's reason, and no file is written. */
  readonly signal?: AbortSignal;
}

/** What was found in some sets together. */
export interface DataCheck {
  /** What each holds, those to train on first. */
  readonly sets: readonly (TrainingSetReport | PairSetReport)[];
  /** How many findings there are of each kind. */
  readonly counts: Readonly<Record<FindingKind, number>>;
  /** The first findings of each kind. */
  readonly findings: readonly Finding[];
}

/** Findings of a kind that are listed; all are counted, and written to the file. */
const LISTED = 1000;

/** Reasons why images cannot be decoded that are kept. */
const MOST_REASONS = 100_000;

/** Text gathered before it is written. */
const PIECE = 1 << 20;

/**
 * Looks through sets that are used together, and for copies within and between them: every image is decoded once, likely copies twice. Of
 * each image 35 bytes are kept.
 *
 * @throws {InputError} (as a rejection) if a set cannot be opened, or the file cannot be written.
 *
 * @example
 * ```ts
 * import { createCodec } from "../image_codec.ts";
 * import { writePairSet } from "../pair_set.ts";
 * import { syntheticFace } from "../synthetic_face.ts";
 * import { checkData } from "./check_data.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * using codec = await createCodec("wasm");
 * const face = codec.encodeJpeg({ width: 112, height: 112, pixels: syntheticFace({ identity: 1, sample: 1 }) });
 * writePairSet(`${folder}/two.bin`, { images: [face, face], same: [false] });
 * const { counts } = await checkData([`${folder}/two.bin`]);
 * console.assert(counts["wrong-pair"] === 1 && counts.corrupt === 0);
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export async function checkData(paths: readonly string[], options: CheckDataOptions = {}): Promise<DataCheck> {
  const { out, force, stage = (_, work) => work(), signal, onUnopened } = options;
  using file = out === undefined ? undefined : AtomicFile.create(out, { force });
  using opened = new DisposableStack();
  const notes = new ImageNotes(paths.flatMap((path): DataSet[] => {
    try {
      return [opened.use(openDataSet(path))];
    } catch (error) {
      if (onUnopened === undefined || !(error instanceof InputError)) throw error;
      onUnopened(error);
      return [];
    }
  }));
  const reasons = new Map<number, string>();
  const sets: (TrainingSetReport | PairSetReport)[] = [];
  for (const { set, start } of notes.sets) {
    sets.push(
      await stage("images", (onProgress) =>
        inspectDataSet(set, {
          ...{ imageSize: PRINT_SIZE, checksums: true, onProgress, signal },
          onImage: (i, image) => {
            notes.note(start + i, image);
            if (image.error !== undefined && reasons.size < MOST_REASONS) reasons.set(start + i, image.error);
          },
        })),
    );
  }
  await findCopies(notes, { stage, signal });

  const counts = Object.fromEntries(Object.keys(FINDING_KINDS).map((kind) => [kind, 0])) as Record<FindingKind, number>;
  const findings: Finding[] = [];
  const table = file && new FindingTable(file);
  for (const finding of listFindings(notes, reasons)) {
    if (++counts[finding.kind] <= LISTED) findings.push(finding);
    table?.add(finding);
  }
  table?.finish();
  return { sets, counts, findings };
}

/** Findings on their way into a CSV file. */
class FindingTable {
  readonly #file: AtomicFile;
  #text = "kind,set,image,class,other_set,other_image,other_class,detail\n";

  constructor(file: AtomicFile) {
    this.#file = file;
  }

  add({ kind, set, image, label, other, detail }: Finding): void {
    const cells = [kind, set, image, label ?? "", other?.set ?? "", other?.image ?? "", other?.label ?? "", detail];
    this.#text += `${cells.map((cell) => csvCell(String(cell))).join(",")}\n`;
    if (this.#text.length > PIECE) this.#write();
  }

  finish(): void {
    this.#write();
    this.#file.commit();
  }

  #write(): void {
    this.#file.write(new TextEncoder().encode(this.#text));
    this.#text = "";
  }
}
