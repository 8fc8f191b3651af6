import assert from "node:assert/strict";
import { ByteFile } from "../../lib/data/byte_file.ts";
import { NUMPY_PICKLE } from "../../lib/data/numpy_pickle.ts";
import { type PickleReaderOptions, readPickle } from "../../lib/data/pickle_reader.ts";
import { PickleBytes, PickleText, PickleTuple } from "../../lib/data/pickle_values.ts";
import { InputError } from "../../lib/errors.ts";
import * as fc from "../../lib/deps/fast_check.ts";
import { join, le, type Piece, withFile } from "./pickle_bytes.ts";

/** Reads a pickle and turns its values into plain ones: tuples into {tuple}, bytes into {bytes}. */
function load(pieces: Piece[], options: PickleReaderOptions = {}): unknown {
  return withFile(join(...pieces), (path) => {
    using file = ByteFile.open(path, "read pickle");
    return plain(readPickle(file, options));
  });
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof PickleTuple) return { tuple: value.items.map(plain) };
  if (value instanceof PickleBytes) return { bytes: String.fromCharCode(...value.read()) };
  if (value instanceof PickleText) return value.read();
  if (value instanceof Map) return { dict: [...value].map(([k, v]) => [plain(k), plain(v)]) };
  return value;
}

Deno.test("readPickle() reads every kind of constant and number", () => {
  const cases: [Piece[], unknown][] = [
    [["N."], null],
    [["\x88."], true],
    [["\x89."], false],
    [["I01\n."], true],
    [["I00\n."], false],
    [["I-12\n."], -12],
    [["I9007199254740993\n."], 9007199254740993n],
    [["L-5L\n."], -5],
    [["J\xff\xff\xff\xff."], -1],
    [["K\xff."], 255],
    [["M\x01\x02."], 513],
    [["\x8a\x00."], 0],
    [["\x8a\x01\xff."], -1],
    [["\x8a\x02\xff\x00."], 255],
    [["\x8b", le(9, 4), "\0\0\0\0\0\0\0\0\x01."], 1n << 64n],
    [["F-1.5e3\n."], -1500],
    [["Finf\n."], Infinity],
    [["Fnan\n."], NaN],
    [["G", [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "."], 1.5],
  ];
  for (const [pieces, expected] of cases) assert.deepEqual(load(pieces), expected);
});

Deno.test("readPickle() reads every way bytes and text are written", () => {
  const cases: [Piece[], unknown][] = [
    [["C\x02a\xff."], { bytes: "a\xff" }],
    [["B", le(2, 4), "a\xff."], { bytes: "a\xff" }],
    [["\x8e", le(2, 8), "a\xff."], { bytes: "a\xff" }],
    [["\x96", le(2, 8), "a\xff."], { bytes: "a\xff" }],
    [["U\x02a\xff."], { bytes: "a\xff" }],
    [["T", le(2, 4), "a\xff."], { bytes: "a\xff" }],
    [["S'a\\xff\\n\\'\\\\\\101'\n."], { bytes: "a\xff\n'\\A" }],
    [['S"it\'s"\n.'], { bytes: "it's" }],
    [["X", le(3, 4), "a\xc3\xbf."], "aÿ"],
    [["\x8c\x03a\xc3\xbf."], "aÿ"],
    [["\x8d", le(3, 8), "a\xc3\xbf."], "aÿ"],
    [["Va\xff\\u005c\\u000a\\U0001f600\\n\n."], "aÿ\\\n😀\\n"],
  ];
  for (const [pieces, expected] of cases) assert.deepEqual(load(pieces), expected);
});

Deno.test("readPickle() leaves long bytes and texts in the file", () => {
  const long = "x".repeat(5000);
  withFile(join("(B", le(5000, 4), long, "X", le(5000, 4), long, "V", long, "\\u0041\nl."), (path) => {
    using file = ByteFile.open(path, "read pickle");
    const [bytes, text, line] = readPickle(file) as [PickleBytes, PickleText, PickleText];
    assert.deepEqual([bytes.offset, bytes.length], [6, 5000]);
    assert.ok(text instanceof PickleText && line instanceof PickleText);
    assert.equal(text.read(), long);
    assert.equal(line.read(), long + "A");
  });
});

Deno.test("readPickle() builds lists, tuples and dicts, and remembers", () => {
  assert.deepEqual(load(["](K\x01K\x02eK\x03a."]), [1, 2, 3]);
  assert.deepEqual(load(["(K\x01K\x02t."]), { tuple: [1, 2] });
  assert.deepEqual(load(["K\x01K\x02\x86."]), { tuple: [1, 2] });
  assert.deepEqual(load(["}(\x8c\x01aK\x01\x8c\x01bK\x02u\x8c\x01cK\x03s."]), { dict: [["a", 1], ["b", 2], ["c", 3]] });
  assert.deepEqual(load(["(U\x01aK\x01d."]), { dict: [["a", 1]] }); // Python 2's str as a key
  assert.deepEqual(load(["(K\x07q\x050h\x05h\x05l."]), [7, 7]);
  assert.deepEqual(load(["(K\x07\x94h\x00p9\ng9\nl."]), [7, 7, 7]);
  assert.deepEqual(load(["K\x01(K\x02K\x031."]), 1);
  assert.deepEqual(load(["(K\x012l."]), [1, 1]);
});

Deno.test("readPickle() follows frames and refuses what crosses them", () => {
  assert.deepEqual(load(["\x80\x04\x95", le(4, 8), "](K\x01e."]), [1]);
  assert.throws(() => load(["\x80\x04\x95", le(3, 8), "](M\x01\x00e."]), { message: /crosses the end of its frame/ });
  assert.throws(() => load(["\x80\x04\x95", le(3000, 8), "](e."]), { message: /frame of 3000 bytes/ });
  assert.throws(() => load(["\x95", le(11, 8), "\x95", le(0, 8), "N."]), { message: /another frame/ });
});

Deno.test("readPickle() refuses by name whatever is not on the list", () => {
  const attacks: [Piece[], RegExp][] = [
    [["cos\nsystem\n(S'true'\ntR."], /names os\.system, .* at byte 0; it was refused and nothing/],
    [["\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."], /names builtins\.eval, .* at byte 18;/],
    [["(S'true'\nios\nsystem\n."], /names os\.system/],
    [["(cos\nsystem\nS'true'\no."], /names os\.system/],
    [["cnumpy.core.multiarray\nfromfile\n."], /names numpy\.core\.multiarray\.fromfile/],
    [["\x82\x01."], /EXT1/],
    [["\x8f."], /EMPTY_SET/],
    [["\x97."], /NEXT_BUFFER/],
    [["Pid\n."], /persistent id/],
    [["K\x01Q."], /persistent id/],
    [["K\x01}b."], /given a state/],
    [["cnumpy\nndarray\n(tR."], /a call of numpy\.ndarray/],
    [["c_codecs\nencode\n(\x8c\x01a\x8c\x06base64tR."], /latin1/],
  ];
  for (const [pieces, message] of attacks) {
    assert.throws(() => load(pieces, { allow: NUMPY_PICKLE }), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      assert.match(error.message, /^Cannot read pickle \S+: [^\n]+ at byte \d+; [^\n]+$/);
      return true;
    });
  }
});

Deno.test("readPickle() takes an allow-list and persistent ids as data", () => {
  const allow = new Map([["collections.OrderedDict", () => new Map()]]);
  assert.deepEqual(load(["\x80\x02ccollections\nOrderedDict\n)R(U\x01wK\x01u."], { allow }), { dict: [["w", 1]] });
  const persistentLoad = (id: unknown) => ({ storage: id });
  assert.deepEqual(load(["K\x05Q."], { persistentLoad }), { storage: 5 });
  assert.deepEqual(load(["Pabc\n."], { persistentLoad }), { storage: "abc" });
});

Deno.test("readPickle() bounds what a small file can ask for", () => {
  const damaged: [Piece[], RegExp][] = [
    [["B\xff\xff\xff\xffab."], /expected 4294967295 more bytes/],
    [["\x8e\xff\xff\xff\xff\xff\xff\xff\x7fab."], /expected a length/],
    [["\x8e\xff\xff\xff\xff\xff\x00\x00\x00ab."], /more bytes/],
    [["T\xff\xff\xff\xffab."], /expected a length, found -1/],
    [["\x8b\xff\xff\xff\x7f."], /at most 1024 bytes/],
    [["I", "9".repeat(2000), "\n."], /whole number/],
    [["c", "a".repeat(9000), "\nb\n."], /at most 4096 characters/],
    [["(".repeat(2000)], /nested more than 1000/],
    [["h\x00."], /memo entry 0/],
    [["p-1\nN."], /memo index|stack/],
    [["."], /found none/],
    [["NN."], /more/],
    [["(."], /found none/],
    [["e."], /mark/],
    [["Na."], /stack|list/],
    [["NNa."], /a list to append to, found None/],
    [["}(Nu."], /pairs/],
    [["\x80\x06N."], /protocol 0 to 5, found 6/],
    [["\xf3."], /0xf3/],
    [["S'abc\n."], /quoted/],
    [["S'\n."], /quoted/],
    [["X", le(1, 4), "\xff."], /UTF-8/],
    [["V\\u12\n."], /raw-unicode-escape/],
    [["NNR."], /a name to call/],
    [[""], /end of the file/],
    [["N"], /end of the file/],
    [["I12"], /end of the file/],
  ];
  for (const [pieces, message] of damaged) {
    assert.throws(() => load(pieces), (error: Error) => {
      assert.ok(error instanceof InputError, `${error.stack}`);
      assert.match(error.message, message);
      assert.match(error.message, / at byte \d+; /);
      return true;
    });
  }
});

Deno.test("readPickle() ends with a value or an InputError on any bytes", () => {
  // bytes drawn from the instructions themselves reach far deeper than uniform ones
  const opcodes = [
    ..."().0123FIJKLMNPQRSTUVXabcdeghijloqrstu}]GBC",
    ..."\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8e\x93\x94\x95\x96",
  ];
  const piece = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...opcodes) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "\n",
        "\0",
        "\x01",
        "1",
        "cnumpy\ndtype\n",
        "cnumpy\nndarray\n",
        "X\x02\0\0\0u1",
        "c_codecs\nencode\n",
      ),
    },
  );
  const options = { allow: NUMPY_PICKLE, persistentLoad: (id: unknown) => [id] };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        withFile(join(...pieces, "."), (path) => {
          using file = ByteFile.open(path, "read pickle");
          readPickle(file, options);
        });
      } catch (error) {
        assert.ok(error instanceof InputError, `${(error as Error).stack}`);
      }
    }),
    { seed: 21, numRuns: 1500 },
  );
});

/** Python with its standard library, as an oracle where it is installed. */
const python = (() => {
  try {
    return new Deno.Command("python3", { args: ["-c", "import pickle"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();

Deno.test({
  name: `readPickle() reads what Python's pickle writes, protocols 0 to 5${python ? "" : " SKIPPED: no python3"}`,
  ignore: !python,
  fn: () => {
    const folder = Deno.makeTempDirSync();
    try {
      const script = `
import pickle, random, sys, json
random.seed(7)
def value(depth):
    kind = random.randrange(10 if depth < 4 else 7)
    if kind == 0: return random.choice([None, True, False])
    if kind == 1: return random.choice([0, 1, 255, 256, 65535, 65536, -1, 2**31, -2**31, 2**53, -2**70, random.getrandbits(900)])
    if kind == 2: return random.choice([0.0, -1.5, 1e300, 3.141592653589793])
    if kind == 3: return bytes(random.getrandbits(8) for _ in range(random.choice([0, 3, 200, 300, 70000 if depth < 2 else 5])))
    if kind == 4: return ''.join(chr(random.choice([10, 13, 65, 92, 39, 34, 255, 0x20ac, 0x1f600])) for _ in range(random.choice([0, 3, 300])))
    if kind == 5: return bytearray(b'\\x00\\xff' * random.randrange(3))
    if kind == 6: return shared
    if kind == 7: return [value(depth + 1) for _ in range(random.randrange(6))]
    if kind == 8: return tuple(value(depth + 1) for _ in range(random.randrange(6)))
    return {('k%d' % i): value(depth + 1) for i in range(random.randrange(4))}
def plain(v):
    if isinstance(v, (bytes, bytearray)): return {'bytes': v.decode('latin1')}
    if isinstance(v, bool) or v is None or isinstance(v, str): return v
    if isinstance(v, (int, float)): return {'number': '%.17g' % v if isinstance(v, float) else str(v)}
    if isinstance(v, list): return [plain(x) for x in v]
    if isinstance(v, tuple): return {'tuple': [plain(x) for x in v]}
    return {'dict': [[k, plain(x)] for k, x in v.items()]}
shared = ['shared', b'bytes']
for n in range(60):
    v = [value(0) for _ in range(4)]
    with open('%s/%d.pkl' % (sys.argv[1], n), 'wb') as f:
        pickle.dump(v, f, protocol=n % 6)
    with open('%s/%d.json' % (sys.argv[1], n), 'w') as f:
        json.dump(plain(v), f)
`;
      const { success, stderr } = new Deno.Command("python3", { args: ["-c", script, folder] }).outputSync();
      assert.ok(success, new TextDecoder().decode(stderr));
      const numbers = (value: unknown): unknown => {
        if (typeof value === "number" || typeof value === "bigint") return { number: value };
        if (Array.isArray(value)) return value.map(numbers);
        if (typeof value === "object" && value !== null) {
          return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "bytes" ? v : numbers(v)]));
        }
        return value;
      };
      const parsed = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(parsed);
        if (typeof value !== "object" || value === null) return value;
        if ("number" in value) {
          const text = String(value.number);
          const whole = /^-?\d+$/.test(text) ? BigInt(text) : undefined;
          return {
            number: whole === undefined || BigInt(Number(text)) === whole && Number.isSafeInteger(Number(text))
              ? Number(text)
              : whole,
          };
        }
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, parsed(v)]));
      };
      for (let n = 0; n < 60; n++) {
        using file = ByteFile.open(`${folder}/${n}.pkl`, "read pickle");
        const found = numbers(plain(readPickle(file, { allow: NUMPY_PICKLE })));
        assert.deepEqual(
          found,
          parsed(JSON.parse(Deno.readTextFileSync(`${folder}/${n}.json`))),
          `pickle ${n}, protocol ${n % 6}`,
        );
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
