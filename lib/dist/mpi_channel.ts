import { setImmediate } from "node:timers";
import { type Call, compareCalls, numberOf, phraseCall } from "./call.ts";
import { GroupFailure } from "./group_failure.ts";
import { checkMpi, type MpiLibrary } from "./mpi_library.ts";

/** Tags of messages besides the collective operations. */
const MEETING_TAG = 1, NOTICE_TAG = 2;
/** Small enough for every transport to send at once. */
const MAX_NOTICE = 1024;
const ANY_SOURCE = -1;
/** Room for an MPI_Status: source, tag, error, cancelled as int, then a size_t. */
const STATUS_BYTES = 64;
/** MPI moves data in its own calls only: so long it is called over and over before other work gets its turn. */
const BUSY_MS = 1;
/** After so long the others are not about to come: the processor is left to them, a millisecond each time. */
const PATIENT_MS = 5;
/** What a failing rank waits for its notice to be sent. */
const NOTICE_MS = 1000;

/** A started operation: MPI's handle, and what must live until it is done. */
export interface MpiRequest {
  readonly handle: BigUint64Array<ArrayBuffer>;
  readonly kept: readonly unknown[];
}

/**
 * What the operations of an MPI group stand on: meetings with a time limit at which ranks compare what they came for, waiting for
 * requests without holding up the event loop, notices of failures.
 */
export class MpiChannel {
  readonly mpi: MpiLibrary;
  readonly rank: number;
  readonly size: number;
  readonly #limit: number;
  readonly #flag = new Int32Array(1);
  readonly #status = new Int32Array(STATUS_BYTES / 4);
  #failure: GroupFailure | undefined;
  #notices: MpiRequest[] = [];

  /** `limit` is in milliseconds. */
  constructor(mpi: MpiLibrary, limit: number) {
    this.mpi = mpi;
    this.#limit = limit;
    const value = new Int32Array(1);
    mpi.MPI_Comm_rank(mpi.ompi_mpi_comm_world, value);
    this.rank = value[0];
    mpi.MPI_Comm_size(mpi.ompi_mpi_comm_world, value);
    this.size = value[0];
  }

  /** Starts an operation of MPI: `begin` gets the place of its handle. */
  start(name: string, kept: readonly unknown[], begin: (handle: BigUint64Array<ArrayBuffer>) => number): MpiRequest {
    const handle = new BigUint64Array(1);
    checkMpi(this.mpi, name, begin(handle));
    return { handle, kept };
  }

  /**
   * Comes to the next meeting and waits for all others. Gives the lengths they came with.
   *
   * @throws {GroupFailure} if a rank has failed, does not come in time, or comes for something else.
   */
  async meet(call: Call): Promise<number[]> {
    this.check();
    const { mpi, rank, size } = this;
    const own = Float64Array.of(numberOf(call), call.length);
    const all = Array.from({ length: size }, () => own.slice());
    const others = Array.from({ length: size }, (_, one) => one).filter((one) => one !== rank);
    const message = (
      name: "MPI_Isend" | "MPI_Irecv",
      values: Float64Array<ArrayBuffer>,
      other: number,
    ) =>
      this.start(name, [values], (handle) =>
        mpi[name](
          new Uint8Array(values.buffer),
          values.length,
          mpi.ompi_mpi_double,
          other,
          MEETING_TAG,
          mpi.ompi_mpi_comm_world,
          new Uint8Array(handle.buffer),
        ));
    const heard = others.map((other) => message("MPI_Irecv", all[other], other));
    const told = others.map((other) => message("MPI_Isend", own, other));
    const late = await this.#wait([...heard, ...told]);
    if (late >= 0) {
      const missing = others[late % others.length];
      await this.fail(missing, `did not come to ${phraseCall(call)} within ${this.#limit / 1000} s`);
      this.check();
    }
    const wrong = compareCalls(all, rank, call);
    if (wrong) {
      await this.fail(wrong.rank, wrong.reason);
      this.check();
    }
    return all.map(([, length]) => length);
  }

  /** Waits until a request is done; `call` is what it belongs to. */
  async complete(request: MpiRequest, call: Call): Promise<void> {
    const late = await this.#wait([request]);
    if (late < 0) return;
    await this.fail(
      this.rank,
      `its ${phraseCall(call)} was not done within ${this.#limit / 1000} s: a rank or the network is stuck`,
    );
    this.check();
  }

  /** @throws {GroupFailure} if a rank is known to have failed. */
  check(): void {
    this.#listen();
    if (this.#failure) throw this.#failure;
  }

  /** Ends the group because of a rank, and tells all others. The first failure is kept. */
  async fail(rank: number, reason: string): Promise<void> {
    if (this.#failure) return;
    this.#failure = new GroupFailure(rank, reason);
    const { mpi } = this;
    // Its end may be cut off; a broken character at the end is mended when it is read.
    const notice = new TextEncoder().encode(`${rank} ${reason}`).slice(0, MAX_NOTICE);
    for (let other = 0; other < this.size; other++) {
      if (other === this.rank) continue;
      this.#notices.push(
        this.start("MPI_Isend", [notice], (handle) =>
          mpi.MPI_Isend(
            notice,
            notice.length,
            mpi.ompi_mpi_byte,
            other,
            NOTICE_TAG,
            mpi.ompi_mpi_comm_world,
            new Uint8Array(handle.buffer),
          )),
      );
    }
    const end = performance.now() + NOTICE_MS;
    while (this.#notices.some((one) => !this.#isDone(one)) && performance.now() < end) await nextTurn();
  }

  /** The first of the requests that is not done within the limit; -1 if all are. */
  async #wait(requests: readonly MpiRequest[]): Promise<number> {
    const begun = performance.now();
    let next = 0;
    for (;;) {
      const busyUntil = performance.now() + BUSY_MS;
      let now: number;
      do {
        while (next < requests.length && this.#isDone(requests[next])) next++;
        if (next === requests.length) return -1;
        now = performance.now();
      } while (now < busyUntil);
      this.check();
      if (now - begun > this.#limit) return requests.findIndex((one) => !this.#isDone(one));
      await nextTurn(now - begun > PATIENT_MS ? 1 : 0);
    }
  }

  #isDone({ handle }: MpiRequest): boolean {
    // A handle of what is done is MPI_REQUEST_NULL, which is done again.
    checkMpi(this.mpi, "MPI_Test", this.mpi.MPI_Test(new Uint8Array(handle.buffer), bytesOf(this.#flag), null));
    return this.#flag[0] !== 0;
  }

  /** Takes in a notice of a failure, if one has come. */
  #listen(): void {
    if (this.#failure) return;
    const { mpi } = this;
    const world = mpi.ompi_mpi_comm_world;
    const [flag, status] = [bytesOf(this.#flag), bytesOf(this.#status)];
    checkMpi(mpi, "MPI_Iprobe", mpi.MPI_Iprobe(ANY_SOURCE, NOTICE_TAG, world, flag, status));
    if (this.#flag[0] === 0) return;
    const text = new Uint8Array(MAX_NOTICE);
    const source = this.#status[0];
    checkMpi(mpi, "MPI_Recv", mpi.MPI_Recv(text, MAX_NOTICE, mpi.ompi_mpi_byte, source, NOTICE_TAG, world, status));
    const [, rank, reason] = /^(\d+) ([^\0]*)/.exec(new TextDecoder().decode(text)) ??
      [undefined, source, "no reason told"];
    this.#failure = new GroupFailure(Number(rank), reason);
  }
}

function bytesOf(words: Int32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer);
}

/** Lets the event loop do other work, and for some milliseconds other programs. */
function nextTurn(milliseconds = 0): Promise<void> {
  // A timer of none waits for a millisecond all the same.
  return new Promise((resolve) => milliseconds > 0 ? setTimeout(resolve, milliseconds) : setImmediate(() => resolve()));
}
