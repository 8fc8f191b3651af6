import * as tf from "../deps/tfjs.ts";
import { InputError } from "../errors.ts";
import type { Tensor, Variable } from "../gpu/tensor.ts";
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
  /** On the GPU, in our layout: filters [height, width, in, out], everything else as it is. */
  readonly variable: Variable;
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
    if (this.#byName.has(name)) throw new Error(`Parameter ${name} is declared twice`);
    const seed = hash32(this.#seed ^ hash32(this.#byName.size + 1));
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) data[i] = init(seed, i);
    const ours = filter ? toOurs(data, filter) : data;
    const ourShape = filter ? [filter[2], filter[3], filter[1], filter[0]] : [...shape];
    // tf.variable() keeps the tensor; the wrapper around the values is not needed any more.
    const variable = tf.tidy(() => tf.variable(tf.tensor(ours, ourShape), trainable));
    this.#byName.set(name, { name, shape, variable, trainable, filter });
    return variable;
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
    return this.trainable().reduce((sum, { variable }) => sum + variable.size, 0);
  }

  /** Reads every value back, in PyTorch's layout. */
  async state(): Promise<StateDict> {
    const list = this.list();
    const tensors = await readParameters(this.#gpu, list.map((parameter) => [parameter, parameter.variable]));
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
      writeParameter(this.#gpu, parameter, parameter.variable, state.get(parameter.name)!);
    }
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    for (const { variable } of this.list()) variable.dispose();
    this.#byName.clear();
  }
}

/** Reads tensors that are laid out as their parameters are (themselves, or their momenta), into PyTorch's layout. */
export async function readParameters(
  gpu: Gpu,
  pairs: readonly (readonly [Parameter, Tensor])[],
): Promise<StateTensor[]> {
  const values = await gpu.kernels.readAll(pairs.map(([, tensor]) => tensor));
  return pairs.map(([{ shape, filter }], i) => ({ shape, data: filter ? toTorch(values[i], filter) : values[i] }));
}

/** Writes PyTorch's layout into a tensor that is laid out as `parameter` is. */
export function writeParameter(gpu: Gpu, parameter: Parameter, tensor: Tensor, value: StateTensor): void {
  gpu.kernels.write(tensor, parameter.filter ? toOurs(value.data, parameter.filter) : value.data);
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
