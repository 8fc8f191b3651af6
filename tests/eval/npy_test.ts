import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { InputError } from "../../lib/errors.ts";
import { type NpyNumbers, NpyReader, NpyWriter, readNpy, writeNpy } from "../../lib/eval/npy.ts";
import { withFolder } from "../temporary_folder.ts";

/** A file as NumPy writes it: header text of our choice, then data. */
function npy(text: string, data: Uint8Array, version = 1): Uint8Array {
  const head = version === 1 ? 10 : 12;
  const bytes = new Uint8Array(head + text.length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(new TextEncoder().encode(text), head);
  bytes.set(data, head + text.length);
  return bytes;
}

const HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";

Deno.test("arrays of every type come back as they were written", () =>
  withFolder((folder) => {
    const arrays: [Parameters<typeof writeNpy>[2], NpyNumbers][] = [
      [{ dtype: "float32", shape: [2, 2] }, Float32Array.of(1, -2.5, NaN, Infinity)],
      [{ dtype: "float64" }, Float64Array.of(0.1)],
      [{ dtype: "float16" }, Uint16Array.of(0x3c00)],
      [{ dtype: "int8" }, Int8Array.of(-1)],
      [{ dtype: "int16" }, Int16Array.of(-300)],
      [{ dtype: "int32", shape: [] }, Int32Array.of(7)],
      [{ dtype: "int64" }, BigInt64Array.of(-(2n ** 60n))],
      [{ dtype: "uint8", shape: [0, 3] }, new Uint8Array(0)],
      [{ dtype: "bool" }, Uint8Array.of(0, 1)],
    ];
    for (const [options, data] of arrays) {
      writeNpy(`${folder}/a.npy`, data, { ...options, force: true });
      const { shape = [data.length], dtype } = options!;
      assert.deepEqual(readNpy(`${folder}/a.npy`), { dtype, shape, data });
    }
  }));

Deno.test("a file is laid out as NumPy lays it out", () =>
  withFolder((folder) => {
    writeNpy(`${folder}/a.npy`, Float32Array.of(1, 2), { shape: [2] });
    const bytes = Deno.readFileSync(`${folder}/a.npy`);
    const text = String.fromCharCode(...bytes.subarray(0, 128));
    assert.equal(
      text,
      "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".padEnd(127) + "\n",
    );
    assert.equal(bytes.length, 128 + 8);
  }));

Deno.test("NpyWriter appends rows in pieces and leaves nothing behind when it is given up", () =>
  withFolder((folder) => {
    const path = `${folder}/a.npy`;
    {
      using file = NpyWriter.create(path, [3]);
      file.write(Float32Array.of(1, 2));
      assert.throws(() => file.finish(), TypeError);
      file.write(Float32Array.of(3, 4, 5, 6));
      assert.equal(file.rows, 2);
      assert.throws(() => file.write(new Float64Array(3)), TypeError);
      file.finish();
    }
    assert.deepEqual(readNpy(path), { dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    assert.throws(() => NpyWriter.create(path, []), { name: "InputError", message: /exists already/ });
    {
      using file = NpyWriter.create(path, [], { force: true });
      file.write(Float32Array.of(1));
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.npy"]);
    using reader = NpyReader.open(path);
    assert.deepEqual([...reader.readRows(1, 1)], [4, 5, 6]);
    assert.throws(() => reader.readRows(1, 2), RangeError);
  }));

Deno.test("headers of other versions and writers are read", () =>
  withFolder((folder) => {
    const path = `${folder}/a.npy`;
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    for (const text of [HEADER, "{'shape': (2L, 2L), 'fortran_order': False, 'descr': '<f4'}   "]) {
      for (const version of [1, 2, 3]) {
        Deno.writeFileSync(path, npy(text, data, version));
        assert.deepEqual([...readNpy(path).data as Float32Array], [1, 2, 3, 4]);
      }
    }
    Deno.writeFileSync(
      path,
      npy("{'descr': '|u1', 'fortran_order': True, 'shape': (4, 1)}", Uint8Array.of(1, 2, 3, 4)),
    );
    assert.deepEqual(readNpy(path).shape, [4, 1]);
  }));

Deno.test("files that are not what is asked for are refused in one line", () =>
  withFolder((folder) => {
    const path = `${folder}/a.npy`;
    const data = new Uint8Array(16);
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /a file of 0 bytes at byte 0/],
      [new Uint8Array(200), /begins with \\x93NUMPY/],
      [npy(HEADER, data).fill(9, 6, 7), /version 1 to 3, found 9/],
      [npy(HEADER, data, 2).fill(255, 8, 12), /found 4294967295 at byte 8/],
      [npy(HEADER, data.subarray(1)), /expected 16 bytes of float32 for shape \[2,2\], found 15/],
      [npy(HEADER.replace("<f4", ">f4"), data), /found '>f4'/],
      [npy(HEADER.replace("<f4", "|O"), data), /found '\|O'/],
      [npy(HEADER.replace("'<f4'", "[('a', '<f4')]"), data), /structured dtype/],
      [npy(HEADER.replace("False", "True"), data), /Fortran order/],
      [npy(HEADER.replace("(2, 2)", "(9999999999, 9999999999)"), data), /whole numbers/],
      [npy(HEADER.replace("(2, 2)", "(-4,)"), data), /'shape' as a tuple/],
    ];
    for (const [bytes, message] of cases) {
      Deno.writeFileSync(path, bytes);
      assert.throws(() => readNpy(path), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot read array \S+: [^\n]+$/);
        return true;
      });
    }
    Deno.writeFileSync(path, npy(HEADER, data));
    assert.throws(() => readNpy(path, { dtype: "float64" }), /expected dtype float64, found float32/);
    assert.throws(() => readNpy(path, { shape: [undefined, 512] }), /expected shape \[any, 512\], found \[2, 2\]/);
  }));

Deno.test("a truncated or flipped file is an InputError or an array of the right size", () =>
  withFolder((folder) => {
    const path = `${folder}/a.npy`;
    const whole = npy(HEADER, new Uint8Array(16).fill(3));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(7), fc.boolean(), (at, bit, cut) => {
        const bytes = cut ? whole.slice(0, at) : whole.slice();
        if (!cut) bytes[at] ^= 1 << bit;
        Deno.writeFileSync(path, bytes);
        try {
          assert.equal(readNpy(path).data.byteLength, cut ? -1 : 16);
        } catch (error) {
          assert.ok(error instanceof InputError, (error as Error).stack);
        }
      }),
      { seed: 21, numRuns: 300 },
    );
  }));
