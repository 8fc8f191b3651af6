import type { Group } from "./group.ts";
import { GroupFailure } from "./group_failure.ts";
import { GroupMemory } from "./group_memory.ts";
import type { FromRank, ToRank } from "./rank_messages.ts";
import { WorkerGroup } from "./worker_group.ts";
import { InputError } from "../errors.ts";

/** A rank, as its worker sees it. */
export interface Rank<Input, Message> {
  /** Number of this rank, from 0. */
  readonly rank: number;
  /** How many ranks there are. */
  readonly size: number;
  /** What the launcher was given for all ranks. */
  readonly input: Input;
  /**
   * Says which adapter was opened, and waits until every rank has. The environment that selects this rank's adapter holds until this is
   * called, and no longer: WebGPU must have been started. `found` is judged by the launcher's `confirm`.
   */
  join(found: unknown): Promise<Group>;
  /** Tells the launcher something: progress, logs. */
  post(message: unknown): void;
  /** Called with what the launcher tells. Set it before {@linkcode Rank.join} to miss nothing. */
  onMessage: (message: Message) => void;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToRank>) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/**
 * Runs one rank in this worker, for `launchRanks()`. What `work` throws fails the group with its message; so does ending the worker before
 * `work` has ended. Its result goes to the launcher.
 *
 * @example
 * ```ts ignore
 * import { serveRank } from "./serve_rank.ts";
 *
 * serveRank<{ steps: number }>(async (rank) => {
 *   const gpu = await startWebGPU();
 *   const group = await rank.join(gpu.adapter);
 *   gpu.lost.then((reason) => group.fail(`device lost: ${reason}`));
 *   return await group.gather([rank.rank]);
 * });
 * ```
 */
export function serveRank<Input = unknown, Message = unknown>(work: (rank: Rank<Input, Message>) => unknown): void {
  const scope = self as unknown as WorkerScope;
  const post = (message: FromRank) => scope.postMessage(message);
  const joined = Promise.withResolvers<ToRank & { kind: "join" }>();
  const waiting: ((buffers: readonly SharedArrayBuffer[]) => void)[] = [];
  let memory: GroupMemory | undefined;
  let rank: Rank<Input, Message> | undefined;

  const fail = (error: unknown) => {
    // Another rank's failure is passed on as that rank's.
    const { rank: cause, reason } = error instanceof GroupFailure
      ? error
      : { rank: rank?.rank ?? 0, reason: error instanceof Error ? error.message : String(error) };
    const isInput = error instanceof InputError;
    memory?.abort(cause, reason, { isInput });
    post({ kind: "failure", rank: cause, reason, isInput, hasEnded: true });
  };
  refuseToEnd(scope, fail);

  const join = async (found: unknown): Promise<Group> => {
    post({ kind: "opened", found });
    const { memory: parts, limit } = await joined.promise;
    memory = new GroupMemory(parts);
    return new WorkerGroup({
      rank: rank!.rank,
      memory,
      limit,
      allocate: (bytes) => {
        const { promise, resolve } = Promise.withResolvers<readonly SharedArrayBuffer[]>();
        waiting.push(resolve);
        // All ranks have met and want the same: one asks for all.
        if (rank!.rank === 0) post({ kind: "allocate", bytes });
        return promise;
      },
      onFail: (reason) => post({ kind: "failure", rank: rank!.rank, reason, isInput: false, hasEnded: false }),
    });
  };

  const start = async ({ rank: number, size, input }: ToRank & { kind: "start" }) => {
    rank = {
      rank: number,
      size,
      input: input as Input,
      join,
      post: (message) => post({ kind: "message", message }),
      onMessage: () => {},
    };
    try {
      post({ kind: "result", result: await work(rank) });
    } catch (error) {
      fail(error);
    }
  };

  scope.onmessage = ({ data }) => {
    if (data.kind === "start") void start(data);
    else if (data.kind === "join") joined.resolve(data);
    else if (data.kind === "buffers") waiting.shift()?.(data.buffers);
    else rank?.onMessage(data.message as Message);
  };
}

/** A worker that ends itself would do so without a word, and the others would wait for it until their limit. */
function refuseToEnd(scope: WorkerScope, fail: (error: unknown) => void): void {
  const close = scope.close.bind(scope);
  scope.close = () => {
    fail(new Error("its worker was closed"));
    close();
  };
  const exit = Deno.exit;
  Deno.exit = (code) => {
    fail(new Error(`its worker ended with exit code ${code ?? 0}`));
    return exit(code);
  };
}
