import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { InputError } from "../../lib/errors.ts";
import { createCodec, type ImageCodec } from "../../lib/data/image_codec.ts";
import { encodePng } from "../../lib/data/png.ts";
import { hashNumbers } from "../../lib/data/random.ts";
import type { RgbImage } from "../../lib/data/rgb_image.ts";
import { openTurboJpeg } from "../../lib/data/turbojpeg.ts";

/** A smooth picture with some texture, so that a JPEG of it has work in every coefficient. */
function picture(width: number, height: number, seed = 1): RgbImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < pixels.length; i++) {
    const x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
    pixels[i] = 128 + 90 * Math.sin((x * (1 + i % 3) + y * seed) / 7) + 20 * Math.sin(x * y + seed);
  }
  return { width, height, pixels };
}

/** The same JPEG with another number of components in its frame header. */
function withComponents(file: Uint8Array, components: number): Uint8Array {
  const copy = file.slice();
  const at = copy.findIndex((byte, i) => byte === 0xff && copy[i + 1] === 0xc0);
  copy[at + 9] = components;
  return copy;
}

function rejects(codec: ImageCodec, bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => codec.decode(bytes), (error: Error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
}

const turbo = openTurboJpeg();
turbo?.close();
const kinds = turbo ? ["wasm", "turbojpeg"] as const : ["wasm"] as const;

for (const kind of kinds) {
  Deno.test(`${kind}: decodes what it encoded, at every size around the block size`, async () => {
    using codec = await createCodec(kind);
    for (const [width, height] of [[1, 1], [7, 5], [16, 16], [17, 31], [112, 112], [300, 20]]) {
      const image = picture(width, height);
      const decoded = codec.decode(codec.encodeJpeg(image, { quality: 95, subsampling: "4:4:4" }));
      assert.deepEqual([decoded.width, decoded.height, decoded.pixels.length], [width, height, width * height * 3]);
      const error = decoded.pixels.reduce((sum, value, i) => sum + Math.abs(value - image.pixels[i]), 0);
      assert.ok(error / decoded.pixels.length < 6, `mean error ${error / decoded.pixels.length} at ${width}x${height}`);
    }
  });

  Deno.test(`${kind}: noise at quality 100, larger than its pixels, is encoded whole`, async () => {
    using codec = await createCodec(kind);
    const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
    const file = codec.encodeJpeg({ width: 64, height: 64, pixels }, { quality: 100, subsampling: "4:4:4" });
    assert.ok(file.length > 10_000);
    assert.equal(codec.decode(file).width, 64);
  });

  Deno.test(`${kind}: a JPEG cut off anywhere, or with nothing after its header, is corrupt`, async () => {
    using codec = await createCodec(kind);
    const file = codec.encodeJpeg(picture(48, 48));
    for (const length of [2, 3, 20, 200, file.length >> 1, file.length - 40, file.length - 3]) {
      rejects(codec, file.subarray(0, length), /^Cannot decode JPEG: .*corrupt/);
    }
    assert.equal(codec.decode(file).width, 48);
  });

  Deno.test(`${kind}: a CMYK or 12-bit JPEG is refused with the reason`, async () => {
    using codec = await createCodec(kind);
    const file = codec.encodeJpeg(picture(16, 16));
    rejects(codec, withComponents(file, 4), /found 4 \(CMYK\); convert the image to RGB/);
    const deep = file.slice();
    deep[deep.findIndex((byte, i) => byte === 0xff && deep[i + 1] === 0xc0) + 4] = 12;
    rejects(codec, deep, /found 12/);
  });

  Deno.test(`${kind}: flipped bytes give pixels or an InputError, never anything else`, async () => {
    using codec = await createCodec(kind);
    const file = codec.encodeJpeg(picture(40, 24));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const broken = file.slice();
          for (const [at, value] of changes) broken[at] = value;
          try {
            const { width, height, pixels } = codec.decode(broken);
            assert.equal(pixels.length, width * height * 3);
          } catch (error) {
            assert.ok(error instanceof InputError, String(error));
          }
        },
      ),
      { seed: 7, numRuns: 150 },
    );
    const whole = codec.decode(file);
    assert.deepEqual(codec.decode(file), whole);
  });
}

Deno.test("wasm: the heap does not grow over many images, good and corrupt", async () => {
  using codec = await createCodec("wasm");
  const file = codec.encodeJpeg(picture(32, 32));
  const cut = file.subarray(0, file.length - 30);
  const expected = codec.decode(file).pixels;
  const used = () => Deno.memoryUsage().external + Deno.memoryUsage().rss;
  const before = used();
  for (let i = 0; i < 6000; i++) {
    codec.decode(file);
    if (i % 3 === 0) assert.throws(() => codec.decode(cut));
  }
  assert.deepEqual(codec.decode(file).pixels, expected);
  assert.ok(used() - before < 400e6, `grew by ${(used() - before) / 1e6} MB`);
});

Deno.test({
  name: `both JPEG libraries decode to the same pixels${turbo ? "" : " SKIPPED: no libturbojpeg"}`,
  ignore: !turbo,
  fn: async () => {
    using wasm = await createCodec("wasm");
    using system = await createCodec("turbojpeg");
    for (let seed = 1; seed <= 12; seed++) {
      const image = picture(20 + 9 * seed, 16 + 7 * seed, seed);
      const subsampling = seed % 2 ? "4:2:0" : "4:4:4";
      const file = (seed % 3 ? wasm : system).encodeJpeg(image, { quality: 40 + 5 * seed, subsampling });
      assert.deepEqual(system.decode(file), wasm.decode(file));
    }
  },
});

Deno.test("a grey JPEG becomes three equal channels", async () => {
  // 8x8, one component, all coefficients zero but DC = 0: mid grey. Tables: one DC code of one bit, one AC code (end of block).
  const table = (kind: number, symbol: number) => [0xff, 0xc4, 0, 20, kind, 1, ...new Array(15).fill(0), symbol];
  const file = Uint8Array.from([
    ...[0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, ...new Array(64).fill(1)],
    ...[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
    ...table(0x00, 0),
    ...table(0x10, 0),
    ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0],
    ...[0b00111111, 0xff, 0xd9],
  ]);
  for (const kind of kinds) {
    using codec = await createCodec(kind);
    const { width, pixels } = codec.decode(file);
    assert.equal(width, 8);
    assert.deepEqual(pixels, new Uint8Array(192).fill(128));
  }
});

Deno.test("what is neither JPEG nor PNG is refused; PNG goes through the same door", async () => {
  using codec = await createCodec("wasm");
  rejects(codec, new Uint8Array(), /found nothing/);
  rejects(
    codec,
    Uint8Array.of(0x47, 0x49, 0x46, 0x38, 0x39),
    /expected a JPEG or PNG, found 5 bytes starting with 47 49 46 38/,
  );
  const image = picture(9, 4);
  assert.deepEqual(codec.decode(encodePng(image)), image);
  assert.throws(() => codec.encodeJpeg({ ...image, width: 10 }), InputError);
});

Deno.test("a subarray of a larger buffer is decoded like a buffer of its own", async () => {
  using codec = await createCodec("wasm");
  const image = picture(12, 12);
  for (const file of [encodePng(image), codec.encodeJpeg(image)]) {
    const larger = new Uint8Array(file.length + 32).fill(0xff);
    larger.set(file, 13);
    assert.deepEqual(codec.decode(larger.subarray(13, 13 + file.length)), codec.decode(file));
  }
});

Deno.test({
  name: "wasm: without leave to read files, the same code as JavaScript takes over and gives the same pixels and files",
  permissions: { read: false },
  fn: async () => {
    using script = await createCodec("wasm");
    assert.equal(script.name, "javascript libjpeg-turbo");
    const image = picture(33, 21);
    const file = script.encodeJpeg(image);
    const pixels = script.decode(file).pixels;
    for (let i = 0; i < 40; i++) assert.throws(() => script.decode(file.subarray(0, file.length - 30)), InputError);
    assert.deepEqual(script.decode(file).pixels, pixels);
    assert.deepEqual([hashNumbers(...file), hashNumbers(...pixels)], SCRIPT_AND_WASM);
  },
});

Deno.test("wasm: files and pixels never change: sets are made again by them", async () => {
  using codec = await createCodec("wasm");
  assert.equal(codec.name, "wasm libjpeg-turbo");
  const file = codec.encodeJpeg(picture(33, 21));
  assert.deepEqual([hashNumbers(...file), hashNumbers(...codec.decode(file).pixels)], SCRIPT_AND_WASM);
});

Deno.test("encodeJpeg() refuses a quality out of range", async () => {
  for (const kind of kinds) {
    using codec = await createCodec(kind);
    for (const quality of [0, 101, 1.5, NaN]) {
      assert.throws(() => codec.encodeJpeg(picture(8, 8), { quality }), { name: "InputError", message: /quality/ });
    }
  }
});

/** Computed once: the file of picture(33, 21) and its pixels. */
const SCRIPT_AND_WASM = [3885109298, 2080562087];
