import assert from "node:assert/strict";
import { ByteFile } from "../../lib/data/byte_file.ts";
import { join, withFile } from "./pickle_bytes.ts";

Deno.test("ByteFile reads by position, and never past the end", () => {
  withFile(join("0123456789"), (path) => {
    using file = ByteFile.open(path, "read digits");
    assert.equal(file.size, 10);
    assert.deepEqual(file.read(8, 2), join("89"));
    assert.deepEqual(file.read(0, 3), join("012"));
    assert.deepEqual(file.read(10, 0), join(""));
    for (const [offset, length] of [[8, 3], [11, 0], [-1, 2], [0, 2 ** 52], [NaN, 1], [0, NaN]]) {
      assert.throws(() => file.read(offset, length), {
        name: "InputError",
        message: /^Cannot read digits \S+: .*end of the file/,
      });
    }
  });
});

Deno.test("ByteFile sees that a file was cut short while it was open", () => {
  withFile(join("0123456789"), (path) => {
    using file = ByteFile.open(path, "read digits");
    Deno.truncateSync(path, 4);
    assert.throws(() => file.read(2, 4), { name: "InputError", message: /\(4 bytes\)/ });
  });
});

Deno.test("ByteFile names what is missing or is no file", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assert.throws(() => ByteFile.open(`${folder}/none.bin`, "read pair set"), {
      name: "InputError",
      message: /^Cannot read pair set .*none\.bin: no such file or folder; check the path$/,
    });
    assert.throws(() => ByteFile.open(folder, "read pair set"), { name: "InputError", message: /found a folder/ });
  } finally {
    Deno.removeSync(folder);
  }
});
