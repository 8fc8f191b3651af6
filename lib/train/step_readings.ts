import type { StepMetrics, TrainingStep } from "./training_step.ts";

/** A step whose scalars are known. */
export interface StepReading extends StepMetrics {
  /** Number of the step, from 1. */
  readonly step: number;
  /** Learning rate it was taken with. */
  readonly rate: number;
  /** The samples of its batch. */
  readonly batch: Uint32Array;
}

/** The GPU is waited for about this often, in seconds: then scalars are read, the bar moves and signals are seen. */
const SECONDS_BETWEEN_READS = 0.5;

/**
 * The steps whose scalars are still on the GPU. They are read many at a time, because each reading waits for the GPU; how
 * many depends on the time they take, the numbers do not.
 */
export class StepReadings {
  readonly #step: TrainingStep;
  readonly #most: number;
  #waiting: Pick<StepReading, "step" | "rate" | "batch">[] = [];
  #every = 1;
  #since = performance.now();

  /** At most `most` steps go unread. */
  constructor(step: TrainingStep, most: number) {
    this.#step = step;
    this.#most = most;
  }

  /** Notes a step that was taken just now. */
  add(step: Pick<StepReading, "step" | "rate" | "batch">): void {
    this.#waiting.push(step);
  }

  /** Whether it will be time to read after so many more steps. */
  dueAfter(more: number): boolean {
    return this.#waiting.length + more >= this.#every;
  }

  /** Does not count the time since the last reading: something else was done. */
  skipTime(): void {
    this.#since = performance.now();
  }

  /** Waits for the GPU: the steps since the last reading, in order, and the seconds they took. */
  async read(): Promise<{ readings: StepReading[]; seconds: number }> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const metrics = await this.#step.drain();
    const now = performance.now();
    const seconds = (now - this.#since) / 1000;
    this.#since = now;
    // As many steps as fit between two readings, growing slowly: the first steps compile kernels.
    const fitting = Math.floor(metrics.length * SECONDS_BETWEEN_READS / seconds);
    if (metrics.length > 0) this.#every = Math.max(1, Math.min(this.#most, fitting, 2 * this.#every));
    return { readings: metrics.map((one, i) => ({ ...one, ...waiting[i] })), seconds };
  }
}
