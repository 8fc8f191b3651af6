import type { Call } from "./call.ts";
import type { Group, Reduction } from "./group.ts";
import { MpiChannel } from "./mpi_channel.ts";
import { startMpi } from "./mpi_library.ts";
import { OperationQueue } from "./operation_queue.ts";
import { reduceParts, shareBounds } from "./reduce_parts.ts";

/** Numbers that are reduced at once: large enough for the network, small enough for the processor's cache. */
const SLICE = 2 ** 18;
/** Bytes of all ranks that are gathered at once; MPI counts in 31 bits. */
const MOST_GATHERED = 2 ** 28;
/** MPI_IN_PLACE of Open MPI, as an address. */
const IN_PLACE = 1n;

/** How a process joins its MPI job. */
export interface MpiGroupOptions {
  /** Seconds that an operation waits for the other ranks. @default 600 */
  readonly timeout?: number;
}

/**
 * Ranks in processes, on one machine or many, that `mpirun` or `srun` started: one group in a process. Each rank gets its share of every
 * rank's elements, reduces it, and sends it to all: as much is sent as the best algorithms of MPI itself send, and the order of the
 * sum is ours. No call waits inside MPI, so the event loop goes on and the time limit holds.
 *
 * A rank that fails tells the others, whose operations throw; a process that then ends with an exit code other than 0 makes `mpirun` end
 * the rest, and so does one that is killed.
 */
export class MpiGroup implements Group {
  readonly rank: number;
  readonly size: number;
  readonly #channel: MpiChannel;
  readonly #queue = new OperationQueue();
  /** Where shares of this slice and of the next arrive. */
  readonly #windows: readonly Float32Array<ArrayBuffer>[];

  private constructor(channel: MpiChannel) {
    this.#channel = channel;
    this.rank = channel.rank;
    this.size = channel.size;
    this.#windows = [0, 1].map(() => new Float32Array(SLICE + channel.size));
  }

  /**
   * Starts MPI in this process and meets the others.
   *
   * @throws {InputError} if there is no Open MPI, or the process was not started by a launcher.
   * @throws {GroupFailure} if a rank does not come in time.
   */
  static async join({ timeout = 600 }: MpiGroupOptions = {}): Promise<MpiGroup> {
    const group = new MpiGroup(new MpiChannel(startMpi(), 1000 * timeout));
    await group.barrier();
    return group;
  }

  barrier(): Promise<void> {
    return this.#queue.run(async () => {
      await this.#channel.meet({ name: "barrier", length: 0 });
    });
  }

  allocate(length: number): Promise<Float32Array> {
    return this.#queue.run(async () => {
      await this.#channel.meet({ name: "allocate", length });
      return new Float32Array(length);
    });
  }

  average(...arrays: Float32Array[]): Promise<void> {
    return this.#reduce("average", arrays);
  }

  sum(...arrays: Float32Array[]): Promise<void> {
    return this.#reduce("sum", arrays);
  }

  max(...arrays: Float32Array[]): Promise<void> {
    return this.#reduce("max", arrays);
  }

  async gather(values: readonly number[]): Promise<number[][]> {
    const all = await this.#allGather("gather", new Uint8Array(Float64Array.from(values).buffer));
    return all.map((bytes) => [...new Float64Array(bytes.buffer)]);
  }

  async allGather(values: Float32Array): Promise<Float32Array<ArrayBuffer>[]> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return (await this.#allGather("allGather", bytes)).map(({ buffer }) => new Float32Array(buffer));
  }

  allGatherBytes(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#allGather("allGatherBytes", bytes);
  }

  /**
   * Takes in what other ranks have told, in long computations between two operations.
   *
   * @throws {GroupFailure} if one has failed.
   */
  check(): void {
    this.#channel.check();
  }

  fail(reason: string): Promise<void> {
    return this.#channel.fail(this.rank, reason);
  }

  /** Ends MPI in this process, when all ranks are there. */
  close(): Promise<void> {
    return this.#queue.run(async () => {
      await this.#channel.meet({ name: "close", length: 0 });
      this.#channel.mpi.MPI_Finalize();
    });
  }

  #reduce(reduction: Reduction, arrays: readonly Float32Array[]): Promise<void> {
    return this.#queue.run(async () => {
      const call = { name: reduction, length: arrays.reduce((sum, { length }) => sum + length, 0) };
      await this.#channel.meet(call);
      if (this.size === 1) return;
      const slices = arrays.flatMap((array) =>
        Array.from({ length: Math.ceil(array.length / SLICE) }, (_, k) => array.subarray(k * SLICE, (k + 1) * SLICE))
      );
      // While one slice is reduced the next is on its way.
      let scattered = slices.length > 0 ? this.#scatter(slices[0], 0) : undefined;
      for (const [k, slice] of slices.entries()) {
        const { request, parts, bounds } = scattered!;
        await this.#channel.complete(request, call);
        scattered = k + 1 < slices.length ? this.#scatter(slices[k + 1], k + 1) : undefined;
        reduceParts(parts, [slice.subarray(bounds[this.rank], bounds[this.rank + 1])], reduction);
        await this.#channel.complete(this.#collect(slice, bounds), call);
      }
    });
  }

  /** Sends each rank its share of a slice, the `number`th. `parts` will be this rank's share of all ranks. */
  #scatter(slice: Float32Array, number: number) {
    const { mpi } = this.#channel;
    const bounds = shareBounds(slice.length, this.size);
    const own = bounds[this.rank + 1] - bounds[this.rank];
    const [sent, from] = countsOf(bounds);
    const counts = new Int32Array(this.size).fill(own);
    const places = Int32Array.from(counts, (_, rank) => rank * own);
    const received = this.#windows[number % 2].subarray(0, this.size * own);
    const request = this.#channel.start(
      "MPI_Ialltoallv",
      [slice, sent, from, received, counts, places],
      (handle) =>
        mpi.MPI_Ialltoallv(
          bytesOf(slice),
          bytesOf(sent),
          bytesOf(from),
          mpi.ompi_mpi_float,
          bytesOf(received),
          bytesOf(counts),
          bytesOf(places),
          mpi.ompi_mpi_float,
          mpi.ompi_mpi_comm_world,
          bytesOf(handle),
        ),
    );
    const parts = Array.from(places, (place) => received.subarray(place, place + own));
    return { request, parts, bounds };
  }

  /** Sends this rank's share of a slice to all, and gets theirs. */
  #collect(slice: Float32Array, bounds: readonly number[]) {
    return this.#gatherInPlace(slice, bounds, this.#channel.mpi.ompi_mpi_float);
  }

  #gatherInPlace(all: Float32Array | Uint8Array, bounds: readonly number[], type: Deno.PointerValue) {
    const { mpi } = this.#channel;
    const [counts, places] = countsOf(bounds);
    return this.#channel.start("MPI_Iallgatherv", [all, counts, places], (handle) =>
      mpi.MPI_Iallgatherv(
        Deno.UnsafePointer.create(IN_PLACE),
        0,
        null,
        bytesOf(all),
        bytesOf(counts),
        bytesOf(places),
        type,
        mpi.ompi_mpi_comm_world,
        bytesOf(handle),
      ));
  }

  #allGather(name: string, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#queue.run(async () => {
      const call: Call = { name, length: bytes.length, mayDiffer: true };
      const lengths = await this.#channel.meet(call);
      const results = lengths.map((length) => new Uint8Array(length));
      const most = Math.max(1, Math.floor(MOST_GATHERED / this.size));
      for (let from = 0; lengths.some((length) => from < length); from += most) {
        const bounds = [0];
        for (const length of lengths) bounds.push(bounds.at(-1)! + Math.max(0, Math.min(most, length - from)));
        const all = new Uint8Array(bounds.at(-1)!);
        all.set(bytes.subarray(from, from + most), bounds[this.rank]);
        await this.#channel.complete(this.#gatherInPlace(all, bounds, this.#channel.mpi.ompi_mpi_byte), call);
        for (const [rank, result] of results.entries()) {
          const part = all.subarray(bounds[rank], bounds[rank + 1]);
          if (part.length > 0) result.set(part, from);
        }
      }
      return results;
    });
  }
}

/** Bounds as MPI takes them: how many of each rank, and where they begin. */
function countsOf(bounds: readonly number[]): [Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>] {
  const places = Int32Array.from(bounds.slice(0, -1));
  return [places.map((place, rank) => bounds[rank + 1] - place), places];
}

/** The bytes of an array, as foreign functions take them. */
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
