import type { ByteFile } from "./byte_file.ts";
import { PickleInput } from "./pickle_input.ts";
import { PickleStack } from "./pickle_stack.ts";
import {
  decodeUtf8,
  describePickle,
  isPickleStateful,
  type PickleAllowList,
  PickleBytes,
  type PickleContext,
  PickleGlobal,
  pickleString,
  PickleText,
  PickleTuple,
} from "./pickle_values.ts";

/** What a pickle may do beyond plain values. */
export interface PickleReaderOptions {
  /** Names the pickle may use, "module.name", and what each builds. @default none */
  allow?: PickleAllowList;
  /** Turns a persistent id into a value. Without it persistent ids are refused. */
  persistentLoad?: (id: unknown, context: PickleContext) => unknown;
  /** Byte of the file at which the pickle starts. @default 0 */
  offset?: number;
}

const LONGEST_NUMBER = 1024;
/** Bytes and texts up to this many bytes are held; longer ones stay in the file. */
const SHORT = 256;

/**
 * Reads a Python pickle, protocols 0 to 5, without being able to run anything: a small machine for the pickle's stack
 * instructions, in which a name is either on the allow-list or refused. Long bytes and texts are left in the file as
 * `PickleBytes` and `PickleText`, so memory does not grow with the file.
 *
 * None is null, lists are arrays, dicts are Maps, tuples `PickleTuple`, whole numbers beyond 2^53 bigints.
 *
 * @throws {InputError} naming file and byte: a name that is not allowed, a damaged or truncated pickle, out-of-band buffers.
 * @source Python's documentation of `pickle` and `pickletools`: the instructions' arguments and effects
 *
 * @example
 * ```ts
 * import { ByteFile } from "./byte_file.ts";
 * import { readPickle } from "./pickle_reader.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeFileSync(path, new TextEncoder().encode("(lp0\nI1\naI2\na.")); // pickle.dumps([1, 2], protocol=0)
 * {
 *   using file = ByteFile.open(path, "read pickle");
 *   console.assert(JSON.stringify(readPickle(file)) === "[1,2]");
 * }
 * Deno.removeSync(path);
 * ```
 */
export function readPickle(file: ByteFile, options: PickleReaderOptions = {}): unknown {
  return new PickleMachine(file, options).run();
}

/** What each instruction does to the stack. */
class PickleMachine implements PickleContext {
  readonly file: ByteFile;
  readonly #input: PickleInput;
  readonly #allow: PickleAllowList;
  readonly #persistentLoad: PickleReaderOptions["persistentLoad"];
  readonly #stack = new PickleStack((what) => this.fail(what));
  /** Where the instruction in progress starts. */
  #at = 0;

  constructor(file: ByteFile, { allow = new Map(), persistentLoad, offset = 0 }: PickleReaderOptions) {
    this.file = file;
    this.#input = new PickleInput(file, offset);
    this.#allow = allow;
    this.#persistentLoad = persistentLoad;
  }

  fail(what: string): never {
    this.file.fail(what, this.#at);
  }

  run(): unknown {
    for (;;) {
      this.#at = this.#input.position;
      const opcode = this.#input.u8();
      if (opcode === 0x2e /* STOP */) {
        const value = this.#stack.pop();
        if (!this.#stack.empty) this.fail("expected one value at the end, found more");
        return value;
      }
      this.#step(opcode);
      this.#input.endInstruction(this.#at);
    }
  }

  #step(opcode: number): void {
    const input = this.#input;
    switch (opcode) {
      // constants
      case 0x4e: // NONE
        return this.#stack.push(null);
      case 0x88: // NEWTRUE
        return this.#stack.push(true);
      case 0x89: // NEWFALSE
        return this.#stack.push(false);
      // numbers
      case 0x4a: // BININT
        return this.#stack.push(input.i32());
      case 0x4b: // BININT1
        return this.#stack.push(input.u8());
      case 0x4d: // BININT2
        return this.#stack.push(input.u16());
      case 0x47: // BINFLOAT
        return this.#stack.push(input.f64BigEndian());
      case 0x49: // INT
        return this.#stack.push(this.#integerLine(true));
      case 0x4c: // LONG
        return this.#stack.push(this.#integerLine(false));
      case 0x46: // FLOAT
        return this.#stack.push(this.#floatLine());
      case 0x8a: // LONG1
        return this.#stack.push(this.#long(input.u8()));
      case 0x8b: // LONG4
        return this.#stack.push(this.#long(input.u32()));
      // bytes
      case 0x43: // SHORT_BINBYTES
      case 0x55: // SHORT_BINSTRING
        return this.#bytes(input.u8());
      case 0x42: // BINBYTES
        return this.#bytes(input.u32());
      case 0x54: // BINSTRING: its length is signed
        return this.#bytes(this.#notNegative(input.i32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#bytes(input.u64(this.#at));
      case 0x53: // STRING
        return this.#quotedLine();
      // text
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(input.u8());
      case 0x58: // BINUNICODE
        return this.#text(input.u32());
      case 0x8d: // BINUNICODE8
        return this.#text(input.u64(this.#at));
      case 0x56: // UNICODE
        return this.#textLine();
      // containers
      case 0x5d: // EMPTY_LIST
        return this.#stack.pushContainer([]);
      case 0x29: // EMPTY_TUPLE
        return this.#stack.pushContainer(new PickleTuple([]));
      case 0x7d: // EMPTY_DICT
        return this.#stack.pushContainer(new Map());
      case 0x6c: // LIST
        return this.#stack.pushContainer(this.#stack.popMark());
      case 0x74: // TUPLE
        return this.#stack.pushContainer(new PickleTuple(this.#stack.popMark()));
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#stack.pushContainer(new PickleTuple(this.#stack.popMany(opcode - 0x84)));
      case 0x64: { // DICT
        const dict = new Map<unknown, unknown>();
        this.#setItems(dict, this.#stack.popMark());
        return this.#stack.pushContainer(dict);
      }
      case 0x61: { // APPEND
        const value = this.#stack.pop();
        return void this.#stack.topList().push(value);
      }
      case 0x65: { // APPENDS
        const values = this.#stack.popMark();
        const list = this.#stack.topList();
        for (const value of values) list.push(value);
        return;
      }
      case 0x73: { // SETITEM
        const pair = this.#stack.popMany(2);
        return this.#setItems(this.#stack.top(), pair);
      }
      case 0x75: { // SETITEMS
        const pairs = this.#stack.popMark();
        return this.#setItems(this.#stack.top(), pairs);
      }
      // the stack
      case 0x28: // MARK
        return this.#stack.mark();
      case 0x30: // POP: takes a mark away when that is on top
        return this.#stack.popOrUnmark();
      case 0x31: // POP_MARK
        return void this.#stack.popMark();
      case 0x32: // DUP
        return this.#stack.push(this.#stack.top());
      // the memo
      case 0x70: // PUT
        return this.#stack.memoize(this.#indexLine());
      case 0x71: // BINPUT
        return this.#stack.memoize(input.u8());
      case 0x72: // LONG_BINPUT
        return this.#stack.memoize(input.u32());
      case 0x94: // MEMOIZE
        return this.#stack.memoize();
      case 0x67: // GET
        return this.#stack.recall(this.#indexLine());
      case 0x68: // BINGET
        return this.#stack.recall(input.u8());
      case 0x6a: // LONG_BINGET
        return this.#stack.recall(input.u32());
      // names and what is made of them
      case 0x63: // GLOBAL
        return this.#global(input.line(this.#at), input.line(this.#at));
      case 0x93: { // STACK_GLOBAL
        const [module, name] = this.#stack.popMany(2).map(pickleString);
        if (module === undefined || name === undefined) this.fail("expected a name as two texts, found something else");
        return this.#global(module, name);
      }
      case 0x69: { // INST
        const name = `${input.line(this.#at)}.${input.line(this.#at)}`;
        return this.#construct(this.#resolve(name), new PickleTuple(this.#stack.popMark()));
      }
      case 0x6f: { // OBJ
        const [named, ...args] = this.#stack.popMark();
        return this.#construct(named, new PickleTuple(args));
      }
      case 0x52: // REDUCE
      case 0x81: { // NEWOBJ
        const [named, args] = this.#stack.popMany(2);
        return this.#construct(named, args);
      }
      case 0x92: { // NEWOBJ_EX
        const [named, args, byName] = this.#stack.popMany(3);
        if (!(byName instanceof Map) || byName.size > 0) this.fail("arguments by name, which are not supported");
        return this.#construct(named, args);
      }
      case 0x62: { // BUILD
        const state = this.#stack.pop();
        const value = this.#stack.top();
        if (!isPickleStateful(value)) this.fail(`${describePickle(value)} that is given a state, which is not allowed`);
        return value.setPickleState(state, this);
      }
      case 0x50: // PERSID
        return this.#persistent(input.line(this.#at));
      case 0x51: // BINPERSID
        return this.#persistent(this.#stack.pop());
      // the file
      case 0x80: { // PROTO
        const protocol = input.u8();
        if (protocol > 5) this.fail(`expected pickle protocol 0 to 5, found ${protocol}`);
        return;
      }
      case 0x95: // FRAME
        return input.startFrame(this.#at);
      default:
        this.fail(
          `expected a pickle instruction, found ${REFUSED[opcode] ?? `0x${opcode.toString(16).padStart(2, "0")}`}`,
        );
    }
  }

  #setItems(dict: unknown, pairs: readonly unknown[]): void {
    if (!(dict instanceof Map)) this.fail(`expected a dict to fill, found ${describePickle(dict)}`);
    if (pairs.length % 2 !== 0) this.fail("expected keys and values in pairs, found an odd number");
    for (let i = 0; i < pairs.length; i += 2) dict.set(pickleString(pairs[i]) ?? pairs[i], pairs[i + 1]);
  }

  #resolve(name: string): PickleGlobal {
    const construct = this.#allow.get(name);
    if (construct === undefined) {
      const shown = name.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
      this.file.fail(
        `the pickle names ${shown}, which is not on the list of allowed names,`,
        this.#at,
        "it was refused and nothing of it was run",
      );
    }
    return new PickleGlobal(name, construct);
  }

  #global(module: string, name: string): void {
    this.#stack.pushContainer(this.#resolve(`${module}.${name}`));
  }

  #construct(named: unknown, args: unknown): void {
    if (!(named instanceof PickleGlobal)) this.fail(`expected a name to call, found ${describePickle(named)}`);
    if (!(args instanceof PickleTuple)) this.fail(`expected a tuple of arguments, found ${describePickle(args)}`);
    this.#stack.pushContainer(named.construct(args.items, this));
  }

  #persistent(id: unknown): void {
    if (this.#persistentLoad === undefined) this.fail("a persistent id, which has no meaning in this kind of file,");
    this.#stack.pushContainer(this.#persistentLoad(id, this));
  }

  #notNegative(length: number): number {
    if (length < 0) this.fail(`expected a length, found ${length}`);
    return length;
  }

  #bytes(length: number): void {
    const offset = this.#input.position;
    const source = length <= SHORT ? this.#input.bytes(length) : this.file;
    if (source === this.file) this.#input.skip(length);
    this.#stack.pushContainer(new PickleBytes(source, offset, length));
  }

  #text(length: number): void {
    if (length > SHORT) {
      return this.#stack.pushContainer(new PickleText(this.file, this.#input.skip(length), length, "utf-8"));
    }
    this.#stack.push(decodeUtf8(this.#input.bytes(length)) ?? this.fail("expected UTF-8 text, found other bytes"));
  }

  #textLine(): void {
    const { offset, length } = this.#input.skipLine(this.#at);
    const text = new PickleText(this.file, offset, length, "raw-unicode-escape");
    if (length > SHORT) this.#stack.pushContainer(text);
    else this.#stack.push(text.read());
  }

  #quotedLine(): void {
    const { offset, length } = this.#input.skipLine(this.#at);
    const [quote] = length < 2 ? [0] : this.file.read(offset, 1);
    if ((quote !== 0x27 && quote !== 0x22) || this.file.read(offset + length - 1, 1)[0] !== quote) {
      this.fail("expected a quoted string, found another line");
    }
    this.#stack.pushContainer(new PickleBytes(this.file, offset + 1, length - 2, "string-escape"));
  }

  #integerLine(booleans: boolean): number | bigint | boolean {
    const line = this.#input.line(this.#at);
    if (booleans && line === "00") return false;
    if (booleans && line === "01") return true;
    const digits = booleans ? line : line.replace(/L$/, "");
    if (!/^[+-]?\d+$/.test(digits) || digits.length > LONGEST_NUMBER) {
      this.fail(`expected a whole number, found ${JSON.stringify(line.slice(0, 40))}`);
    }
    return narrow(BigInt(digits.replace(/^\+/, "")));
  }

  #indexLine(): number {
    const index = this.#integerLine(false);
    if (typeof index !== "number" || index < 0) this.fail(`expected a memo index, found ${index}`);
    return index;
  }

  #floatLine(): number {
    const line = this.#input.line(this.#at).toLowerCase();
    if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/.test(line)) return Number(line);
    const special = /^([+-]?)(nan|inf|infinity)$/.exec(line);
    if (special === null) this.fail(`expected a number, found ${JSON.stringify(line.slice(0, 40))}`);
    return special[2] === "nan" ? NaN : special[1] === "-" ? -Infinity : Infinity;
  }

  /** A two's-complement little-endian number of any length. */
  #long(length: number): number | bigint {
    if (length > LONGEST_NUMBER) this.fail(`expected a number of at most ${LONGEST_NUMBER} bytes, found ${length}`);
    if (length === 0) return 0;
    const bytes = this.file.read(this.#input.skip(length), length);
    const hex = Array.from(bytes.reverse(), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return narrow(BigInt.asIntN(length * 8, BigInt(`0x${hex}`)));
  }
}

function narrow(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** Instructions that exist and are refused, by name. */
const REFUSED: Record<number, string> = {
  0x82: "EXT1 (a registered extension), which is not supported,",
  0x83: "EXT2 (a registered extension), which is not supported,",
  0x84: "EXT4 (a registered extension), which is not supported,",
  0x8f: "EMPTY_SET (a set), which is not supported,",
  0x90: "ADDITEMS (a set), which is not supported,",
  0x91: "FROZENSET (a set), which is not supported,",
  0x97: "NEXT_BUFFER (data outside the file), which is not supported,",
  0x98: "READONLY_BUFFER (data outside the file), which is not supported,",
};
