import { InputError } from "../errors.ts";

/** What a pool sends to a worker. */
interface Job<Request> {
  readonly id: number;
  readonly request: Request;
}

/** What a worker sends back. */
type Answer<Reply> =
  | { readonly id: number; readonly reply: Reply }
  | { readonly id: number; readonly failure: string; readonly isInput: boolean };

interface Pending<Reply> {
  readonly weight: number;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

interface Member<Reply> {
  readonly worker: Worker;
  readonly pending: Map<number, Pending<Reply>>;
  load: number;
}

/** A reply and the buffers that move with it instead of being copied. */
export interface Transferring<T> {
  /** The value. */
  readonly value: T;
  /** Buffers in it that its sender gives up. */
  readonly transfer: Transferable[];
}

/**
 * A fixed number of Web Workers that answer requests.
 *
 * A request is posted at once to the worker with the least to do, not when one is free: while the main thread waits for
 * the GPU nothing could be handed out, and the workers go on with what they have. A worker that dies takes the pool with
 * it: everything pending, and whatever is asked for later, is rejected with the reason.
 *
 * The other side calls `serveWorker()`.
 */
export class WorkerPool<Request, Reply> implements Disposable {
  readonly #name: string;
  readonly #members: Member<Reply>[] = [];
  #next = 0;
  #broken: Error | undefined;

  /**
   * Starts `count` workers.
   *
   * @param name What they do, for messages.
   */
  constructor(url: URL, name: string, count: number) {
    this.#name = name;
    for (let i = 0; i < count; i++) {
      const worker = new Worker(url, { type: "module", name: `${name} ${i + 1}` });
      const member: Member<Reply> = { worker, pending: new Map(), load: 0 };
      worker.onmessage = ({ data }: MessageEvent<Answer<Reply>>) => this.#settle(member, data);
      worker.onerror = (event) => {
        event.preventDefault(); // else the error ends the whole program
        this.#break(new Error(`a worker for ${name} died: ${event.message}`));
      };
      worker.onmessageerror = () => this.#break(new Error(`a worker for ${name} sent what cannot be read`));
      this.#members.push(member);
    }
  }

  /** Number of workers. */
  get size(): number {
    return this.#members.length;
  }

  /**
   * Sends a request to the worker with the least to do.
   *
   * @param weight How much work it is, in any unit.
   * @param transfer Buffers in the request to give up instead of copying.
   * @throws {Error} (as a rejection) if the worker fails, dies, or the pool is closed.
   */
  run(request: Request, weight = 1, transfer: Transferable[] = []): Promise<Reply> {
    if (this.#broken) return Promise.reject(this.#broken);
    const member = this.#members.reduce((least, other) => other.load < least.load ? other : least);
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    try {
      member.worker.postMessage({ id, request } satisfies Job<Request>, transfer);
    } catch (error) {
      return Promise.reject(error);
    }
    member.pending.set(id, { weight, resolve, reject });
    member.load += weight;
    return promise;
  }

  /** Ends the workers at once; what is pending is rejected. */
  close(): void {
    this.#break(new Error(`the workers for ${this.#name} were closed`));
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.close();
  }

  #settle(member: Member<Reply>, answer: Answer<Reply>): void {
    const pending = member.pending.get(answer.id);
    if (!pending) return;
    member.pending.delete(answer.id);
    member.load -= pending.weight;
    if ("reply" in answer) pending.resolve(answer.reply);
    else if (answer.isInput) pending.reject(new InputError(answer.failure));
    else pending.reject(new Error(`a worker for ${this.#name} failed: ${answer.failure}`));
  }

  #break(reason: Error): void {
    if (this.#broken) return;
    this.#broken = reason;
    for (const { worker, pending } of this.#members) {
      worker.terminate();
      for (const { reject } of pending.values()) reject(reason);
      pending.clear();
    }
  }
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/**
 * Answers a pool's requests, in the worker. Requests are answered one after the other, in their order. An exception
 * rejects the one request; the worker goes on.
 */
export function serveWorker<Request, Reply>(
  answer: (request: Request) => Promise<Transferring<Reply>> | Transferring<Reply>,
): void {
  const scope = self as unknown as WorkerScope;
  let last: Promise<void> = Promise.resolve();
  scope.onmessage = ({ data: { id, request } }: MessageEvent<Job<Request>>) => {
    last = last.then(async () => {
      try {
        const { value, transfer } = await answer(request);
        scope.postMessage({ id, reply: value } satisfies Answer<Reply>, transfer);
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error);
        scope.postMessage({ id, failure, isInput: error instanceof InputError } satisfies Answer<Reply>, []);
      }
    });
  };
}
