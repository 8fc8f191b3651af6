/** NumPy's arrays, scalars and dtypes as pickles hold them, and the byte strings of protocol 2. */
import {
  describePickle,
  latin1OfText,
  type PickleAllowList,
  PickleBytes,
  type PickleConstructor,
  type PickleContext,
  PickleGlobal,
  type PickleStateful,
  pickleString,
  PickleText,
  PickleTuple,
} from "./pickle_values.ts";

/** NumPy's dtype: a kind (b, i, u, f, O), a size in bytes, an order of bytes. */
export class PickleDtype implements PickleStateful {
  /** `b` truth, `i` signed, `u` unsigned, `f` float, `O` Python object. */
  readonly kind: string;
  /** Bytes of one value. */
  readonly size: number;
  /** Whether the most significant byte comes first. */
  bigEndian: boolean;

  /** A dtype; `bigEndian` may be changed by its state. */
  constructor(kind: string, size: number, bigEndian: boolean) {
    this.kind = kind;
    this.size = size;
    this.bigEndian = bigEndian;
  }

  /** State: (version, byte order, subarray, names, fields, size, alignment, flags …); no structured dtypes. */
  setPickleState(state: unknown, context: PickleContext): void {
    const items = state instanceof PickleTuple ? state.items : [];
    const order = pickleString(items[1]);
    if (items.length < 5 || order === undefined || !["|", "<", ">", "="].includes(order)) {
      context.fail("expected the state of a NumPy dtype, found something else");
    }
    if (items[2] !== null || items[3] !== null || items[4] !== null) {
      context.fail("a structured NumPy dtype, which is not supported,");
    }
    this.bigEndian = order === ">";
  }

  /** One value of this dtype. */
  value(view: DataView, offset: number): boolean | number | bigint {
    const little = !this.bigEndian;
    switch (`${this.kind}${this.size}`) {
      case "b1":
        return view.getUint8(offset) !== 0;
      case "u1":
        return view.getUint8(offset);
      case "i1":
        return view.getInt8(offset);
      case "u2":
        return view.getUint16(offset, little);
      case "i2":
        return view.getInt16(offset, little);
      case "u4":
        return view.getUint32(offset, little);
      case "i4":
        return view.getInt32(offset, little);
      case "u8":
        return view.getBigUint64(offset, little);
      case "i8":
        return view.getBigInt64(offset, little);
      case "f4":
        return view.getFloat32(offset, little);
      default:
        return view.getFloat64(offset, little);
    }
  }
}

const DTYPES = ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "O8", "O4"];

/** NumPy's array: its values stay in the file unless they are Python objects. */
export class PickleArray implements PickleStateful {
  /** Length along each axis. */
  shape: readonly number[] = [0];
  /** What the values are; undefined until the array was given its state. */
  dtype: PickleDtype | undefined;
  /** The values: bytes in the file, or a list of objects. */
  data: PickleBytes | readonly unknown[] = [];
  /** Whether the first axis is the fastest. */
  fortran = false;

  /** State: (version, shape, dtype, Fortran order, data). */
  setPickleState(state: unknown, context: PickleContext): void {
    const items = state instanceof PickleTuple ? state.items : [];
    if (items.length !== 5 && items.length !== 4) {
      context.fail("expected the state of a NumPy array, found something else");
    }
    const [shape, dtype, fortran, data] = items.slice(-4); // version 0 had no version
    this.#fill(shape, dtype, fortran, data, context);
  }

  /** An array as `numpy._frombuffer` makes it from (data, dtype, shape, order). */
  static fromBuffer(args: readonly unknown[], context: PickleContext): PickleArray {
    const [data, dtype, shape, order] = args;
    if (args.length !== 4 || (order !== "C" && order !== "F")) {
      context.fail("expected the data of a NumPy array, found something else");
    }
    const array = new PickleArray();
    array.#fill(shape, dtype, order === "F", data, context);
    return array;
  }

  #fill(shape: unknown, dtype: unknown, fortran: unknown, data: unknown, context: PickleContext): void {
    const lengths = shape instanceof PickleTuple ? shape.items : undefined;
    if (lengths === undefined || lengths.length > 64 || !lengths.every(isLength)) {
      context.fail("expected the shape of a NumPy array, found something else");
    }
    if (!(dtype instanceof PickleDtype)) context.fail(`expected a NumPy dtype, found ${describePickle(dtype)}`);
    const count = lengths.reduce((product, length) => product * length, 1);
    const expected = dtype.kind === "O" ? count : count * dtype.size;
    const held = dtype.kind === "O" ? Array.isArray(data) : data instanceof PickleBytes;
    if (!held) context.fail(`expected the values of a NumPy array, found ${describePickle(data)}`);
    const values = data as PickleBytes | unknown[];
    // bytes written as text: how many they are is seen when they are read
    if (values.length !== undefined && values.length !== expected) {
      context.fail(
        `expected a NumPy array of shape [${lengths}], ${expected} bytes or objects, found ${values.length},`,
      );
    }
    this.shape = lengths;
    this.dtype = dtype;
    this.data = values;
    this.fortran = fortran === true || fortran === 1;
  }
}

/** Values of an array, flat, in the order they are stored. `fail` throws the error that names the file where they are fewer than the shape says. */
export function pickleArrayValues(array: PickleArray, fail: (what: string) => never): unknown[] {
  const { data, dtype, shape } = array;
  if (!(data instanceof PickleBytes)) return [...data];
  const bytes = data.read();
  const count = shape.reduce((product, length) => product * length, 1);
  if (dtype === undefined || bytes.length !== count * dtype.size) {
    fail(`expected a NumPy array of shape [${shape}], found ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, i) => dtype.value(view, i * dtype.size));
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** `numpy.dtype(name, align, copy)`. */
function dtype([name]: readonly unknown[], context: PickleContext): PickleDtype {
  const text = pickleString(name);
  const found = text === undefined ? null : /^([|<>=]?)([a-zA-Z]\d+)$/.exec(text);
  if (found === null || !DTYPES.includes(found[2])) {
    context.fail(`expected a NumPy dtype of truth values, numbers or objects, found ${text ?? describePickle(name)},`);
  }
  return new PickleDtype(found[2][0], Number(found[2].slice(1)), found[1] === ">");
}

/** `numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b"b")`: an empty array that gets its state later. */
function reconstruct([type]: readonly unknown[], context: PickleContext): PickleArray {
  if (!(type instanceof PickleGlobal) || type.name !== "numpy.ndarray") {
    context.fail(`expected numpy.ndarray to build, found ${describePickle(type)}`);
  }
  return new PickleArray();
}

/** `numpy.core.multiarray.scalar(dtype, bytes)`: one number or truth value. */
function scalar([type, data]: readonly unknown[], context: PickleContext): unknown {
  if (!(type instanceof PickleDtype) || type.kind === "O" || !(data instanceof PickleBytes) || data.stored > 64) {
    context.fail("expected the dtype and bytes of a NumPy scalar, found something else");
  }
  const bytes = data.read();
  if (bytes.length !== type.size) context.fail(`expected a NumPy scalar of ${type.size} bytes, found ${bytes.length}`);
  const value = type.value(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  return typeof value === "bigint" && value === BigInt(Number(value)) ? Number(value) : value;
}

/** `_codecs.encode(text, "latin1")`: how protocols below 3 write bytes. */
function encode([text, codec]: readonly unknown[], context: PickleContext): PickleBytes {
  const name = pickleString(codec)?.toLowerCase().replace(/[-_]/g, "");
  if (name !== "latin1" && name !== "iso88591") context.fail(`expected latin1 bytes, found ${describePickle(codec)}`);
  if (text instanceof PickleText) return text.encodeLatin1();
  if (text instanceof PickleBytes) return text; // Python 2: str is bytes already
  const bytes = typeof text === "string" ? latin1OfText(text) : undefined;
  if (bytes === undefined) context.fail(`expected latin1 text to encode, found ${describePickle(text)}`);
  return new PickleBytes(bytes, 0, bytes.length);
}

/** `bytes()`, `bytearray(bytes)` and `bytearray(text, "latin1")`: the older protocols' empty bytes and byte arrays. */
function bytes(args: readonly unknown[], context: PickleContext): PickleBytes {
  if (args.length === 0) return new PickleBytes(new Uint8Array(0), 0, 0);
  if (args.length === 1 && args[0] instanceof PickleBytes) return args[0];
  if (args.length === 2) return encode(args, context);
  context.fail(`expected bytes, found ${describePickle(args[0])}`);
}

function notCalled(name: string): PickleConstructor {
  return (_args, context) => context.fail(`a call of ${name}, which is not supported,`);
}

/**
 * What verification sets may name: NumPy's arrays, scalars and dtypes under their old (`numpy.core`) and new (`numpy._core`)
 * modules, and the encodings of bytes. Make a larger list by copying this map and adding to it.
 */
export const NUMPY_PICKLE: PickleAllowList = new Map<string, PickleConstructor>([
  ["numpy.dtype", dtype],
  ["numpy.ndarray", notCalled("numpy.ndarray")],
  ...["numpy.core", "numpy._core"].flatMap((module): [string, PickleConstructor][] => [
    [`${module}.multiarray._reconstruct`, reconstruct],
    [`${module}.multiarray.scalar`, scalar],
    [`${module}.numeric._frombuffer`, PickleArray.fromBuffer],
  ]),
  ["_codecs.encode", encode],
  ...["__builtin__", "builtins"].flatMap((module): [string, PickleConstructor][] => [
    [`${module}.bytes`, bytes],
    [`${module}.bytearray`, bytes],
  ]),
]);
