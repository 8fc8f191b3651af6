import { InputError } from "../errors.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Recordings of one kind of step that are compared before it is taken that no two will be alike. */
const MOST_TRIES = 6;

/**
 * Steps of one kind that are recorded until two recordings in a row are alike, and from then on replayed: the same commands on the same
 * buffers, without tfjs and its tape. Where they never are, or where memory does not allow it, each step is computed as the first one.
 *
 * Steps that exchange values with other ranks wait in their middle, which tfjs's tape cannot: they are recorded dry, and always replayed.
 */
export class StepRecording {
  readonly #gpu: Gpu;
  /** Kinds whose recordings were alike, with what they say. */
  readonly #known = new Map<string, string>();
  #kind = "";
  #tries = 0;
  #before = "";
  #kept: { recording: Recording; result: Tensor } | undefined;

  /** Of steps on this device. */
  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Whether steps are replayed now. */
  get replays(): boolean {
    return this.#kept !== undefined;
  }

  /**
   * Does a step: by `work`, or again what it did before. The result belongs to the caller. Whatever differs between steps of one
   * kind is in tensors that were written before.
   */
  run(kind: string, work: () => Tensor): Tensor {
    const { kernels, onPaper } = this.#gpu;
    this.#begin(kind);
    if (kernels.profiler) return work();
    if (this.#kept) {
      kernels.replay(this.#kept.recording);
      return kernels.copy(this.#kept.result);
    }
    if (this.#tries >= MOST_TRIES) return work();
    // On paper every step is computed: the commands are what is counted.
    const result = this.#record(work, { keeps: !onPaper });
    return this.#kept ? kernels.copy(result) : result;
  }

  /**
   * Does a step in which `work` exchanges values with other ranks.
   *
   * @throws {InputError} (as a rejection) if the device's memory does not allow it.
   */
  async runExchanging(kind: string, work: () => Tensor): Promise<Tensor> {
    const { kernels } = this.#gpu;
    this.#begin(kind);
    while (!this.#kept) {
      if (this.#tries >= MOST_TRIES) {
        throw new InputError(
          "Cannot take a step together with other workers: expected a step that is the same every time and fits the adapter's " +
            "memory, found none; take a smaller --batch-size, or a larger --accumulate",
        );
      }
      const result = this.#record(work, { dry: true });
      if (!this.#kept) result.dispose();
    }
    const { recording, result } = this.#kept;
    await kernels.replayExchanging(recording);
    return kernels.copy(result);
  }

  #begin(kind: string): void {
    if (kind === this.#kind) return;
    this.release();
    this.#kind = kind;
    this.#tries = 0;
    this.#before = this.#known.get(kind) ?? "";
  }

  /** Records one step, and keeps the recording if it is like the one before. */
  #record(work: () => Tensor, { dry = false, keeps = true }: { dry?: boolean; keeps?: boolean }): Tensor {
    let result: Tensor;
    const recording = this.#gpu.kernels.record(() => result = work(), { dry });
    this.#tries++;
    const isAlike = recording.signature === this.#before;
    this.#before = recording.signature;
    if (!recording.canReplay) this.#tries = MOST_TRIES;
    if (!isAlike || !recording.canReplay || !keeps) {
      recording.dispose();
      return result!;
    }
    this.#known.set(this.#kind, recording.signature);
    recording.keep();
    this.#kept = { recording, result: result! };
    return result!;
  }

  /** Gives back what is kept for replays: before something else needs much memory. The next step is recorded anew. */
  release(): void {
    if (!this.#kept) return;
    this.#kept.recording.dispose();
    this.#kept.result.dispose();
    this.#kept = undefined;
    this.#tries = 0;
  }
}
