import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import * as fc from "../../lib/deps/fast_check.ts";
import { exists } from "../../lib/data/exists.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { RecordReader } from "../../lib/data/record_reader.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { withFolder } from "../temporary_folder.ts";

const MAGIC = [0x0a, 0x23, 0xd7, 0xce];
const orl = new URL("../../../shared/data/orl/train.rec", import.meta.url).pathname;
const hasOrl = exists(orl);

/** Payloads of a few bytes, in which the magic is frequent at any alignment. */
const payload = fc.array(fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constant(Uint8Array.from(MAGIC))), {
  maxLength: 8,
}).map((pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])));

Deno.test("RecordReader gives back what RecordWriter wrote, by key, by offset, and in order", () =>
  withFolder((folder) => {
    let run = 0;
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 12 }), fc.boolean(), (payloads, isIndexed) => {
        const path = `${folder}/${run++}.rec`;
        const offsets = write(path, payloads);
        if (!isIndexed) Deno.removeSync(path.replace(".rec", ".idx"));
        using reader = RecordReader.open(path);
        assert.deepEqual([...reader.keys()], payloads.map((_, i) => i));
        for (const [i, expected] of payloads.entries()) {
          assert.deepEqual(reader.read(i), expected);
          const { payload, next } = reader.readAt(offsets[i]);
          assert.deepEqual(payload, expected);
          assert.equal(next, offsets[i + 1] ?? reader.size);
        }
        const records = [...reader.records()];
        assert.deepEqual(records.map((record) => record.payload), payloads);
        assert.deepEqual(records.map((record) => record.offset), offsets);
      }),
      { seed: 11, numRuns: 150 },
    );
  }));

Deno.test({
  name: "RecordReader and RecordWriter repack a published set to the identical file" +
    (hasOrl ? "" : " SKIPPED: no ../shared/data"),
  ignore: !hasOrl,
  fn: () =>
    withFolder((folder) => {
      using reader = RecordReader.open(orl);
      using writer = RecordWriter.create(`${folder}/train.rec`);
      for (const key of reader.keys()) writer.write(key, reader.read(key));
      writer.finish();
      for (const end of [".rec", ".idx"]) {
        assert.deepEqual(Deno.readFileSync(`${folder}/train${end}`), Deno.readFileSync(orl.replace(".rec", end)));
      }
    }),
});

Deno.test("RecordReader reads a record past 4 GiB in a sparse file", () =>
  withFolder((folder) => {
    const [path, part] = [`${folder}/large.rec`, `${folder}/part.rec`];
    const far = 5 * 2 ** 30 + 4;
    const payloads = [Uint8Array.of(1, 2, 3), Uint8Array.from([...MAGIC, 4, 5])];
    using file = Deno.openSync(path, { write: true, create: true });
    for (const [i, offset] of [0, far].entries()) {
      write(part, [payloads[i]], { force: true });
      file.seekSync(offset, Deno.SeekMode.Start);
      file.writeSync(Deno.readFileSync(part));
    }
    Deno.writeTextFileSync(`${folder}/large.idx`, `8\t${far}\n3\t0\n`);
    using reader = RecordReader.open(path);
    assert.equal(reader.size, far + 20);
    assert.deepEqual([...reader.keys()], [3, 8]);
    assert.deepEqual(reader.read(3), payloads[0]);
    assert.deepEqual(reader.read(8), payloads[1]);
    assert.deepEqual(reader.readAt(far), { payload: payloads[1], next: reader.size });
  }));

Deno.test("RecordReader refuses every truncation, or has the records before it", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    const payloads = [[1, 2, 3, 4, 5], [...MAGIC, 6, 7], [], [8]].map((bytes) => Uint8Array.from(bytes));
    const offsets = write(path, payloads);
    const whole = Deno.readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      const cut = `${folder}/cut.rec`;
      Deno.writeFileSync(cut, whole.subarray(0, length));
      if (length > 0 && offsets.includes(length)) {
        using reader = RecordReader.open(cut);
        assert.equal([...reader.records()].length, offsets.indexOf(length));
        assert.throws(() => reader.read(offsets.indexOf(length)), isAbout(cut));
      } else {
        assert.throws(() => readAll(cut), isAbout(cut));
      }
    }
  }));

Deno.test("RecordReader finds every flipped bit that is not in the data itself", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    const payloads = [[1, 2, 3, 4, 5], [...MAGIC, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15], [16, 17]]
      .map((bytes) => Uint8Array.from(bytes));
    write(path, payloads);
    const whole = Deno.readFileSync(path);
    const good = payloads.map((bytes) => [...bytes]);
    let found = 0;
    const missed: string[] = [];
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = whole.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      const damaged = `${folder}/flipped.rec`;
      Deno.writeFileSync(damaged, flipped);
      let records: number[][];
      try {
        records = readAll(damaged).map((bytes) => [...bytes]);
      } catch (error) {
        assert.ok(isAbout(damaged)(error), String(error));
        found++;
        continue;
      }
      const sameLengths = records.length === 4 && records.every((record, i) => record.length === good[i].length);
      if (!sameLengths) missed.push(`bit ${bit}: ${JSON.stringify(records)}`);
      else {
        const changed = records.flat().filter((byte, i) => byte !== good.flat()[i]).length;
        assert.equal(changed, 1, `bit ${bit} changed ${changed} bytes`);
      }
    }
    // Only a length that grows into its own padding (5 to 7, 6 to 7, 2 to 3) is not told from a payload that ends in zeros.
    assert.deepEqual(missed.map((text) => text.split(":")[0]), ["bit 33", "bit 224", "bit 448"]);
    assert.ok(found > 300);
  }));

Deno.test("RecordReader reads random bytes after a magic without hanging, crashing, or taking memory", () =>
  withFolder((folder) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 64 }), fc.array(fc.nat(60)), (bytes, magics) => {
        const file = new Uint8Array(bytes.length + 4);
        file.set(bytes, 4);
        for (const at of [0, ...magics.map((at) => at - at % 4)]) {
          if (at + 4 <= file.length) file.set(MAGIC, at);
        }
        const path = `${folder}/random.rec`;
        Deno.writeFileSync(path, file);
        try {
          const total = readAll(path).reduce((sum, payload) => sum + payload.length, 0);
          assert.ok(total <= file.length);
        } catch (error) {
          assert.ok(isAbout(path)(error), String(error));
        }
      }),
      { seed: 12, numRuns: 1500 },
    );
  }));

Deno.test("RecordReader.open() refuses what is no record file", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    assert.throws(() => RecordReader.open(path), /Cannot read .*a\.rec: no such file/);
    assert.throws(() => RecordReader.open(folder), /expected a file, found a folder/);
    Deno.writeFileSync(path, new Uint8Array());
    assert.throws(() => RecordReader.open(path), /a\.rec: expected records, found an empty file/);
    Deno.writeTextFileSync(path, "PK and so on");
    assert.throws(() => RecordReader.open(path), /byte 0 of .*expected magic 0xced7230a, found 0x61204b50/);
  }));

Deno.test("RecordReader.read() names the line of an index that points to no record", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    write(path, [new Uint8Array(40), new Uint8Array(8)]);
    Deno.writeTextFileSync(`${folder}/a.idx`, "0\t0\n1\t12\n");
    using reader = RecordReader.open(path);
    assert.throws(() => reader.read(1), /byte 12 of .*found 0x00000000.*a\.idx line 2 has key 1/);
    assert.throws(() => reader.read(2), /Cannot read key 2 of .*a\.rec: .*found 2 keys from 0 to 1/);
    Deno.writeTextFileSync(`${folder}/a.idx`, "0\t0\n1\t9999\n");
    using second = RecordReader.open(path);
    assert.throws(() => second.read(0), /a\.idx: line 2 \(key 1\) points to byte 9999 of .*past the end/);
  }));

Deno.test("RecordReader blames damage on the record that has it", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    const payloads = [11, 22, 33].map((value) => new Uint8Array(value).fill(value));
    const offsets = write(path, payloads);
    const whole = Deno.readFileSync(path);
    const readable = (at: number, bits: number) => {
      const damaged = whole.slice();
      damaged[at] ^= bits;
      Deno.writeFileSync(path, damaged);
      using reader = RecordReader.open(path);
      return [0, 1, 2].filter((key) => {
        try {
          assert.deepEqual(reader.read(key), payloads[key]);
          return true;
        } catch (error) {
          assert.ok(isAbout(path)(error), String(error));
          return false;
        }
      });
    };
    assert.deepEqual(readable(offsets[1], 255), [0, 2]); // its magic
    assert.deepEqual(readable(offsets[1] + 4, 16), [0, 2]); // its length, shorter
    assert.deepEqual(readable(offsets[1] + 4, 8), [0, 2]); // longer
    assert.deepEqual(readable(offsets[2] + 3, 1), [0, 1]);
  }));

Deno.test("RecordReader takes ids as keys where a file without index was packed in another order", () =>
  withFolder((folder) => {
    const ids = { shuffled: [2, 0, 1], constant: [0, 0, 0], shifted: [1, 2, 3] };
    for (const [name, order] of Object.entries(ids)) {
      const path = `${folder}/${name}.rec`;
      write(path, order.map((id) => encodeImageRecord({ label: id, id })));
      Deno.removeSync(`${folder}/${name}.idx`);
      using reader = RecordReader.open(path);
      assert.equal(reader.index.path, undefined);
      const offsets = [0, 1, 2].map((key) => reader.index.offsetAt(key));
      assert.deepEqual(offsets, name === "shuffled" ? [32, 64, 0] : [0, 32, 64]);
    }
  }));

Deno.test("RecordReader reads records larger than its window", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    const large = new Uint8Array(3 * 2 ** 20 + 5).map((_, i) => i % 251);
    large.set(MAGIC, 2 ** 21);
    write(path, [large.subarray(0, 17), large, large.subarray(0, 2 ** 20 + 1)]);
    using reader = RecordReader.open(path);
    assert.deepEqual([...reader.records()].map(({ payload }) => payload.length), [17, large.length, 2 ** 20 + 1]);
    assert.ok(reader.read(1).every((byte, i) => byte === large[i]));
  }));

function write(path: string, payloads: Uint8Array[], options = {}): number[] {
  using writer = RecordWriter.create(path, options);
  const offsets = payloads.map((payload, i) => writer.write(i, payload));
  writer.finish();
  return offsets;
}

/** All payloads, read both ways. */
function readAll(path: string): Uint8Array[] {
  using reader = RecordReader.open(path);
  const payloads = [...reader.records()].map(({ payload }) => payload);
  for (const [i, key] of [...reader.keys()].entries()) assert.deepEqual(reader.read(key), payloads[i]);
  return payloads;
}

function isAbout(path: string): (error: unknown) => boolean {
  return (error) => error instanceof InputError && error.message.includes(path) && !error.message.includes("\n");
}
