import type { Group } from "../dist/group.ts";
import { soloGroup } from "../dist/solo_group.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { TrainOptions } from "./options.ts";
import { RankAverage } from "./rank_average.ts";
import type { StepReading } from "./step_readings.ts";
import { StepTogether } from "./step_together.ts";
import type { TrainingStep } from "./training_step.ts";

/** What a rank brings to a step. */
export interface StepOffer {
  /** Its images; none when its part of the epoch is used up. */
  readonly images: number;
  /** Place in the epoch's order after the batch. */
  readonly position: number;
  /** Whether it was asked to stop. */
  readonly stops: boolean;
  /** Whether it is time to read scalars; the first rank's word counts. */
  readonly reads: boolean;
}

/** What the ranks agree on before a step. */
export interface StepPlan {
  /** Images of each rank; the epoch is at its end if there are none. */
  readonly shares: readonly number[];
  /** Place in the epoch's order after the batch. */
  readonly position: number;
  readonly stops: boolean;
  readonly reads: boolean;
}

/** How the ranks' work was divided since the last look. */
export interface RankRates {
  /** Images per second of each rank while it computed. */
  readonly imagesPerSecond: readonly number[];
  /** Share of the time in which the ranks averaged. */
  readonly averaging: number;
}

/** Ended because of a signal on the rank that was at work. */
export class RankStopped extends Error {
  override name = "RankStopped";
}

/** Seconds from one sign of life of a rank that works alone to the next. */
const SIGN_OF_LIFE = 0.2;

/** What the rank that works alone tells. */
const [AT_WORK, DONE, STOPPED] = [0, 1, 2];

/** The ranks of a training run: what they agree on, average, and tell each other; of a run on one adapter, nothing of it. */
export class RunRanks {
  /** The ranks. */
  readonly group: Group;
  /** Those that take steps together; undefined where there is one alone. */
  readonly together: StepTogether | undefined;
  readonly #gpu: Gpu;
  readonly #options: Pick<TrainOptions, "syncEvery" | "syncWarmup">;
  /** Made at their first use; undefined where there is nothing to average. */
  readonly #averages = new Map<"state" | "centers", RankAverage | undefined>();
  /** Images of each rank since the last average. */
  #weights: number[];
  #seconds = { waiting: 0, averaging: 0 };

  /** Ranks of a group; of one, by default. */
  constructor(gpu: Gpu, options: Pick<TrainOptions, "syncEvery" | "syncWarmup">, group: Group = soloGroup()) {
    this.group = group;
    this.#gpu = gpu;
    this.#options = options;
    this.#weights = new Array(group.size).fill(0);
    if (group.size > 1) this.together = new StepTogether(gpu, group);
  }

  /** Number of ranks. */
  get size(): number {
    return this.group.size;
  }

  /** Whether this rank writes the run's files and shows its progress. */
  get isFirst(): boolean {
    return this.group.rank === 0;
  }

  /** Agrees on the step that comes, the one after `step` steps. */
  async agree({ images, position, stops, reads }: StepOffer, step: number): Promise<StepPlan> {
    if (this.together) this.together.isActive = this.#isTogether(step);
    const began = performance.now();
    const all = await this.group.gather([images, position, Number(stops), Number(reads)]);
    this.#seconds.waiting += (performance.now() - began) / 1000;
    return {
      shares: all.map(([count]) => count),
      // A rank that met corrupt images is ahead: nobody's samples are to be lost. One that is used up does not count.
      position: Math.min(...all.filter(([count]) => count > 0).map(([, place]) => place)),
      stops: all.some(([, , stop]) => stop === 1),
      reads: all[0][3] === 1,
    };
  }

  /** Whether ranks take the step after so many together: then they are alike after each. */
  #isTogether(step: number): boolean {
    return this.#options.syncEvery === 1 || step < this.#options.syncWarmup;
  }

  /** Averages after a step if it is time to; `taken` counts the steps so far, with this one. */
  async afterStep(step: TrainingStep, shares: readonly number[], taken: number): Promise<void> {
    if (!this.together) return;
    this.#weights = this.#weights.map((weight, rank) => weight + shares[rank]);
    const { syncEvery, syncWarmup } = this.#options;
    if (this.#isTogether(taken - 1)) await this.#average(step, ["state"]);
    else if ((taken - syncWarmup) % syncEvery === 0) await this.#average(step, ["state", "centers"]);
  }

  /** Makes the ranks alike: before a validation or a checkpoint. Centers too, which other adapters round otherwise. */
  async align(step: TrainingStep): Promise<void> {
    if (!this.together) return;
    const isApart = this.#weights.some((weight) => weight > 0);
    await this.#average(step, isApart ? ["state", "centers"] : ["centers"]);
  }

  async #average(step: TrainingStep, what: readonly ("state" | "centers")[]): Promise<void> {
    const began = performance.now();
    const weights = this.#weights.some((weight) => weight > 0) ? this.#weights : undefined;
    for (const one of what) {
      if (!this.#averages.has(one)) {
        const tensors = step.averaged()[one];
        this.#averages.set(one, tensors.length > 0 ? await RankAverage.of(this.#gpu, this.group, tensors) : undefined);
      }
      await this.#averages.get(one)?.average(weights);
    }
    this.#weights = this.#weights.map(() => 0);
    this.#seconds.averaging += (performance.now() - began) / 1000;
  }

  /** Scalars of all ranks' images from those of this rank's, of the same steps on every rank. */
  async combine(readings: readonly StepReading[]): Promise<StepReading[]> {
    if (this.size === 1) return [...readings];
    const own = readings.flatMap(({ loss, right, samples }) => [loss, right, samples]);
    const all = await this.group.gather(own);
    return readings.map((reading, i) => {
      const ofRanks = all.map((values) => values.slice(3 * i, 3 * i + 3));
      const samples = ofRanks.reduce((sum, [, , count]) => sum + count, 0);
      // A rank without images has no part in it, whatever it computed.
      const loss = ofRanks.reduce((sum, [loss, , count]) => count > 0 ? sum + loss * count / samples : sum, 0);
      return { ...reading, loss, samples, right: ofRanks.reduce((sum, [, right]) => sum + right, 0) };
    });
  }

  /** Labels of all ranks' images, in their order. */
  async labels(own: Int32Array): Promise<Int32Array> {
    if (this.size === 1) return own;
    const all = await this.group.allGatherBytes(new Uint8Array(own.buffer, own.byteOffset, own.byteLength));
    return Int32Array.from(all.flatMap(({ buffer }) => [...new Int32Array(buffer)]));
  }

  /** How fast each rank was in the `seconds` since the last time, in which this one computed so many images. */
  async rates(images: number, seconds: number): Promise<RankRates | undefined> {
    if (this.size === 1) return undefined;
    const { waiting, averaging } = this.#seconds;
    this.#seconds = { waiting: 0, averaging: 0 };
    const all = await this.group.gather([images, Math.max(1e-3, seconds - waiting - averaging), averaging / seconds]);
    return {
      imagesPerSecond: all.map(([count, busy]) => count / busy),
      averaging: Math.min(...all.map(([, , share]) => share)),
    };
  }

  /**
   * Lets the first rank do something while the others wait, however long it takes; gives its result, on the others undefined.
   *
   * @throws {RankStopped} on the others, if the first was stopped in the middle by `signal`.
   */
  async alone<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
    if (this.size === 1) return await work();
    if (!this.isFirst) {
      for (;;) {
        const [[state]] = await this.group.gather([]);
        if (state === STOPPED) throw new RankStopped("the first worker was stopped");
        if (state === DONE) return undefined;
      }
    }
    const finished = Promise.resolve().then(work).then((value) => ({ value }), (error) => ({ error }));
    for (;;) {
      const pause = Promise.withResolvers<undefined>();
      const timer = setTimeout(pause.resolve, 1000 * SIGN_OF_LIFE, undefined);
      const outcome = await Promise.race([finished, pause.promise]);
      clearTimeout(timer);
      if (outcome === undefined) {
        await this.group.gather([AT_WORK]);
        continue;
      }
      if (!("error" in outcome)) {
        await this.group.gather([DONE]);
        return outcome.value;
      }
      if (signal?.aborted && outcome.error === signal.reason) await this.group.gather([STOPPED]);
      throw outcome.error;
    }
  }

  /** Frees what averaging takes. */
  dispose(): void {
    for (const average of this.#averages.values()) average?.dispose();
    this.#averages.clear();
  }

  /** What the first rank says, on all of them. */
  async tell<T>(value: T | undefined): Promise<T> {
    return (await this.hear(this.isFirst ? value : null))[0] as T;
  }

  /** What each rank says. */
  async hear<T>(value: T): Promise<T[]> {
    if (this.size === 1) return [value];
    const all = await this.group.allGatherBytes(new TextEncoder().encode(JSON.stringify(value)));
    return all.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
  }
}
