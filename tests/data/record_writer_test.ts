import assert from "node:assert/strict";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { withFolder } from "../temporary_folder.ts";

const MAGIC = [0x0a, 0x23, 0xd7, 0xce];

Deno.test("RecordWriter splits a payload at each magic that stands at a multiple of 4", () =>
  withFolder((folder) => {
    const path = `${folder}/a.rec`;
    using writer = RecordWriter.create(path);
    const payload = [...MAGIC, 1, 2, 3, 4, ...MAGIC, ...MAGIC, 5, ...MAGIC, 6];
    assert.equal(writer.write(3, Uint8Array.from(payload)), 0);
    assert.equal(writer.write(1, Uint8Array.of(7)), 44);
    writer.finish();
    const part = (kind: number, length: number) => [...new Uint8Array(Uint32Array.of(kind * 2 ** 29 + length).buffer)];
    assert.deepEqual([...Deno.readFileSync(path)], [
      ...[...MAGIC, ...part(1, 0)], // the first part: nothing before the magic
      ...[...MAGIC, ...part(2, 4), 1, 2, 3, 4],
      ...[...MAGIC, ...part(2, 0)],
      ...[...MAGIC, ...part(3, 6), 5, ...MAGIC, 6, 0, 0], // not at a multiple of 4: data
      ...[...MAGIC, ...part(0, 1), 7, 0, 0, 0],
    ]);
    assert.equal(Deno.readTextFileSync(`${folder}/a.idx`), "3\t0\n1\t44\n");
  }));

Deno.test("RecordWriter leaves nothing until finish(), and nothing after abort()", () =>
  withFolder((folder) => {
    const names = () =>
      [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) => !name.startsWith("."));
    const writer = RecordWriter.create(`${folder}/a.rec`);
    writer.write(0, new Uint8Array(9));
    assert.deepEqual(names(), []);
    writer.abort();
    assert.deepEqual([...Deno.readDirSync(folder)], []);

    const again = RecordWriter.create(`${folder}/a.rec`);
    again.write(0, new Uint8Array(9));
    again.finish();
    again.abort();
    assert.deepEqual(names().sort(), ["a.idx", "a.rec"]);
  }));

Deno.test("RecordWriter replaces files only by force, and a missing folder is an InputError", () =>
  withFolder((folder) => {
    const write = (force: boolean) => {
      using writer = RecordWriter.create(`${folder}/a.rec`, { force });
      writer.write(0, Uint8Array.of(1));
      writer.finish();
    };
    write(false);
    assert.throws(() => write(false), { name: "InputError", message: /a\.rec: it exists already/ });
    write(true);
    Deno.removeSync(`${folder}/a.rec`);
    assert.throws(() => write(false), /a\.idx: it exists already/);
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["a.idx"]);
    assert.throws(() => RecordWriter.create(`${folder}/none/a.rec`), { name: "InputError", message: /no such file/ });
  }));

Deno.test("RecordWriter refuses keys that an index cannot hold", () =>
  withFolder((folder) => {
    using writer = RecordWriter.create(`${folder}/a.rec`);
    for (const key of [-1, 0.5, 2 ** 32, NaN]) assert.throws(() => writer.write(key, new Uint8Array()), RangeError);
  }));
