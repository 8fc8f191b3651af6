import assert from "node:assert/strict";
import { ByteFile } from "../../lib/data/byte_file.ts";
import { NUMPY_PICKLE, PickleArray, pickleArrayValues } from "../../lib/data/numpy_pickle.ts";
import { readPickle } from "../../lib/data/pickle_reader.ts";
import { PickleBytes } from "../../lib/data/pickle_values.ts";
import { arrayPickle, dtypePickle, join, le, type Piece, withFile } from "./pickle_bytes.ts";

function load<T>(pieces: Piece[], body: (value: unknown) => T): T {
  return withFile(join(...pieces), (path) => {
    using file = ByteFile.open(path, "read pickle");
    return body(readPickle(file, { allow: NUMPY_PICKLE }));
  });
}

const values = (...pieces: Piece[]) =>
  load(pieces, (value) => {
    assert.ok(value instanceof PickleArray);
    return pickleArrayValues(value, (what) => assert.fail(what));
  });

Deno.test("an array is rebuilt from either of NumPy's module names", () => {
  for (const module of ["numpy.core", "numpy._core"]) {
    load([arrayPickle([7, 8, 9, 10], "u1", [4, 1], module), "."], (value) => {
      assert.ok(value instanceof PickleArray && value.data instanceof PickleBytes);
      assert.deepEqual(value.shape, [4, 1]);
      assert.deepEqual([...value.data.read()], [7, 8, 9, 10]);
    });
  }
});

Deno.test("values of every dtype and both byte orders", () => {
  assert.deepEqual(values(arrayPickle([0, 1, 2], "b1"), "."), [false, true, true]);
  assert.deepEqual(values(arrayPickle([255], "i1"), "."), [-1]);
  assert.deepEqual(values(arrayPickle([1, 2], "u2", [1]), "."), [513]);
  assert.deepEqual(values(arrayPickle(le(-2, 8), "i8", [1]), "."), [-2n]);
  assert.deepEqual(values(arrayPickle([0, 0, 128, 63], "f4", [1]), "."), [1]);
  const bigEndian = [
    "cnumpy.core.numeric\n_frombuffer\n(C\x02\x01\x02",
    dtypePickle("u2", ">"),
    "K\x01\x85\x8c\x01CtR.",
  ];
  assert.deepEqual(values(...bigEndian), [258]);
});

Deno.test("scalars are plain values", () => {
  const scalar = (dtype: string, bytes: number[], order = "|") =>
    load(
      ["cnumpy._core.multiarray\nscalar\n", dtypePickle(dtype, order), "C", [bytes.length], bytes, "\x86R."],
      (v) => v,
    );
  assert.equal(scalar("b1", [1]), true);
  assert.equal(scalar("i8", le(5, 8), "<"), 5);
  assert.equal(scalar("f8", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], "<"), 1.5);
  assert.throws(() => scalar("i8", [1]), { name: "InputError", message: /scalar of 8 bytes, found 1/ });
});

Deno.test("arrays that do not hold what they say are refused with file and byte", () => {
  const wrong: [Piece[], RegExp][] = [
    [[arrayPickle([1, 2, 3], "u1", [4]), "."], /shape \[4\], 4 bytes or objects, found 3/],
    [[arrayPickle([1, 2, 3], "f4", [3]), "."], /shape \[3\], 12 bytes/],
    [[arrayPickle([1], "u1", [0x7fffffff, 0x7fffffff, 0x7fffffff]), "."], /found 1,/],
    [[arrayPickle([1, 2], "S2", [1]), "."], /found S2,/],
    [[arrayPickle([1], "V1", [1]), "."], /found V1,/],
    [["cnumpy\ndtype\nNNN\x87R."], /NumPy dtype/],
    [["cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85C\x01b\x87R."], /expected numpy\.ndarray/],
    [["cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R)b."], /state of a NumPy array/],
    [["cnumpy.core.numeric\n_frombuffer\n)R."], /data of a NumPy array/],
  ];
  for (const [pieces, message] of wrong) {
    assert.throws(() => load(pieces, () => undefined), (error: Error) => {
      assert.equal(error.name, "InputError", error.stack);
      assert.match(error.message, message);
      assert.match(error.message, / at byte \d+; /);
      return true;
    });
  }
});
