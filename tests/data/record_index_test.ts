import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { RecordIndex } from "../../lib/data/record_index.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("RecordIndex finds every key, in whatever order the lines are", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 60 }),
      fc.boolean(),
      (some, isDense) => {
        // dense keys in disorder, or any keys
        const keys = isDense ? some.map((key, i) => [key, i]).sort((a, b) => a[0] - b[0]).map(([, i]) => i + 7) : some;
        const index = RecordIndex.from(keys.map((key, i) => [key, i * 2 ** 34]));
        const sorted = keys.toSorted((a, b) => a - b);
        assert.deepEqual([...index.keys()], sorted);
        for (const [i, key] of sorted.entries()) {
          assert.equal(index.find(key), i);
          assert.equal(index.offsetAt(i), keys.indexOf(key) * 2 ** 34);
          assert.equal(index.lineAt(i), keys.indexOf(key) + 1);
        }
        for (const key of [0, 6, 12345, 0xffffffff]) if (!keys.includes(key)) assert.equal(index.find(key), undefined);
      },
    ),
    { seed: 21, numRuns: 300 },
  );
});

Deno.test("RecordIndex holds many entries: consecutive, ascending, and in disorder", () => {
  const n = 600_000; // more than two chunks
  for (const keyOf of [(i: number) => i + 5, (i: number) => 3 * i, (i: number) => i * 7919 % n]) {
    const index = RecordIndex.from(function* (): Iterable<[number, number]> {
      for (let i = 0; i < n; i++) yield [keyOf(i), i * 8];
    }());
    assert.equal(index.size, n);
    for (const i of [0, 1, 262_143, 262_144, n - 1]) assert.equal(index.offsetAt(index.find(keyOf(i))!), i * 8);
  }
});

Deno.test("RecordIndex.read() takes tabs, spaces, CR LF, and a last line without its end", () =>
  withFolder((folder) => {
    const path = `${folder}/a.idx`;
    Deno.writeTextFileSync(path, "4\t0\r\n2  40 \n\n".replace("\n\n", "\n") + "9\t8589934592");
    const index = RecordIndex.read(path, "a.rec", 2 ** 40);
    assert.deepEqual([...index.keys()], [2, 4, 9]);
    assert.deepEqual([0, 1, 2].map((i) => index.offsetAt(i)), [40, 0, 2 ** 33]);
    assert.equal(index.path, path);
  }));

Deno.test("RecordIndex.read() names file and line of what is no index", () =>
  withFolder((folder) => {
    const path = `${folder}/a.idx`;
    const faults: [string, RegExp][] = [
      ["", /a\.idx: expected "key offset" lines, found none/],
      ["\n\n", /expected "key offset" lines, found none/],
      ["0\t0\n\n1\t8\n", /on line 2, found an empty line/],
      ["0\t0\n1\n", /on line 2, found "1" alone/],
      ["0\t0\nkey\t8\n", /on line 2, found the byte 0x6b/],
      ["0\t-8\n", /on line 1, found the byte 0x2d/],
      ["0\t0\t0\n", /on line 1, found a third number/],
      ["4294967296\t0\n", /on line 1, found a key of 2\^32 or more/],
      ["1\t99999999999999999\n", /on line 1, found an offset of 2\^53 or more/],
      ["0\t0\n1\t100\n", /line 2 \(key 1\) points to byte 100 of a\.rec, past the end; the file has 100 bytes/],
      ["0\t0\n1\t6\n", /line 2 \(key 1\) points to byte 6 of a\.rec, not a multiple of 4/],
      ["3\t0\n1\t8\n3\t16\n", /key 3 stands on line 1 and again on line 3/],
      ["3\t0\n3\t16\n", /key 3 stands on line 1 and again on line 2/],
    ];
    for (const [text, message] of faults) {
      Deno.writeTextFileSync(path, text);
      assert.throws(() => RecordIndex.read(path, "a.rec", 100), { name: "InputError", message }, JSON.stringify(text));
    }
    assert.throws(() => RecordIndex.read(`${folder}/none.idx`, "a.rec", 100), /none\.idx: no such file/);
  }));

Deno.test("RecordIndex.read() takes any bytes for an index or refuses them", () =>
  withFolder((folder) => {
    const path = `${folder}/a.idx`;
    const byte = fc.oneof(fc.constantFrom(..."0123456789\t\n \r").map((c) => c.charCodeAt(0)), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
        Deno.writeFileSync(path, Uint8Array.from(bytes));
        try {
          const index = RecordIndex.read(path, "a.rec", 1000);
          for (let i = 0; i < index.size; i++) assert.ok(index.offsetAt(i) <= 992);
        } catch (error) {
          assert.equal((error as Error).name, "InputError");
        }
      }),
      { seed: 22, numRuns: 500 },
    );
  }));
