import { GroupFailure } from "./group_failure.ts";
import { GroupMemory } from "./group_memory.ts";
import type { FromRank, ToRank } from "./rank_messages.ts";
import { InputError } from "../errors.ts";

/** Where a rank computes. */
export interface Seat {
  /** Its adapter's name, for messages. */
  readonly adapter: string;
  /** Makes WebGPU take this adapter where it is started next; the result undoes that. @default what WebGPU offers is taken */
  readonly select?: () => () => void;
}

/** How ranks are launched. */
export interface LaunchOptions<Message> {
  /** One for each rank. */
  readonly seats: readonly Seat[];
  /** For all ranks: what can be posted to a worker. */
  readonly input?: unknown;
  /** Seconds that an operation of the group waits for the other ranks. @default 600 */
  readonly timeout?: number;
  /** Seconds that a rank may take to open its adapter. @default 120 */
  readonly openTimeout?: number;
  /** Seconds that the other ranks have for ending by themselves when one has failed. @default 5 */
  readonly grace?: number;
  /** Why what a rank has opened is not what its seat is for; undefined if it is. */
  readonly confirm?: (rank: number, found: unknown) => string | undefined;
  /** Called with what a rank tells. */
  readonly onMessage?: (rank: number, message: Message) => void;
}

/** Ranks at work. */
export interface RankRun<Result> extends Disposable {
  /**
   * What each rank has computed, when all have.
   *
   * @throws {GroupFailure} if one has failed, when all have ended. Of an InputError of a rank, the same.
   */
  readonly results: Promise<Result[]>;
  /** Tells all ranks, or one, something. */
  post(message: unknown, rank?: number): void;
  /** Ends all workers at once. */
  close(): void;
}

/**
 * Runs one rank in each of as many workers as there are seats; `url` is a module that calls `serveRank()`.
 *
 * WebGPU takes the adapter that the process's environment selects when a worker first uses it. So workers start one after another: the
 * seat is selected, the worker opens its adapter and says which, that is confirmed, the selection is undone. Then all join the
 * group. A worker that fails, dies or ends itself ends the others.
 *
 * @example
 * ```ts ignore
 * import { launchRanks } from "./launch_ranks.ts";
 *
 * const seats = chooseAdapters("all").map((one) => ({ adapter: one.name, select: () => selectAdapter(one) }));
 * using run = launchRanks<number[][]>(new URL("./my_rank.ts", import.meta.url), { seats });
 * console.log(await run.results);
 * ```
 */
export function launchRanks<Result = unknown, Message = unknown>(
  url: URL,
  options: LaunchOptions<Message>,
): RankRun<Result> {
  const run = new Run<Result, Message>(url, options);
  return { results: run.results, post: run.post, close: run.close, [Symbol.dispose]: run.close };
}

class Run<Result, Message> {
  readonly results: Promise<Result[]>;
  readonly #url: URL;
  readonly #options: LaunchOptions<Message>;
  readonly #memory: GroupMemory;
  readonly #workers: Worker[] = [];
  readonly #results: Result[];
  /** Ranks that have ended, well or not. */
  readonly #ended = new Set<number>();
  readonly #all = Promise.withResolvers<Result[]>();
  #opening: ((found: unknown) => void) | undefined;
  /** Ranks that have not joined wait for what does not come when one fails. */
  #joined = false;
  #failure: Error | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(url: URL, options: LaunchOptions<Message>) {
    const { seats } = options;
    if (seats.length === 0) throw new InputError("Cannot start ranks: expected at least one adapter, found none");
    this.#url = url;
    this.#options = options;
    this.#memory = GroupMemory.allocate(seats.length);
    this.#results = new Array(seats.length);
    this.results = this.#all.promise;
    this.results.catch(() => {}); // whoever waits for it is told
    this.#start().catch((error) => this.#fail(Math.max(0, this.#workers.length - 1), String(error)));
  }

  readonly post = (message: unknown, rank?: number): void => {
    for (const [k, worker] of this.#workers.entries()) {
      if (rank === undefined || rank === k) worker.postMessage({ kind: "message", message } satisfies ToRank);
    }
  };

  readonly close = (): void => {
    this.#failure ??= new Error("the ranks were closed");
    this.#opening?.(undefined);
    this.#finish();
  };

  async #start(): Promise<void> {
    const { seats, input, timeout = 600, openTimeout = 120, confirm } = this.#options;
    for (const [rank, { select }] of seats.entries()) {
      if (this.#failure) return;
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const timer = setTimeout(
        () => this.#fail(rank, `did not open its adapter within ${openTimeout} s`),
        1000 * openTimeout,
      );
      this.#opening = resolve;
      let restore: (() => void) | undefined;
      try {
        restore = select?.();
        this.#open(rank, { kind: "start", rank, size: seats.length, input });
        const found = await promise;
        const complaint = this.#failure ? undefined : confirm?.(rank, found);
        if (complaint !== undefined) this.#fail(rank, complaint);
      } finally {
        restore?.();
        clearTimeout(timer);
      }
    }
    this.#opening = undefined;
    if (this.#failure) return;
    this.#joined = true;
    for (const worker of this.#workers) {
      worker.postMessage({ kind: "join", memory: this.#memory.parts, limit: 1000 * timeout } satisfies ToRank);
    }
  }

  #open(rank: number, message: ToRank): void {
    const worker = new Worker(this.#url, { type: "module", name: `rank ${rank}` });
    this.#workers.push(worker);
    worker.onmessage = ({ data }: MessageEvent<FromRank>) => this.#receive(rank, data);
    worker.onerror = (event) => {
      event.preventDefault(); // else the error ends the whole program
      this.#ended.add(rank);
      this.#fail(rank, event.message);
    };
    worker.onmessageerror = () => this.#fail(rank, "it sent what cannot be read");
    worker.postMessage(message);
  }

  #receive(rank: number, message: FromRank): void {
    if (message.kind === "message") this.#options.onMessage?.(rank, message.message as Message);
    else if (message.kind === "opened") this.#opening?.(message.found);
    else if (message.kind === "allocate") this.#allocate(rank, message.bytes);
    else if (message.kind === "result") {
      this.#results[rank] = message.result as Result;
      this.#end(rank);
    } else {
      this.#fail(message.rank, message.reason, message.isInput);
      if (message.hasEnded) this.#end(rank);
    }
  }

  #allocate(rank: number, bytes: number): void {
    try {
      const buffers = this.#workers.map(() => new SharedArrayBuffer(bytes));
      for (const worker of this.#workers) worker.postMessage({ kind: "buffers", buffers } satisfies ToRank);
    } catch (error) {
      this.#fail(rank, `cannot have ${this.#workers.length} shared arrays of ${bytes} bytes: ${error}`);
    }
  }

  #end(rank: number): void {
    this.#ended.add(rank);
    if (this.#ended.size >= this.#workers.length && (this.#failure || this.#ended.size === this.#results.length)) {
      this.#finish();
    }
  }

  /** The first failure counts. The others are woken, and have a while for ending by themselves. */
  #fail(rank: number, reason: string, isInput = false): void {
    if (this.#failure) return;
    this.#memory.abort(rank, reason, { isInput });
    // What the ranks agreed on may be older than what is heard here; and another than the one that failed may be heard first.
    const cause = this.#memory.failure()!;
    const adapter = this.#options.seats[cause.rank]?.adapter;
    this.#failure = this.#memory.isInputFailure
      ? new InputError(`rank ${cause.rank} (${adapter}): ${cause.reason}`)
      : new GroupFailure(cause.rank, cause.reason, adapter);
    this.#opening?.(undefined);
    const { grace = 5 } = this.#options;
    this.#grace = setTimeout(() => this.#finish(), this.#joined ? 1000 * grace : 0);
    if (this.#ended.size >= this.#workers.length) this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#grace);
    for (const worker of this.#workers) worker.terminate();
    if (this.#failure) this.#all.reject(this.#failure);
    else this.#all.resolve(this.#results);
  }
}
