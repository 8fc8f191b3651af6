import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { InputError } from "../../lib/errors.ts";
import {
  openSafetensors,
  readSafetensors,
  type TensorData,
  toFloat32,
  writeSafetensors,
} from "../../lib/model/safetensors.ts";

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

/** A file with this header text and data, as another writer would make it. */
function raw(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const SMALL = new Map<string, TensorData>([
  ["flags", { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["fc.weight", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, -2, NaN, 0.5) }],
  ["steps", { dtype: "I64", shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
  ["empty", { dtype: "F64", shape: [0, 7], data: new Float64Array(0) }],
]);

Deno.test(
  "writeSafetensors() and readSafetensors() are inverse",
  inFolder((folder) => {
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    const arrays = {
      F32: Float32Array,
      F64: Float64Array,
      F16: Uint16Array,
      BF16: Uint16Array,
      I32: Int32Array,
      U8: Uint8Array,
      BOOL: Uint8Array,
    };
    const tensor = fc.tuple(shape, fc.constantFrom(...Object.keys(arrays) as (keyof typeof arrays)[]), fc.nat()).map(
      ([shape, dtype, seed]): TensorData => {
        const data = new arrays[dtype](shape.reduce((a, b) => a * b, 1));
        data.forEach((_, i) => data[i] = ((seed + i * 7919) % 251) - (dtype === "F32" ? 100.5 : 0));
        return { dtype, shape, data };
      },
    );
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), tensor), {
      selector: ([name]) => name,
      maxLength: 8,
    });
    const names = entries.filter((list) => list.every(([name]) => name !== "__metadata__"));
    const key = fc.string().filter((name) => name !== "crc32");
    const metadata = fc.dictionary(key, fc.string(), { maxKeys: 4, noNullPrototype: true });
    const path = `${folder}/a.safetensors`;
    fc.assert(
      fc.property(names, metadata, (entries, metadata) => {
        const tensors = new Map(entries);
        writeSafetensors(path, tensors, metadata);
        const read = readSafetensors(path);
        assert.deepEqual(read.metadata, metadata);
        assert.deepEqual(
          [...read.tensors].sort(([a], [b]) => a < b ? -1 : 1),
          [...tensors].sort(([a], [b]) => a < b ? -1 : 1),
        );
      }),
      { seed: 21, numRuns: 100 },
    );
  }),
);

Deno.test(
  "the file is laid out as the format says: aligned header, wide numbers first",
  inFolder((folder) => {
    const path = `${folder}/a.safetensors`;
    writeSafetensors(path, SMALL, { note: "a" });
    const bytes = Deno.readFileSync(path);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.equal(length % 8, 0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    assert.equal(header.__metadata__.note, "a");
    assert.deepEqual(header["fc.weight"], { dtype: "F32", shape: [2, 2], data_offsets: [8, 24] });
    assert.deepEqual(header.flags.data_offsets, [24, 27]);
    assert.equal(bytes.length, 8 + length + 27);
  }),
);

Deno.test(
  "openSafetensors() reads tensor by tensor, files of other writers too",
  inFolder((folder) => {
    const path = `${folder}/a.safetensors`;
    // unordered, with spaces, without metadata
    Deno.writeFileSync(
      path,
      raw(
        '{"b": {"dtype":"U8","shape":[2],"data_offsets":[4,6]}, "a\\u0062": {"shape":[1],"dtype":"F32","data_offsets":[0,4]}}   ',
        Uint8Array.of(0, 0, 128, 63, 7, 8),
      ),
    );
    using file = openSafetensors(path);
    assert.deepEqual([...file.tensors.keys()], ["ab", "b"]);
    assert.deepEqual(file.read("b"), { dtype: "U8", shape: [2], data: Uint8Array.of(7, 8) });
    assert.deepEqual(file.read("ab").data, Float32Array.of(1));
    assert.throws(() => file.read("c"), {
      name: "InputError",
      message: /tensor named c, found none; the file is of another model/,
    });
  }),
);

Deno.test(
  "headers that lie are refused with file and byte",
  inFolder((folder) => {
    const path = `${folder}/a.safetensors`;
    const place = (begin: number, end: number, rest = '"dtype":"U8","shape":[4]') =>
      `{${rest},"data_offsets":[${begin},${end}]}`;
    const four = new Uint8Array(4);
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /found a file of 0 at byte 0/],
      [new Uint8Array(7), /found a file of 7 at byte 0/],
      [new Uint8Array(8).fill(255), /at most 0 bytes, found a length of 18446744073709551615/],
      [raw("{}").slice(0, 9), /at most 1 bytes, found a length of 2/],
      [raw(""), /JSON/],
      [raw("[]"), /JSON object/],
      [raw("{"), /JSON/],
      [raw("[".repeat(100_000)), /JSON/],
      [raw('{"a":1}'), /place of tensor "a"/],
      [raw(`{"a":${place(0, 4)}}`), /expected 4 bytes of data, found 0/],
      [raw(`{"a":${place(0, 4)}}`, new Uint8Array(5)), /expected 4 bytes of data, found 5/],
      [raw(`{"a":${place(0, 3)}}`, four), /expected 4 bytes for shape \[4\]/],
      [raw(`{"a":${place(1, 5)}}`, new Uint8Array(5)), /a hole/],
      [raw(`{"a":${place(0, 4)},"b":${place(2, 6)}}`, new Uint8Array(6)), /an overlap/],
      [raw(`{"a":${place(0, 4)},"b":${place(0, 4)}}`, four), /an overlap/],
      [raw(`{"a":${place(4, 0)}}`, four), /two rising whole numbers/],
      [raw(`{"a":${place(-4, 0)}}`, four), /two rising whole numbers/],
      [raw(`{"a":${place(0, 4, '"dtype":"U8","shape":[4.5]')}}`, four), /shape of tensor "a"/],
      [raw(`{"a":${place(0, 4, '"dtype":"U8","shape":[9007199254740993,0]')}}`, four), /shape/],
      [raw(`{"a":${place(0, 4, '"dtype":"F8_E4M3","shape":[4]')}}`, four), /found "F8_E4M3"/],
      [raw(`{"a":${place(0, 4, '"dtype":"toString","shape":[4]')}}`, four), /found "toString"/],
      [raw(`{"a":${place(0, 4, '"dtype":"U8","shape":[4],"x":1')}}`, four), /found "x" too/],
      [raw(`{"a":${place(0, 4)},"\\u0061":${place(0, 4)}}`, four), /"a" twice/],
      [raw(`{"a":${place(0, 4, '"dtype":"U8","dtype":"U8","shape":[4]')}}`, four), /"dtype" twice/],
      [raw('{"__metadata__":{"a":1}}'), /a text for "a"/],
      [raw('{"__metadata__":[]}'), /texts by name/],
      [raw("").fill(0), /JSON/],
    ];
    for (const [bytes, message] of cases) {
      Deno.writeFileSync(path, bytes);
      assert.throws(() => readSafetensors(path), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot read safetensors file \S+: [^\n]+ at byte \d+; [^\n]+$/);
        return true;
      });
    }
  }),
);

Deno.test(
  "a truncated or bit-flipped file is never read as something else",
  inFolder((folder) => {
    const path = `${folder}/a.safetensors`;
    writeSafetensors(path, SMALL, { note: "a longer text, so that flips meet it" });
    const whole = Deno.readFileSync(path);
    const expected = readSafetensors(path);
    const edit = fc.record({ cut: fc.boolean(), at: fc.nat(whole.length - 1), bit: fc.nat(7) });
    fc.assert(
      fc.property(edit, ({ cut, at, bit }) => {
        const bytes = cut ? whole.slice(0, at) : whole.slice();
        if (!cut) bytes[at] ^= 1 << bit;
        Deno.writeFileSync(path, bytes);
        try {
          const { tensors } = readSafetensors(path);
          // only a flip in the checksum's own name gets here: then there is none to look at
          assert.ok(!cut && at >= 8 && at < 32, `${at}`);
          assert.deepEqual(tensors, expected.tensors);
        } catch (error) {
          assert.ok(error instanceof InputError, (error as Error).stack);
          assert.ok(error.message.includes(path) && /byte \d+/.test(error.message), error.message);
        }
      }),
      { seed: 21, numRuns: 800 },
    );
  }),
);

Deno.test(
  "writeSafetensors() replaces in one step, or refuses when told to",
  inFolder((folder) => {
    const path = `${folder}/a.safetensors`;
    writeSafetensors(path, SMALL);
    writeSafetensors(path, new Map());
    assert.equal(readSafetensors(path).tensors.size, 0);
    assert.throws(() => writeSafetensors(path, SMALL, {}, { force: false }), {
      name: "InputError",
      message: /exists already/,
    });
    assert.throws(() => writeSafetensors(`${folder}/none/a`, SMALL), {
      name: "InputError",
      message: /no such file or folder/,
    });
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.safetensors"]);
  }),
);

Deno.test("writeSafetensors() takes only tensors that agree with themselves", () => {
  const write = (name: string, tensor: TensorData) => () => writeSafetensors("/nowhere/a", new Map([[name, tensor]]));
  assert.throws(write("a", { dtype: "F32", shape: [3], data: new Float32Array(2) }), TypeError);
  assert.throws(write("a", { dtype: "F32", shape: [2], data: new Float64Array(2) }), TypeError);
  assert.throws(write("__metadata__", { dtype: "U8", shape: [0], data: new Uint8Array(0) }), TypeError);
});

Deno.test("toFloat32() of every dtype", () => {
  const of = (
    dtype: TensorData["dtype"],
    data: TensorData["data"],
  ) => [...toFloat32({ dtype, shape: [data.length], data })];
  assert.deepEqual(of("F32", Float32Array.of(0.1)), [Math.fround(0.1)]);
  assert.deepEqual(of("F64", Float64Array.of(0.1)), [Math.fround(0.1)]);
  assert.deepEqual(of("F16", Uint16Array.of(0x3e00)), [1.5]);
  assert.deepEqual(of("BF16", Uint16Array.of(0x3fc0)), [1.5]);
  assert.deepEqual(of("I32", Int32Array.of(-3)), [-3]);
  assert.deepEqual(of("I64", BigInt64Array.of(-3n)), [-3]);
  assert.deepEqual(of("BOOL", Uint8Array.of(0, 1)), [0, 1]);
});
