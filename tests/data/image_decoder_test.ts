import assert from "node:assert/strict";
import { createCodec } from "../../lib/data/image_codec.ts";
import { defaultWorkers, ImageDecoder } from "../../lib/data/image_decoder.ts";
import type { ImageSource } from "../../lib/data/image_source.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { encodePng } from "../../lib/data/png.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";

const codec = await createCodec("wasm");

/** A flat image whose colour tells its number; JPEG keeps flat greys exactly. */
function flat(value: number, size = 8): Uint8Array {
  return codec.encodeJpeg({ width: size, height: size, pixels: new Uint8Array(size * size * 3).fill(value) });
}

for (const workers of [0, 1, 3]) {
  Deno.test(`ImageDecoder with ${workers} workers keeps the order, names what is corrupt and reads by itself`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const path = `${folder}/a.rec`;
      const writer = RecordWriter.create(path);
      const offsets = [5, 6].map((label, i) =>
        writer.write(i + 1, encodeImageRecord({ label, id: i + 1, image: flat(60 + i) }))
      );
      const broken = writer.write(3, encodeImageRecord({ label: 7, id: 3, image: flat(9).subarray(0, 300) }));
      writer.finish();
      Deno.writeFileSync(`${folder}/b.png`, encodePng({ width: 4, height: 8, pixels: new Uint8Array(96).fill(33) }));

      using decoder = new ImageDecoder({ imageSize: 8, workers, codec: "wasm" });
      const sources: ImageSource[] = [
        ...Array.from({ length: 50 }, (_, i): ImageSource => ({ kind: "bytes", bytes: flat(i) })),
        ...offsets.map((offset): ImageSource => ({ kind: "record", path, offset })),
        { kind: "record", path, offset: broken },
        { kind: "record", path, offset: 4 },
        { kind: "record", path: `${folder}/missing.rec`, offset: 0 },
        { kind: "file", path: `${folder}/b.png`, label: 12 },
        { kind: "file", path: `${folder}/missing.jpg`, label: 13 },
        { kind: "bytes", bytes: new Uint8Array() },
      ];
      const images = await decoder.decode(sources);
      assert.equal(images.length, sources.length);
      for (let i = 0; i < 50; i++) {
        assert.deepEqual(images[i].pixels, new Uint8Array(192).fill(i));
        assert.equal(images[i].label, undefined);
      }
      assert.deepEqual(images.slice(50, 52).map(({ pixels, label }) => [pixels![0], label]), [[60, 5], [61, 6]]);
      assert.deepEqual([images[52].label, images[52].pixels], [7, undefined]);
      assert.match(images[52].error!, /corrupt/);
      assert.match(images[53].error!, /byte 4/);
      assert.match(images[54].error!, /missing\.rec/);
      assert.deepEqual([images[55].pixels![5], images[55].label, images[55].width, images[55].height], [33, 12, 4, 8]);
      assert.match(images[56].error!, /missing\.jpg/);
      assert.match(images[57].error!, /found nothing/);
      assert.deepEqual(await decoder.decode([]), []);
      assert.match(await decoder.codec, /libjpeg-turbo/);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test("ImageDecoder gives a whole request's pixels in one buffer", async () => {
  using decoder = new ImageDecoder({ imageSize: 4, workers: 2 });
  const sources = Array.from({ length: 40 }, (_, i): ImageSource => ({ kind: "bytes", bytes: flat(i) }));
  const images = await decoder.decode(sources, { whole: true });
  images.forEach(({ pixels }, i) => {
    assert.equal(pixels!.buffer, images[0].pixels!.buffer);
    assert.equal(pixels!.byteOffset, i * 48);
  });
  assert.equal(images[7].pixels![0], 7);
});

Deno.test("ImageDecoder does not change or take the caller's bytes", async () => {
  using decoder = new ImageDecoder({ imageSize: 8, workers: 1 });
  const bytes = flat(77);
  const copy = bytes.slice();
  await decoder.decode([{ kind: "bytes", bytes }]);
  assert.deepEqual(bytes, copy);
});

Deno.test("ImageDecoder rejects what is pending when it is closed, and what comes later", async () => {
  const decoder = new ImageDecoder({ imageSize: 8, workers: 1 });
  const pending = decoder.decode([{ kind: "bytes", bytes: flat(1) }]);
  decoder.close();
  await assert.rejects(pending, /closed/);
  await assert.rejects(decoder.decode([{ kind: "bytes", bytes: flat(1) }]), /closed/);
  decoder.close();
});

Deno.test("ImageDecoder refuses options out of range", () => {
  for (const options of [{ imageSize: 0 }, { imageSize: 1.5 }, { imageSize: 8, workers: -1 }, { imageSize: 1e9 }]) {
    assert.throws(() => new ImageDecoder(options), { name: "InputError" });
  }
  assert.deepEqual([1, 2, 3, 8, 64].map(defaultWorkers), [1, 1, 2, 4, 4]);
});

Deno.test("checksums are of the encoded bytes, also of images that cannot be decoded, and only where asked for", async () => {
  using decoder = new ImageDecoder({ imageSize: 8, workers: 2, codec: "wasm" });
  const files = Array.from({ length: 20 }, (_, i) => i === 7 ? Uint8Array.of(1, 2, 3) : flat(i));
  const sources: ImageSource[] = files.map((bytes) => ({ kind: "bytes", bytes }));
  sources.push({ kind: "file", path: "/nowhere/none.jpg", label: 1 });
  const images = await decoder.decode(sources, { checksums: true });
  for (const [i, file] of files.entries()) {
    const digest = new DataView(await crypto.subtle.digest("SHA-256", file.slice()));
    assert.deepEqual([...images[i].checksum!], [digest.getUint32(0, true), digest.getUint32(4, true)], `image ${i}`);
  }
  assert.deepEqual([...images[20].checksum!], [0, 0]);
  assert.ok((await decoder.decode(sources)).every(({ checksum }) => checksum === undefined));
});
