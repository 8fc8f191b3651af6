import assert from "node:assert/strict";
import { crc32, deflateSync } from "node:zlib";
import * as fc from "../../lib/deps/fast_check.ts";
import { decode as peerDecode, encode as peerEncode } from "../../lib/deps/fast_png.ts";
import { InputError } from "../../lib/errors.ts";
import { decodePng, encodePng } from "../../lib/data/png.ts";

function chunk(type: string, body: Uint8Array | number[]): number[] {
  const typed = Uint8Array.from([...new TextEncoder().encode(type), ...body]);
  const word = (value: number) => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
  return [...word(body.length), ...typed, ...word(crc32(typed))];
}

interface Spec {
  width: number;
  height: number;
  depth: number;
  colorType: number;
  interlace?: number;
  palette?: number[];
  rows: number[];
}

/** A PNG by hand; `rows` is what is deflated: each row's filter and bytes. */
function png({ width, height, depth, colorType, interlace = 0, palette, rows }: Spec): Uint8Array {
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk("IHDR", [
      0,
      0,
      width >> 8,
      width & 255,
      0,
      0,
      height >> 8,
      height & 255,
      depth,
      colorType,
      0,
      0,
      interlace,
    ]),
    ...(palette ? chunk("PLTE", palette) : []),
    ...chunk("IDAT", deflateSync(Uint8Array.from(rows))),
    ...chunk("IEND", []),
  ]);
}

Deno.test("decodePng() reads every kind of sample, by hand", () => {
  const one = { width: 1, height: 1 };
  assert.deepEqual([...decodePng(png({ ...one, depth: 8, colorType: 0, rows: [0, 77] })).pixels], [77, 77, 77]);
  assert.deepEqual([...decodePng(png({ ...one, depth: 16, colorType: 0, rows: [0, 77, 9] })).pixels], [77, 77, 77]);
  assert.deepEqual([...decodePng(png({ ...one, depth: 8, colorType: 4, rows: [0, 77, 0] })).pixels], [77, 77, 77]);
  assert.deepEqual([...decodePng(png({ ...one, depth: 8, colorType: 6, rows: [0, 1, 2, 3, 0] })).pixels], [1, 2, 3]);
  assert.deepEqual(
    [...decodePng(png({ ...one, depth: 16, colorType: 2, rows: [0, 1, 9, 2, 9, 3, 9] })).pixels],
    [1, 2, 3],
  );
  const two = { width: 2, height: 1 };
  assert.deepEqual([...decodePng(png({ ...two, depth: 1, colorType: 0, rows: [0, 0b0100_0000] })).pixels], [
    ...[0, 0, 0],
    ...[255, 255, 255],
  ]);
  assert.deepEqual([...decodePng(png({ ...two, depth: 4, colorType: 0, rows: [0, 0x1f] })).pixels], [
    ...[17, 17, 17],
    ...[255, 255, 255],
  ]);
  assert.deepEqual(
    [...decodePng(png({ ...two, depth: 2, colorType: 3, palette: [9, 8, 7, 6, 5, 4], rows: [0, 0b0100_0000] })).pixels],
    [6, 5, 4, 9, 8, 7],
  );
});

Deno.test("decodePng() undoes the five filters, by hand", () => {
  const rows = [
    ...[1, 10, 20, 30, 1, 1, 1], // left: 10 20 30, 11 21 31
    ...[2, 1, 1, 1, 1, 1, 1], // above: 11 21 31, 12 22 32
    ...[3, 0, 0, 0, 0, 0, 0], // average: 5 10 15, then (5+12)>>1 = 8, (10+22)>>1 = 16, (15+32)>>1 = 23
    ...[4, 1, 1, 1, 0, 0, 0], // paeth: 6 11 16; left 6, above 8, corner 5: nearest to 9 is 8; 11, 16, 10: 16; 16, 23, 15: 23
  ];
  assert.deepEqual([...decodePng(png({ width: 2, height: 4, depth: 8, colorType: 2, rows })).pixels], [
    ...[10, 20, 30, 11, 21, 31],
    ...[11, 21, 31, 12, 22, 32],
    ...[5, 10, 15, 8, 16, 23],
    ...[6, 11, 16, 8, 16, 23],
  ]);
});

Deno.test("decodePng() reads the seven passes", () => {
  // 3x3 grey: passes 1, 4, 5 and 6, 7 hold (0,0) | (2,0) | (0,2) (2,2) | (1,0) (1,2) | row 1.
  const rows = [0, 1, 0, 3, 0, 7, 9, 0, 2, 0, 8, 0, 4, 5, 6];
  const { pixels } = decodePng(png({ width: 3, height: 3, depth: 8, colorType: 0, interlace: 1, rows }));
  assert.deepEqual([...pixels].filter((_, i) => i % 3 === 0), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("decodePng() agrees with another decoder on whole images", () => {
  for (const interlace of ["null", "Adam7"] as const) {
    for (const channels of [1, 2, 3, 4] as const) {
      const data = Uint8Array.from({ length: 19 * 13 * channels }, (_, i) => Math.imul(i + 5, 0x9e3779b1) >>> 24);
      const file = peerEncode({ width: 19, height: 13, data, channels, depth: 8 }, { interlace });
      const expected = peerDecode(file).data;
      const { pixels } = decodePng(file);
      for (let i = 0; i < 19 * 13; i++) {
        const first = expected[i * channels];
        assert.equal(pixels[i * 3], first);
        assert.equal(pixels[i * 3 + 2], channels < 3 ? first : expected[i * channels + 2]);
      }
    }
  }
});

Deno.test("encodePng() and decodePng() are each other's inverse", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.nat(), (width, height, seed) => {
      const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24);
      assert.deepEqual(decodePng(encodePng({ width, height, pixels })), { width, height, pixels });
    }),
    { seed: 3, numRuns: 40 },
  );
});

Deno.test("decodePng() refuses what is wrong, and says what", () => {
  const good = { width: 2, height: 2, depth: 8, colorType: 0, rows: [0, 1, 2, 0, 3, 4] };
  const file = png(good);
  const cases: [Uint8Array, RegExp][] = [
    [png({ ...good, rows: [0, 1, 2] }), /expected 6 bytes of rows, found 3/],
    [png({ ...good, rows: new Array(1_000_000).fill(0) }), /expected 6 bytes of rows, found more/],
    [png({ ...good, rows: [5, 1, 2, 0, 3, 4] }), /row filters/],
    [png({ ...good, depth: 3 }), /colour type and depth, found 0 and 3/],
    [png({ ...good, width: 20_000 }), /pixels a side/],
    [png({ ...good, width: 0 }), /pixels a side/],
    [png({ ...good, interlace: 2 }), /interlacing/],
    [png({ ...good, colorType: 3 }), /a palette, found none/],
    [png({ ...good, colorType: 3, palette: [1, 2, 3] }), /colour below 1/],
    [file.subarray(0, file.length - 1), /expected a chunk|expected the checksum/],
    [file.subarray(0, 30), /expected a chunk/],
    [file.map((byte, i) => i === 45 ? byte ^ 1 : byte), /checksum/],
  ];
  for (const [bytes, message] of cases) assert.throws(() => decodePng(bytes), { name: "InputError", message });
});

Deno.test("decodePng(): flipped bytes give an InputError or an image, never anything else", () => {
  const pixels = Uint8Array.from({ length: 12 * 9 * 3 }, (_, i) => i);
  const file = encodePng({ width: 12, height: 9, pixels });
  fc.assert(
    fc.property(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length), (at, value, length) => {
      const broken = file.slice(0, Math.max(length, 1));
      if (at < broken.length) broken[at] = value;
      try {
        decodePng(broken);
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
      }
    }),
    { seed: 11, numRuns: 300 },
  );
});
