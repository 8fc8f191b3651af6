/** PyTorch's tensors as the pickle of a checkpoint holds them: where they lie, and nothing that runs. */
import { NUMPY_PICKLE } from "../data/numpy_pickle.ts";
import {
  describePickle,
  type PickleAllowList,
  type PickleConstructor,
  type PickleContext,
  PickleGlobal,
  type PickleStateful,
  pickleString,
  PickleTuple,
} from "../data/pickle_values.ts";
import type { TensorDtype } from "./safetensors_header.ts";

/** Numbers in a file of their own inside the archive. */
export class TorchStorage {
  /** Its name there: `data/KEY`. */
  readonly key: string;
  /** PyTorch's class, such as `torch.FloatStorage`. */
  readonly type: string;
  /** Numbers in it. */
  readonly count: number;

  /** The storage `data/KEY` of `count` numbers. */
  constructor(key: string, type: string, count: number) {
    this.key = key;
    this.type = type;
    this.count = count;
  }
}

/** A tensor: a view of a storage. */
export class TorchTensor {
  /** Where its numbers are. */
  readonly storage: TorchStorage;
  /** The first number's place in the storage. */
  readonly offset: number;
  /** Length along each axis. */
  readonly shape: readonly number[];
  /** Steps in the storage along each axis. */
  readonly stride: readonly number[];

  /** The view of `storage` with these places, which must be in it. */
  constructor(storage: TorchStorage, offset: number, shape: readonly number[], stride: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }

  /** Numbers in the tensor. */
  get size(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }
}

/** Types of numbers by PyTorch's storage class; undefined for those that are not read here. */
export const TORCH_DTYPES: Readonly<Record<string, TensorDtype | undefined>> = {
  "torch.FloatStorage": "F32",
  "torch.DoubleStorage": "F64",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.IntStorage": "I32",
  "torch.LongStorage": "I64",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
  "torch.ShortStorage": undefined,
  "torch.CharStorage": undefined,
  "torch.ComplexFloatStorage": undefined,
  "torch.ComplexDoubleStorage": undefined,
};

const MOST_AXES = 64;

/** A dict with attributes, which PyTorch gives its state dicts (`_metadata`): they are left out. */
class PickleOrderedDict extends Map<unknown, unknown> implements PickleStateful {
  setPickleState(state: unknown, context: PickleContext): void {
    if (!(state instanceof Map)) context.fail(`expected attributes as a dict, found ${describePickle(state)}`);
  }
}

/** `collections.OrderedDict()`, also with a list of pairs. */
function orderedDict(args: readonly unknown[], context: PickleContext): PickleOrderedDict {
  if (args.length === 0) return new PickleOrderedDict();
  const pairs = args.length === 1 && Array.isArray(args[0]) ? args[0] : undefined;
  if (pairs === undefined) {
    context.fail(`expected a list of pairs for an OrderedDict, found ${describePickle(args[0])}`);
  }
  return new PickleOrderedDict(pairs.map((pair): [unknown, unknown] => {
    const items = pair instanceof PickleTuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (items.length !== 2) context.fail(`expected a key and a value, found ${describePickle(pair)}`);
    return [pickleString(items[0]) ?? items[0], items[1]];
  }));
}

/** `collections.Counter({value: count})`, which schedules keep. */
function counter(args: readonly unknown[], context: PickleContext): Map<unknown, unknown> {
  if (args.length === 0) return new Map();
  if (args.length !== 1 || !(args[0] instanceof Map)) context.fail("expected a dict of counts, found something else");
  return args[0];
}

/** `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, …)`. */
function rebuildTensor(args: readonly unknown[], context: PickleContext): TorchTensor {
  const [storage, offset, size, stride] = args;
  if (!(storage instanceof TorchStorage)) {
    context.fail(`expected the storage of a tensor, found ${describePickle(storage)}`);
  }
  const shape = counts(size), steps = counts(stride);
  if (!isCount(offset) || shape === undefined || steps === undefined || shape.length !== steps.length) {
    context.fail("expected offset, size and stride of a tensor, found something else");
  }
  const last = shape.reduce((at, length, axis) => at + (length - 1) * steps[axis], offset);
  if (!shape.includes(0) && !(last < storage.count)) {
    context.fail(
      `expected a tensor of size [${shape}] and stride [${steps}] within its ${storage.count} numbers, found it beyond`,
    );
  }
  const tensor = new TorchTensor(storage, offset, shape, steps);
  if (!Number.isSafeInteger(tensor.size)) context.fail(`expected a tensor that fits memory, found size [${shape}]`);
  return tensor;
}

/** `torch._utils._rebuild_parameter(tensor, requires_grad, hooks)`: the tensor. */
function rebuildParameter([tensor]: readonly unknown[], context: PickleContext): TorchTensor {
  if (!(tensor instanceof TorchTensor)) context.fail(`expected a tensor, found ${describePickle(tensor)}`);
  return tensor;
}

/** `torch.Size((2, 3))`. */
function size([lengths]: readonly unknown[], context: PickleContext): PickleTuple {
  if (counts(lengths) === undefined) context.fail(`expected the lengths of a size, found ${describePickle(lengths)}`);
  return lengths as PickleTuple;
}

/** `torch.device("cuda", 0)`: in words. */
function device(args: readonly unknown[]): string {
  return args.map((part) => pickleString(part) ?? String(part)).join(":");
}

function notCalled(name: string): PickleConstructor {
  return (_args, context) => context.fail(`a call of ${name}, which is not allowed,`);
}

const DTYPE_NAMES =
  "float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 bool float double half long int short".split(" ");

/** What a checkpoint may name. Everything else, a model's own classes among them, is refused by name. */
export const TORCH_PICKLE: PickleAllowList = new Map<string, PickleConstructor>([
  ...NUMPY_PICKLE,
  ["collections.OrderedDict", orderedDict],
  ["collections.Counter", counter],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_parameter", rebuildParameter],
  ["torch.Size", size],
  ["torch.device", device],
  ...[...Object.keys(TORCH_DTYPES), ...DTYPE_NAMES.map((name) => `torch.${name}`)].map(
    (name): [string, PickleConstructor] => [name, notCalled(name)],
  ),
]);

/** A persistent id, ("storage", class, key, device, count), as a storage. */
export function loadStorage(id: unknown, context: PickleContext): TorchStorage {
  const items = id instanceof PickleTuple ? id.items : [];
  const [kind, type, key, , count] = items;
  const name = pickleString(key);
  if (
    pickleString(kind) !== "storage" || !(type instanceof PickleGlobal) || !Object.hasOwn(TORCH_DTYPES, type.name) ||
    name === undefined || !isCount(count)
  ) {
    context.fail(`expected a storage's class, key, device and count, found ${describePickle(id)}`);
  }
  return new TorchStorage(name, type.name, count);
}

function counts(value: unknown): number[] | undefined {
  if (!(value instanceof PickleTuple) || value.items.length > MOST_AXES) return undefined;
  return value.items.every(isCount) ? [...value.items] as number[] : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
