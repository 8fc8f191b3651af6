import * as tf from "../deps/tfjs.ts";
import { InputError } from "../errors.ts";
import type { Tensor, Variable } from "../gpu/tensor.ts";
import { rowRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { hash32 } from "../data/random.ts";

/** Values as PyTorch lays them out: row-major, convolutions [out, in, height, width], linear layers [out, in]. */
export interface StateTensor {
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** Row-major values. */
  readonly data: Float32Array;
}

/** Tensors by PyTorch name. */
export type StateDict = Map<string, StateTensor>;

/** Fills a new parameter: value `i` of a parameter whose stream of random numbers is `seed`. */
export type Initializer = (seed: number, i: number) => number;

/** One parameter or buffer of a model. */
export interface Parameter {
  /** PyTorch's name, such as `layer1.0.conv1.weight`. */
  readonly name: string;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /**
   * On the GPU, in our layout: filters [height, width, in, out], everything else as it is. A table of classes that is larger than a buffer may be has
   * its rows in several, all of the same height but the last; everything else is one.
   */
  readonly parts: readonly Variable[];
  /** Moved by the optimizer; buffers such as running means are not. */
  readonly trainable: boolean;
  /** Shape seen as [out, in, height, width] where the two layouts differ. */
  readonly filter: readonly [number, number, number, number] | undefined;
}

/** How a parameter is declared. */
export interface ParameterOptions {
  /** Moved by the optimizer. @default true */
  readonly trainable?: boolean;
  /** A filter in this [out, in, height, width], kept as [height, width, in, out] on the GPU. */
  readonly filter?: readonly [number, number, number, number];
}

/** How a table is declared. */
export interface TableOptions {
  /** Moved by the optimizer. @default true */
  readonly trainable?: boolean;
  /** Most rows of a part, a multiple of 64. @default what a gigabyte and a buffer of the adapter hold */
  readonly partRows?: number;
  /** The first row is this one of a larger table, and its initial values are that row's. @default 0 */
  readonly firstRow?: number;
}

/** Bytes of a part of a table: small enough for the buffers of most adapters, so that files do not depend on the adapter. */
const PART_BYTES = 2 ** 30;

/** The parameters and buffers of a model by PyTorch name, in PyTorch's order. */
export class Parameters {
  readonly #gpu: Gpu;
  readonly #seed: number;
  readonly #byName = new Map<string, Parameter>();

  /** Initial values are a function of `seed`, the parameter's number and the index alone. */
  constructor(gpu: Gpu, seed: number) {
    this.#gpu = gpu;
    this.#seed = seed;
  }

  /** Declares a parameter, fills it and returns its variable. */
  add(name: string, shape: readonly number[], init: Initializer, options: ParameterOptions = {}): Variable {
    const { trainable = true, filter } = options;
    const seed = this.#seedOf(name);
    const ourShape = filter ? [filter[2], filter[3], filter[1], filter[0]] : [...shape];
    const variable = this.#variable(ourShape, trainable, () => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < data.length; i++) data[i] = init(seed, i);
      return filter ? toOurs(data, filter) : data;
    });
    this.#byName.set(name, { name, shape, parts: [variable], trainable, filter });
    return variable;
  }

  /** Declares a table [rows, columns] that may be larger than a buffer, fills it and returns its parts. */
  addTable(
    name: string,
    shape: readonly [number, number],
    init: Initializer,
    { trainable = true, partRows = this.#partRows(shape[1]), firstRow = 0 }: TableOptions = {},
  ): Variable[] {
    const seed = this.#seedOf(name);
    const [rows, columns] = shape;
    const parts = rowRanges(rows, partRows).map(({ first, count }) => {
      const part = this.#variable([count, columns], trainable, () => {
        const data = new Float32Array(count * columns);
        for (let i = 0; i < data.length; i++) data[i] = init(seed, (firstRow + first) * columns + i);
        return data;
      });
      // At once: the values would stay in memory until the part's first use.
      this.#gpu.kernels.buffer(part);
      return part;
    });
    this.#byName.set(name, { name, shape, parts, trainable, filter: undefined });
    return parts;
  }

  #variable(shape: number[], trainable: boolean, values: () => Float32Array): Variable {
    // tf.variable() keeps the tensor; the wrapper around the values is not needed any more.
    return tf.tidy(() =>
      tf.variable(this.#gpu.onPaper ? this.#gpu.kernels.empty(shape) : tf.tensor(values(), shape), trainable)
    );
  }

  #seedOf(name: string): number {
    if (this.#byName.has(name)) throw new Error(`Parameter ${name} is declared twice`);
    return hash32(this.#seed ^ hash32(this.#byName.size + 1));
  }

  #partRows(columns: number): number {
    const bytes = Math.min(PART_BYTES, this.#gpu.device.limits.maxBufferSize);
    return Math.max(64, Math.floor(bytes / 4 / columns / 64) * 64);
  }

  /** Every parameter and buffer, in the order of declaration. */
  list(): Parameter[] {
    return [...this.#byName.values()];
  }

  /** Those the optimizer moves. */
  trainable(): Parameter[] {
    return this.list().filter((parameter) => parameter.trainable);
  }

  /** Number of trained values. */
  get size(): number {
    return this.trainable().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Reads every value back, in PyTorch's layout. */
  async state(): Promise<StateDict> {
    const list = this.list();
    const tensors = await readParameters(this.#gpu, list.map((parameter) => [parameter, parameter.parts]));
    return new Map(list.map(({ name }, i) => [name, tensors[i]]));
  }

  /**
   * Replaces every value.
   *
   * @throws {InputError} listing names that are missing, not expected, or of another shape; nothing is changed then.
   */
  load(state: StateDict, source: string): void {
    const wrong: string[] = [];
    for (const { name, shape } of this.list()) {
      const found = state.get(name);
      if (!found) wrong.push(`missing ${name}`);
      else if (found.shape.join() !== shape.join()) {
        wrong.push(`${name}: expected shape [${shape}], found [${found.shape}]`);
      }
    }
    for (const name of state.keys()) if (!this.#byName.has(name)) wrong.push(`not expected ${name}`);
    if (wrong.length > 0) {
      const more = wrong.length > 6 ? ` and ${wrong.length - 6} more` : "";
      throw new InputError(
        `Cannot load weights from ${source}: they are of another model (${wrong.slice(0, 6).join("; ")}${more})`,
      );
    }
    for (const parameter of this.list()) {
      writeParameter(this.#gpu, parameter, parameter.parts, state.get(parameter.name)!);
    }
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    tf.dispose(this.list().flatMap(({ parts }) => parts));
    this.#byName.clear();
  }
}

/** Reads tensors that are laid out as their parameters are (themselves, or their momenta), into PyTorch's layout. */
export async function readParameters(
  gpu: Gpu,
  pairs: readonly (readonly [Parameter, readonly Tensor[]])[],
): Promise<StateTensor[]> {
  const values = await gpu.kernels.readAll(pairs.flatMap(([, parts]) => parts));
  return pairs.map(([{ shape, filter }, parts]) => {
    const data = joined(values.splice(0, parts.length));
    return { shape, data: filter ? toTorch(data, filter) : data };
  });
}

/** The values of parts one after the other; of a single part, itself. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Writes PyTorch's layout into tensors that are laid out as `parameter` is. */
export function writeParameter(gpu: Gpu, parameter: Parameter, parts: readonly Tensor[], value: StateTensor): void {
  const ours = parameter.filter ? toOurs(value.data, parameter.filter) : value.data;
  let at = 0;
  for (const part of parts) gpu.kernels.write(part, ours.subarray(at, at += part.size));
}

/** [out, in, height, width] to [height, width, in, out]. */
function toOurs(data: Float32Array, [out, inputs, height, width]: readonly number[]): Float32Array {
  const taps = height * width;
  const ours = new Float32Array(data.length);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inputs; i++) {
      const from = (o * inputs + i) * taps;
      for (let t = 0; t < taps; t++) ours[(t * inputs + i) * out + o] = data[from + t];
    }
  }
  return ours;
}

/** [height, width, in, out] to [out, in, height, width]. */
function toTorch(ours: Float32Array, [out, inputs, height, width]: readonly number[]): Float32Array {
  const taps = height * width;
  const data = new Float32Array(ours.length);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inputs; i++) {
      const to = (o * inputs + i) * taps;
      for (let t = 0; t < taps; t++) data[to + t] = ours[(t * inputs + i) * out + o];
    }
  }
  return data;
}
