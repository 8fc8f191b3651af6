import assert from "node:assert/strict";
import { AtomicFile, removeLeftovers, writeFileAtomic } from "../../lib/data/atomic_file.ts";
import { InputError } from "../../lib/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

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

const names = (folder: string) => [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();

Deno.test(
  "writeFileAtomic() leaves one file, whole",
  inFolder((folder) => {
    writeFileAtomic(`${folder}/a`, [bytes("one "), bytes("two")]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "one two");
    assert.deepEqual(names(folder), ["a"]);
  }),
);

Deno.test(
  "writeFileAtomic() keeps what is there unless forced",
  inFolder((folder) => {
    writeFileAtomic(`${folder}/a`, bytes("old"));
    assert.throws(() => writeFileAtomic(`${folder}/a`, bytes("new")), {
      name: "InputError",
      message: /exists already/,
    });
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "old");
    writeFileAtomic(`${folder}/a`, bytes("new"), { force: true });
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "new");
  }),
);

Deno.test(
  "a writer that throws half-way leaves nothing, and the old file",
  inFolder((folder) => {
    writeFileAtomic(`${folder}/a`, bytes("old"));
    function* half(): Generator<Uint8Array> {
      yield bytes("half");
      throw new Error("stop");
    }
    assert.throws(() => writeFileAtomic(`${folder}/a`, half(), { force: true }), { message: "stop" });
    assert.deepEqual(names(folder), ["a"]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "old");
  }),
);

Deno.test(
  "AtomicFile.patch() overwrites a header and goes on at the end",
  inFolder((folder) => {
    const file = AtomicFile.create(`${folder}/a`);
    file.write(bytes("????body"));
    file.patch(0, bytes("head"));
    file.write(bytes("-tail"));
    assert.throws(() => file.patch(12, bytes("xx")), RangeError);
    file.commit();
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "headbody-tail");
    assert.throws(() => file.write(bytes("x")), { message: /committed or given up/ });
  }),
);

Deno.test(
  "two writers of one name in one process do not share a temporary",
  inFolder((folder) => {
    const [first, second] = [AtomicFile.create(`${folder}/a`), AtomicFile.create(`${folder}/a`)];
    assert.notEqual(first.temporary, second.temporary);
    first.write(bytes("1"));
    second.write(bytes("2"));
    first.commit();
    assert.throws(() => second.commit(), InputError);
    assert.deepEqual(names(folder), ["a"]);
    assert.equal(Deno.readTextFileSync(`${folder}/a`), "1");
  }),
);

Deno.test(
  "places that cannot be written are named in one line",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    for (
      const path of [`${folder}/none/a`, `${folder}/file/a`, folder, `${folder}/`, "", `${folder}/${"x".repeat(300)}`]
    ) {
      assert.throws(() => writeFileAtomic(path, bytes("x")), (error: Error) => {
        assert.equal(error.name, "InputError");
        assert.match(error.message, /^Cannot write [^\n]+; [^\n]+$/);
        return true;
      });
    }
  }),
);

Deno.test({
  name: "a disk that takes no more is an InputError and leaves nothing",
  ignore: Deno.build.os === "windows",
  fn: inFolder((folder) => {
    // A limit on the size of files stands for the disk: `ulimit -f` counts 512-byte blocks, and with its signal ignored
    // the write fails as it does on a full disk.
    const program = `${folder}/program.ts`;
    const library = new URL("../../lib/data/atomic_file.ts", import.meta.url).href;
    Deno.writeTextFileSync(
      program,
      `import { writeFileAtomic } from "${library}";
      try {
        writeFileAtomic("${folder}/out/big", new Uint8Array(1 << 20));
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }`,
    );
    Deno.mkdirSync(`${folder}/out`);
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", `trap '' XFSZ; ulimit -f 64; exec "$0" run --no-check -A "$1"`, Deno.execPath(), program],
    }).outputSync();
    assert.match(new TextDecoder().decode(stdout), /^InputError: Cannot write .*big: the file would be larger/);
    assert.deepEqual(names(`${folder}/out`), []);
  }),
});

Deno.test(
  "removeLeftovers() takes only temporaries of processes that are gone",
  inFolder((folder) => {
    const old = new Date(Date.now() - 2 * 86_400_000);
    for (const name of [".a.999999999.tmp", ".b.999999998-3.tmp", "c.tmp", ".d.txt"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
      Deno.utimeSync(`${folder}/${name}`, old, old);
    }
    Deno.writeTextFileSync(`${folder}/.e.999999997.tmp`, ""); // just written: perhaps by another machine
    assert.equal(removeLeftovers(folder), 2);
    assert.deepEqual(names(folder), [".d.txt", ".e.999999997.tmp", "c.tmp"]);
    // With the folder to oneself, whatever a writer left: even of one with the same number, as in a container.
    Deno.writeTextFileSync(`${folder}/.f.${Deno.pid}-2.tmp`, "");
    assert.equal(removeLeftovers(folder, { exclusive: true }), 2);
    assert.deepEqual(names(folder), [".d.txt", "c.tmp"]);
  }),
);
