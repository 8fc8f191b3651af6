import assert from "node:assert/strict";
import { readPairSet, writePairSet } from "../../lib/data/pair_set.ts";
import { InputError } from "../../lib/errors.ts";
import * as fc from "../../lib/deps/fast_check.ts";
import { arrayPickle, binBytes, dtypePickle, join, le, type Piece, withFile } from "./pickle_bytes.ts";

const DATA = new URL("../../../shared/data/", import.meta.url);
const REAL = ["orl/lfw.bin", "orl/variant_p0_npbool.bin", "orl/variant_p2_ndarray.bin", "orl/variant_p4_bytes.bin"]
  .concat("orl/variant_p5_nparray.bin", "small_lfw.bin");

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

function inFolder(body: (folder: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      body(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

/** All of a set, from the bytes of its file. */
function load(...pieces: Piece[]): { images: number[][]; same: boolean[] } {
  return withFile(join(...pieces), (path) => {
    using set = readPairSet(path);
    return { images: Array.from({ length: 2 * set.pairs }, (_, i) => [...set.image(i)]), same: set.same };
  });
}

const TWO = { images: [[1, 2, 3], [4], [5, 255], [6]], same: [true, false] };

Deno.test("readPairSet() reads images as bytes, Python 2 strings, byte arrays and NumPy arrays", () => {
  const kinds: Record<string, Piece> = {
    bytes: join("](", ...TWO.images.map((image) => binBytes(image)), "e"),
    "tuple of bytes": join("(", ...TWO.images.map((image) => binBytes(image)), "t"),
    "Python 2": join("](U\x03\x01\x02\x03T", le(1, 4), "\x04S'\\x05\\xff'\nU\x01\x06e"),
    "byte arrays": join("](", ...TWO.images.map((image) => join("\x96", le(image.length, 8), image)), "e"),
    "latin-1 text": join(
      "](",
      ...TWO.images.map((image) => {
        const text = new TextEncoder().encode(String.fromCharCode(...image));
        return join("c_codecs\nencode\nX", le(text.length, 4), text, "\x8c\x06latin1\x86R");
      }),
      "e",
    ),
    "NumPy [n]": join("](", ...TWO.images.map((image) => arrayPickle(image)), "e"),
    "NumPy [n, 1]": join(
      "](",
      ...TWO.images.map((image) => arrayPickle(image, "u1", [image.length, 1], "numpy._core")),
      "e",
    ),
  };
  for (const [kind, images] of Object.entries(kinds)) {
    assert.deepEqual(load("\x80\x05", images, "](\x88\x89e\x86."), TWO, kind);
  }
});

Deno.test("readPairSet() reads truth values of every kind", () => {
  const images = join("](", ...TWO.images.map((image) => binBytes(image)), "e");
  const scalar = (value: number) =>
    join("cnumpy.core.multiarray\nscalar\n", dtypePickle("b1"), "C\x01", [value], "\x86R");
  const kinds: Record<string, Piece> = {
    bools: "](\x88\x89e",
    "old bools": "(lI01\naI00\na",
    ints: "](K\x01K\x00e",
    tuple: "\x88\x89\x86",
    "NumPy scalars": join("](", scalar(1), scalar(0), "e"),
    "NumPy bools": arrayPickle([1, 0], "b1"),
    "NumPy ints": arrayPickle([...le(1, 8), ...le(0, 8)], "i8", [2]),
    "from a buffer": join(
      "cnumpy.core.numeric\n_frombuffer\n(\x96",
      le(2, 8),
      "\x01\x00",
      dtypePickle("b1"),
      "K\x02\x85\x8c\x01CtR",
    ),
  };
  for (const [kind, same] of Object.entries(kinds)) assert.deepEqual(load(images, same, "\x86."), TWO, kind);
});

Deno.test("readPairSet() says in one line what is wrong", () => {
  const image = binBytes([1]);
  const cases: [Piece[], RegExp][] = [
    [[], /empty file/],
    [["N."], /found None/],
    [["](e](e\x86."], /at least one pair/],
    [["](", image, image, image, "e](\x88e\x86."], /an odd number, 3/],
    [["](", image, image, "e](\x88\x89e\x86."], /expected 2 pairs as issame has, found 2 images, 1 pairs/],
    [["](", image, "\x8c\x01ae](\x88e\x86."], /image 1 as encoded bytes, found text/],
    [["](", image, "Ne](\x88e\x86."], /image 1 as encoded bytes, found None/],
    [
      ["](", image, arrayPickle([1, 2, 3, 4], "u1", [2, 2]), "e](\x88e\x86."],
      /NumPy array of shape \[2,2\] and dtype u1/,
    ],
    [["](", image, arrayPickle([1, 2, 3, 4], "f4", [1]), "e](\x88e\x86."], /dtype f4/],
    [["](", image, image, "e](Ne\x86."], /truth value 0, found None/],
    [["](", image, image, "e](G", [0, 1, 2, 3, 4, 5, 6, 7], "e\x86."], /truth value 0, found a number/],
    [["](", image, image, "eN\x86."], /list of truth values, found None/],
    [["N](\x88e\x86."], /list of images, found None/],
    [["](", image, image, "e](\x88e", "N\x87."], /tuple of images and truth values, found a tuple of 3/],
    [["cposix\nsystem\n(S'id'\ntR."], /names posix\.system/],
  ];
  for (const [pieces, message] of cases) {
    assert.throws(() => load(...pieces), (error: Error) => {
      assert.ok(error instanceof InputError, error.stack);
      assert.match(error.message, message);
      assert.match(error.message, /^Cannot read pair set \S+\.bin: [^\n]+; [^\n]+$/);
      return true;
    });
  }
});

Deno.test(
  "writePairSet() and readPairSet() are inverse",
  inFolder((folder) => {
    const path = `${folder}/set.name.bin`;
    const image = fc.uint8Array({ minLength: 1, maxLength: 3000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(image, image, fc.boolean()), { minLength: 1, maxLength: 12 }), (pairs) => {
        const images = pairs.flatMap(([a, b]) => [a, b]);
        writePairSet(path, { images, same: pairs.map(([, , same]) => same) }, { force: true });
        using set = readPairSet(path);
        assert.equal(set.name, "set.name");
        assert.deepEqual(set.same, pairs.map(([, , same]) => same));
        images.forEach((bytes, i) => assert.deepEqual([...set.image(i)], [...bytes]));
      }),
      { seed: 21, numRuns: 40 },
    );
  }),
);

Deno.test(
  "writePairSet() batches long lists and takes large images",
  inFolder((folder) => {
    const path = `${folder}/long.bin`;
    const same = Array.from({ length: 2500 }, (_, k) => k % 3 === 0);
    const image = (i: number) => i === 7 ? new Uint8Array(200_000).fill(9) : Uint8Array.of(i & 255, i >> 8);
    function* images(): Generator<Uint8Array> {
      for (let i = 0; i < 5000; i++) yield image(i);
    }
    writePairSet(path, { images: images(), same });
    using set = readPairSet(path);
    assert.deepEqual(set.same, same);
    for (const i of [0, 6, 7, 8, 999, 1000, 1001, 4999]) assert.deepEqual(set.image(i), image(i));
    assert.throws(() => set.image(5000), RangeError);
  }),
);

Deno.test(
  "writePairSet() leaves nothing when the images are not two per pair",
  inFolder((folder) => {
    const path = `${folder}/a.bin`;
    const image = Uint8Array.of(1);
    const wrong: [unknown[], boolean[], RegExp][] = [
      [[image], [true], /2 for 1 pairs, found 1/],
      [[image, image, image], [true], /2 for 1 pairs, found 3/],
      [[image, "text"], [true], /image 1 as the bytes of a file, found something else/],
      [[image, new Uint8Array(0)], [true], /image 1 .*found none/],
      [[], [], /at least one pair/],
    ];
    for (const [images, same, message] of wrong) {
      assert.throws(() => writePairSet(path, { images: images as Uint8Array[], same }), {
        name: "InputError",
        message,
      });
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }
    writePairSet(path, { images: [image, image], same: [true] });
    assert.throws(() => writePairSet(path, { images: [image, image], same: [true] }), { message: /exists already/ });
  }),
);

Deno.test("readPairSet() of truncated or bit-flipped files: an InputError with the file's name, or a set of the right shape", () => {
  const array = arrayPickle([1, 2, 3], "u1");
  const text = new TextEncoder().encode("x".repeat(300) + "ÿ");
  const files = [
    join("\x80\x03](", binBytes([1, 2, 3]), binBytes([4]), "e](\x88e\x86."),
    join("\x80\x02](", array, array, "e](\x88e\x86."),
    join("](c_codecs\nencode\nX", le(text.length, 4), text, "\x8c\x06latin1\x86RS'\\x05\\xff'\nel(I01\nl\x86."),
  ];
  const edit = fc.record({
    file: fc.integer({ min: 0, max: files.length - 1 }),
    keep: fc.double({ min: 0, max: 1, noNaN: true }),
    flips: fc.array(fc.nat(), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(edit, ({ file, keep, flips }) => {
      const bytes = files[file].slice(0, flips.length > 0 ? undefined : Math.floor(files[file].length * keep));
      for (const flip of flips) bytes[(flip >> 3) % bytes.length] ^= 1 << (flip & 7);
      withFile(bytes, (path) => {
        try {
          using set = readPairSet(path);
          assert.equal(set.same.length, set.pairs);
          for (let i = 0; i < 2 * set.pairs; i++) assert.ok(set.image(i) instanceof Uint8Array);
        } catch (error) {
          assert.ok(error instanceof InputError, (error as Error).stack);
          assert.ok(error.message.includes(path) && !error.message.includes("\n"), error.message);
        }
      });
    }),
    { seed: 21, numRuns: 1000 },
  );
});

for (const name of REAL) {
  const url = new URL(name, DATA);
  Deno.test({
    name: `readPairSet() reads ${name}${exists(url) ? "" : " SKIPPED: no ../shared/data"}`,
    ignore: !exists(url),
    fn: () => {
      using set = readPairSet(url.pathname);
      assert.equal(set.pairs, name === "orl/lfw.bin" ? 600 : name === "small_lfw.bin" ? 10 : 20);
      assert.equal(set.same.filter(Boolean).length, name === "orl/lfw.bin" ? 300 : set.pairs);
      using whole = readPairSet(new URL(name.startsWith("orl") ? "orl/lfw.bin" : name, DATA).pathname);
      for (let i = 0; i < 2 * set.pairs; i += 7) {
        const image = set.image(i);
        assert.deepEqual([image[0], image[1], image.at(-2), image.at(-1)], [0xff, 0xd8, 0xff, 0xd9]); // a whole JPEG
        assert.deepEqual(image, whole.image(i));
      }
    },
  });
}

const python = (() => {
  try {
    return new Deno.Command("python3", { args: ["-c", "import pickle"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();

Deno.test({
  name: `Python reads what writePairSet() writes${python ? "" : " SKIPPED: no python3"}`,
  ignore: !python,
  fn: inFolder((folder) => {
    const path = `${folder}/ours.bin`;
    const images = Array.from(
      { length: 2400 },
      (_, i) => Uint8Array.from({ length: 1 + i % 300 }, (_, j) => (i * 31 + j) & 255),
    );
    const same = Array.from({ length: 1200 }, (_, k) => k % 5 < 2);
    writePairSet(path, { images, same });
    const script = `
import pickle, sys, hashlib
for arguments in ({}, {'encoding': 'bytes'}):
    images, same = pickle.load(open(sys.argv[1], 'rb'), **arguments)
    assert type(images) is list and type(same) is list
    assert all(type(image) is bytes for image in images) and all(type(value) is bool for value in same)
    assert len(images) == 2400 and same == [k % 5 < 2 for k in range(1200)]
    assert all(image == bytes((i * 31 + j) & 255 for j in range(1 + i % 300)) for i, image in enumerate(images))
print('same')
`;
    const { stdout, stderr } = new Deno.Command("python3", { args: ["-c", script, path] }).outputSync();
    assert.equal(new TextDecoder().decode(stdout), "same\n", new TextDecoder().decode(stderr));
  }),
});
