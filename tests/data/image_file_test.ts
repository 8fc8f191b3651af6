import assert from "node:assert/strict";
import { imageKind, imageSizeOf, readImageFile } from "../../lib/data/image_file.ts";
import { withFolder } from "../temporary_folder.ts";

const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 112, 0, 96, 1, 1, 0x11, 0]);
const png = Uint8Array.from([0x89, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 9, 0, 0, 1, 0]);

Deno.test("imageSizeOf() reads height and width from the header", () => {
  assert.deepEqual([imageKind(jpeg), imageKind(png), imageKind(Uint8Array.of(1))], ["jpeg", "png", undefined]);
  assert.deepEqual(imageSizeOf(jpeg), [112, 96]);
  assert.deepEqual(imageSizeOf(png), [256, 9]);
  assert.throws(() => imageSizeOf(jpeg.subarray(0, 9)), { name: "InputError" });
  assert.throws(() => imageSizeOf(png.subarray(0, 20)), { name: "InputError" });
});

Deno.test("readImageFile() reads images and nothing else", () =>
  withFolder((folder) => {
    const path = `${folder}/a.jpg`;
    Deno.writeFileSync(path, jpeg);
    assert.deepEqual(readImageFile(path, "line 1"), jpeg);
    Deno.writeTextFileSync(path, "root:x:0:0");
    assert.throws(() => readImageFile(path, "line 1"), {
      name: "InputError",
      message: /a\.jpg \(line 1\): expected a JPEG or PNG file, found a file that begins with 72 6f 6f 74/,
    });
    Deno.writeTextFileSync(path, "");
    assert.throws(() => readImageFile(path, "line 1"), /found an empty file/);
    assert.throws(() => readImageFile(folder, "line 1"), /found something that is no file/);
    assert.throws(() => readImageFile(`${folder}/b.jpg`, "line 2"), /b\.jpg \(line 2\): no such file/);
  }));
