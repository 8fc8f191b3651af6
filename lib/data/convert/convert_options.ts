/** How far a conversion is; called now and then, at the end with `done === total`. */
export type ConvertProgress = (done: number, total: number) => void;

/** What every conversion takes. */
export interface ConvertOptions {
  /** Replace an output that is there already. @default {false} */
  force?: boolean;
  /** Called with the images done, now and then. @default {"nothing is reported"} */
  onProgress?: ConvertProgress;
}

/** Images between two calls of `onProgress`. */
export const PROGRESS_STEP = 256;
