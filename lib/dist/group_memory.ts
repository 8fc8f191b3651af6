import { type Call, compareCalls, numberOf, phraseCall } from "./call.ts";
import { GroupFailure } from "./group_failure.ts";

/** What the ranks share, as it is posted to a worker. */
export interface GroupMemoryParts {
  /** Words of the meetings, and the reason of a failure. */
  readonly control: SharedArrayBuffer;
  /** [size] of two halves each: what a rank shows the others. */
  readonly staging: readonly SharedArrayBuffer[];
}

/** Words of `control`: the meeting's number or ABORTED; ranks there; who fails; state and length of the reason; whether a user can mend it. */
const MEETING = 0, PRESENT = 1, FAILING_RANK = 2, REASON_STATE = 3, REASON_LENGTH = 4, IS_INPUT = 5, HEAD_WORDS = 8;
/** Words of each rank: the meeting it came to last, and its call at even and odd meetings. */
const CAME_TO = 0, CALLS = 1, CALL_WORDS = 3, RANK_WORDS = 1 + 2 * CALL_WORDS;
const ABORTED = -1;
/** Meetings are counted in 30 bits, over and over. */
const LAST_MEETING = 2 ** 30 - 1;
const MAX_REASON = 4096;
/** Bytes that a rank can show at once. */
const HALF = 2 ** 20;
const HIGH = 2 ** 31;

/**
 * Meetings of ranks in shared memory. A rank that comes to a meeting waits for the others, without holding up its thread's other
 * work; a failure wakes all of them at once.
 *
 * A rank is never more than one meeting ahead of another. So what a rank writes for a meeting lies in one of two halves, by whether the
 * meeting's number is odd: it stays there until every rank has come to the next.
 */
export class GroupMemory {
  /** Number of ranks. */
  readonly size: number;
  /** For posting to workers. */
  readonly parts: GroupMemoryParts;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #reason: Uint8Array;

  /** Takes what was posted. */
  constructor(parts: GroupMemoryParts) {
    this.size = parts.staging.length;
    this.parts = parts;
    const words = HEAD_WORDS + this.size * RANK_WORDS;
    this.#words = new Int32Array(parts.control, 0, words);
    this.#reason = new Uint8Array(parts.control, 4 * words, MAX_REASON);
  }

  /** Memory for `size` ranks. */
  static allocate(size: number): GroupMemory {
    return new GroupMemory({
      control: new SharedArrayBuffer(4 * (HEAD_WORDS + size * RANK_WORDS) + MAX_REASON),
      staging: Array.from({ length: size }, () => new SharedArrayBuffer(2 * HALF)),
    });
  }

  /** The half of a rank's staging that is for the next meeting. It changes with every meeting: take it before. */
  stage(rank: number): { readonly bytes: Uint8Array; readonly floats: Float32Array } {
    const at = (Atomics.load(this.#words, MEETING) & 1) * HALF;
    const buffer = this.parts.staging[rank];
    return { bytes: new Uint8Array(buffer, at, HALF), floats: new Float32Array(buffer, at, HALF / 4) };
  }

  /**
   * Comes to the next meeting as `rank` and waits for the others, at most `limit` milliseconds. Gives the lengths they came with.
   *
   * @throws {GroupFailure} if a rank has failed, does not come in time, or comes for something else.
   */
  async meet(rank: number, call: Call, limit: number): Promise<number[]> {
    this.check();
    const words = this.#words;
    const meeting = Atomics.load(words, MEETING);
    this.#write(rank, meeting, call);
    Atomics.store(words, this.#at(rank) + CAME_TO, meeting + 1);
    if (Atomics.add(words, PRESENT, 1) === this.size - 1) {
      Atomics.store(words, PRESENT, 0);
      Atomics.compareExchange(words, MEETING, meeting, meeting === LAST_MEETING ? 0 : meeting + 1);
      Atomics.notify(words, MEETING);
    } else await this.#wait(meeting, call, limit);
    this.check();
    return this.#compare(rank, meeting, call);
  }

  /**
   * Ends the group: the first failure is kept, later ones change nothing. Wakes everyone who waits. `isInput` says that the reason is an
   * InputError's.
   */
  abort(rank: number, reason: string, { isInput = false } = {}): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, REASON_STATE, 0, 1) !== 0) {
      // Whoever is before us is about to write it: from here on the failure is to be seen.
      while (Atomics.load(words, MEETING) !== ABORTED);
      return;
    }
    const { written } = new TextEncoder().encodeInto(reason, this.#privateReason);
    this.#reason.set(this.#privateReason.subarray(0, written));
    Atomics.store(words, REASON_LENGTH, written);
    Atomics.store(words, FAILING_RANK, rank);
    Atomics.store(words, IS_INPUT, isInput ? 1 : 0);
    Atomics.store(words, MEETING, ABORTED);
    Atomics.notify(words, MEETING);
  }

  /** Who has failed and why; undefined if nobody has. */
  failure(): GroupFailure | undefined {
    const words = this.#words;
    if (Atomics.load(words, MEETING) !== ABORTED) return undefined;
    const reason = this.#reason.slice(0, Atomics.load(words, REASON_LENGTH));
    return new GroupFailure(Atomics.load(words, FAILING_RANK), new TextDecoder().decode(reason));
  }

  /** Whether {@linkcode GroupMemory.failure} is of an InputError. */
  get isInputFailure(): boolean {
    return Atomics.load(this.#words, IS_INPUT) === 1;
  }

  /** @throws {GroupFailure} if a rank has failed. */
  check(): void {
    const failure = this.failure();
    if (failure) throw failure;
  }

  /** Text is not encoded into shared memory. */
  readonly #privateReason = new Uint8Array(MAX_REASON);

  async #wait(meeting: number, call: Call, limit: number): Promise<void> {
    const end = performance.now() + limit;
    // Alone, Atomics.waitAsync() does not keep the event loop of a main thread alive.
    const alive = setTimeout(() => {}, limit);
    try {
      while (Atomics.load(this.#words, MEETING) === meeting) {
        const left = end - performance.now();
        // Aborts, which ends this loop, unless the last rank has come just now.
        if (left <= 0) this.#giveUp(meeting, call, limit);
        const { value } = Atomics.waitAsync(this.#words, MEETING, meeting, Math.max(1, left));
        await value;
      }
    } finally {
      clearTimeout(alive);
    }
  }

  #giveUp(meeting: number, call: Call, limit: number): void {
    for (let rank = 0; rank < this.size; rank++) {
      if (Atomics.load(this.#words, this.#at(rank) + CAME_TO) === meeting + 1) continue;
      return this.abort(rank, `did not come to ${phraseCall(call)} within ${limit / 1000} s`);
    }
  }

  #at(rank: number): number {
    return HEAD_WORDS + rank * RANK_WORDS;
  }

  #callAt(rank: number, meeting: number): number {
    return this.#at(rank) + CALLS + (meeting & 1) * CALL_WORDS;
  }

  #write(rank: number, meeting: number, call: Call): void {
    const { length } = call;
    this.#words.set([numberOf(call), length % HIGH, Math.floor(length / HIGH)], this.#callAt(rank, meeting));
  }

  #compare(rank: number, meeting: number, call: Call): number[] {
    const calls = Array.from({ length: this.size }, (_, one) => {
      const at = this.#callAt(one, meeting);
      const [number, low, high] = this.#words.subarray(at, at + CALL_WORDS);
      return [number, low + HIGH * high];
    });
    const wrong = compareCalls(calls, rank, call);
    if (wrong) {
      this.abort(wrong.rank, wrong.reason);
      this.check();
    }
    return calls.map(([, length]) => length);
  }
}
