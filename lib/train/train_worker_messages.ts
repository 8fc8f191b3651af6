import type { TrainOptions } from "./options.ts";
import type { StepReading } from "./step_readings.ts";

/** What every worker of a run is given. */
export interface TrainWorkerInput {
  readonly options: TrainOptions;
  /** Whether progress is shown on a terminal. */
  readonly isTerminal: boolean;
  /** Its width. */
  readonly columns: number | undefined;
  /** Milliseconds since the command began. */
  readonly elapsed: number;
}

/** What a worker is told while it trains: to stop. */
export type ToTrainWorker = { readonly kind: "stop" };

/** What a worker tells while it trains. */
export type FromTrainWorker =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "step"; readonly reading: StepReading };
