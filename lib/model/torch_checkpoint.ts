import { ByteFile } from "../data/byte_file.ts";
import { readPickle } from "../data/pickle_reader.ts";
import { describePickle } from "../data/pickle_values.ts";
import { InputError } from "../errors.ts";
import type { TensorArray, TensorData } from "./safetensors.ts";
import { DTYPE_BYTES, type TensorDtype } from "./safetensors_header.ts";
import { loadStorage, TORCH_DTYPES, TORCH_PICKLE, type TorchStorage, TorchTensor } from "./torch_pickle.ts";
import { ZipArchive, type ZipEntry } from "./zip_archive.ts";

/** What a PyTorch file says of a tensor. */
export interface TorchTensorInfo {
  /** Type of the numbers; undefined where it cannot be read here. */
  readonly dtype: TensorDtype | undefined;
  /** Length along each axis. */
  readonly shape: readonly number[];
}

/** An open PyTorch file: the tensors of its state dict. */
export interface TorchCheckpoint extends Disposable {
  /** The path as it was given. */
  readonly path: string;
  /** Types and shapes by name, in the file's order. */
  readonly tensors: ReadonlyMap<string, TorchTensorInfo>;
  /**
   * Reads one tensor, row-major, whatever its strides are in the file.
   *
   * @throws {InputError} if there is none of this name, its type cannot be read, or its numbers are damaged.
   */
  read(name: string): TensorData;
}

const ACTION = "read PyTorch file";

/** Where a state dict lies in a checkpoint: a dict of dicts. The first that is there is taken, layer by layer. */
const NESTED = ["backbone", "state_dict_backbone", "state_dict", "model_state_dict", "model", "net"];
const DEEPEST = 4;

/** Views may overlap, so that a small file could ask for any amount of memory. Honest files stay near 1. */
const MOST_BYTES_PER_BYTE = 16;

const SAVE_AGAIN = "load it in Python and torch.save() its state_dict() again";

const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/**
 * Opens a file of PyTorch (.pt, .pth, .ckpt; the zip format of 1.6 and newer) without being able to run anything in it, and finds
 * its state dict: bare, or under `backbone`, `state_dict`, `model` and the like. Numbers are read by position when asked for.
 *
 * @throws {InputError} naming file and byte: the older format, a TorchScript archive, a pickled class, no tensors, damage.
 * @source https://docs.pytorch.org/docs/stable/notes/serialization.html
 *
 * @example
 * ```ts
 * import { openTorchCheckpoint } from "./torch_checkpoint.ts";
 * import { writeTorchCheckpoint } from "./write_torch_checkpoint.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const bias = { dtype: "F32" as const, shape: [2], data: Float32Array.of(0.5, -1) };
 * writeTorchCheckpoint(`${folder}/model.pth`, new Map([["fc.bias", bias]]));
 * {
 *   using file = openTorchCheckpoint(`${folder}/model.pth`);
 *   console.assert(file.read("fc.bias").data.join() === "0.5,-1");
 * }
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function openTorchCheckpoint(path: string): TorchCheckpoint {
  const file = ByteFile.open(path, ACTION);
  try {
    return open(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Reads every tensor of a PyTorch file's state dict.
 *
 * @throws {InputError} as {@linkcode openTorchCheckpoint}, and if a tensor's numbers are damaged.
 */
export function readTorchCheckpoint(path: string): Map<string, TensorData> {
  using file = openTorchCheckpoint(path);
  return new Map([...file.tensors.keys()].map((name) => [name, file.read(name)]));
}

function open(file: ByteFile): TorchCheckpoint {
  refuseOlder(file);
  const archive = new ZipArchive(file);
  const { root, pickle } = findPickle(file, archive);
  archive.read(pickle); // its checksum: a flipped bit in a pickle may still be a pickle
  const content = readPickle(file, {
    allow: TORCH_PICKLE,
    persistentLoad: loadStorage,
    offset: archive.dataOffset(pickle),
  });
  const state = findState(content) ?? refuse(
    file,
    `expected tensors by name, bare or under ${NESTED.slice(0, 5).join(", ")}, found ${describeContent(content)}`,
  );
  const total = [...state.values()].reduce((sum, tensor) => sum + tensor.size * itemBytes(tensor.storage), 0);
  if (total > MOST_BYTES_PER_BYTE * file.size) {
    refuse(file, `expected tensors of about the file's ${file.size} bytes, found views that take ${total}`);
  }
  let last: { storage: TorchStorage; numbers: TensorArray } | undefined;
  const numbersOf = (storage: TorchStorage, name: string): TensorArray => {
    if (last?.storage.key === storage.key && last.storage.type === storage.type) return last.numbers;
    const entry = archive.entries.get(`${root}data/${storage.key}`) ??
      refuse(file, `expected the numbers of ${name} in ${root}data/${storage.key}, found no such entry`);
    const dtype = TORCH_DTYPES[storage.type] ??
      refuse(file, `expected ${name} in 16, 32 or 64 bit floats, found ${storage.type}`);
    if (entry.size !== storage.count * DTYPE_BYTES[dtype]) {
      file.fail(
        `expected ${storage.count} numbers of ${dtype} in ${entry.name}, found ${entry.size} bytes`,
        entry.headerOffset,
      );
    }
    const numbers = new ARRAYS[dtype](archive.read(entry).buffer);
    last = { storage, numbers };
    return numbers;
  };
  return {
    path: file.path,
    tensors: new Map(
      [...state].map(([name, { storage, shape }]) => [name, { dtype: TORCH_DTYPES[storage.type], shape }]),
    ),
    read(name) {
      const tensor = state.get(name) ?? refuse(file, `expected a tensor named ${name}, found none`);
      const numbers = numbersOf(tensor.storage, name);
      // the type was looked at with the storage
      return { dtype: TORCH_DTYPES[tensor.storage.type]!, shape: [...tensor.shape], data: gather(tensor, numbers) };
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** The formats before PyTorch 1.6: a row of pickles, or a tar. */
function refuseOlder(file: ByteFile): void {
  const start = file.read(0, Math.min(file.size, 512));
  if (start[0] === 0x50 && start[1] === 0x4b) return; // PK: a zip
  const older = `expected the zip format of PyTorch 1.6 or newer, found the older`;
  const advice = `load it in Python and torch.save() it again, which writes the newer one`;
  // LONG1 of ten bytes after the protocol: the magic number of the older format
  if (start[0] === 0x80 && start[2] === 0x8a && start[3] === 10) {
    file.fail(`${older} format of one pickle after the other`, 0, advice);
  }
  if (new TextDecoder().decode(start.subarray(257, 262)) === "ustar") file.fail(`${older} tar format`, 0, advice);
  file.fail("expected a zip archive as torch.save() writes it, found other bytes", 0);
}

/** The archive's pickle, and the folder all its files are in. */
function findPickle(file: ByteFile, { entries }: ZipArchive): { root: string; pickle: ZipEntry } {
  const pickles = [...entries.values()].filter(({ name }) => /^([^/]*\/)?data\.pkl$/.test(name));
  if (pickles.length !== 1) refuse(file, `expected one data.pkl in the archive, found ${pickles.length || "none"}`);
  const [pickle] = pickles;
  const root = pickle.name.slice(0, -"data.pkl".length);
  if (entries.has(`${root}constants.pkl`)) {
    throw new InputError(
      `Cannot ${ACTION} ${file.path}: expected a state dict, found a TorchScript program, which cannot be run here; ${SAVE_AGAIN}`,
    );
  }
  return { root, pickle };
}

/** The innermost dict of tensors. */
function findState(content: unknown): Map<string, TorchTensor> | undefined {
  let value = content;
  for (let depth = 0; depth < DEEPEST && value instanceof Map; depth++) {
    const key = NESTED.find((name) => (value as Map<unknown, unknown>).get(name) instanceof Map);
    if (key === undefined) break;
    value = value.get(key);
  }
  if (!(value instanceof Map)) return undefined;
  const tensors = [...value].filter((pair): pair is [string, TorchTensor] =>
    typeof pair[0] === "string" && pair[1] instanceof TorchTensor
  );
  return tensors.length > 0 ? new Map(tensors) : undefined;
}

/** A tensor's numbers, row-major. */
function gather({ offset, shape, stride, size }: TorchTensor, numbers: TensorArray): TensorArray {
  if (isContiguous(shape, stride)) return numbers.slice(offset, offset + size);
  const data = numbers.slice(0, 0);
  const result = new (data.constructor as new (length: number) => TensorArray)(size);
  const axes = shape.length;
  const at = new Array<number>(axes).fill(0);
  let from = offset;
  for (let i = 0; i < size; i++) {
    result[i] = numbers[from];
    for (let axis = axes - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++at[axis] < shape[axis]) break;
      from -= shape[axis] * stride[axis];
      at[axis] = 0;
    }
  }
  return result;
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return false;
    step *= shape[axis];
  }
  return true;
}

function itemBytes({ type }: TorchStorage): number {
  const dtype = TORCH_DTYPES[type];
  return dtype === undefined ? 1 : DTYPE_BYTES[dtype];
}

function describeContent(content: unknown): string {
  if (!(content instanceof Map)) return describePickle(content);
  const keys = [...content.keys()].filter((key) => typeof key === "string").slice(0, 5);
  return keys.length === 0 ? describePickle(content) : `a dict with ${keys.join(", ").slice(0, 200)}`;
}

function refuse(file: ByteFile, what: string): never {
  throw new InputError(`Cannot ${ACTION} ${file.path}: ${what}; ${SAVE_AGAIN}, or give another file`);
}
