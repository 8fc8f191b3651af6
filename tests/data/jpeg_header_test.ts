import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { readJpegHeader } from "../../lib/data/jpeg_header.ts";

const frame = (marker: number, height: number, width: number, components = 3) => [
  ...[0xff, marker, 0, 8 + 3 * components, 8, height >> 8, height & 255, width >> 8, width & 255, components],
  ...new Array(3 * components).fill(0),
];
const header = (...parts: number[][]) => readJpegHeader(Uint8Array.from([0xff, 0xd8, ...parts.flat()]));

Deno.test("readJpegHeader() walks over segments, fill bytes and lone markers", () => {
  const comment = [0xff, 0xfe, 0, 6, 0xff, 0xc0, 1, 2]; // holds what looks like a frame header
  assert.deepEqual(header(comment, [0xff, 0xff, 0xff, 0x01], frame(0xc0, 112, 96)), {
    width: 96,
    height: 112,
    components: 3,
    progressive: false,
  });
  assert.equal(header(frame(0xc2, 5, 6, 1)).progressive, true);
});

Deno.test("readJpegHeader() refuses sizes no face image has before anything is allocated", () => {
  for (const [height, width] of [[0, 5], [5, 0], [65535, 65535], [16385, 1], [16384, 16384]]) {
    assert.throws(() => header(frame(0xc0, height, width)), { name: "InputError", message: /pixels a side/ });
  }
});

Deno.test("readJpegHeader() refuses an image without a frame, cut off or with endless scans", () => {
  const scans = new Array(200).fill([0xff, 0xda, 0, 2]).flat();
  const bad: number[][] = [
    [],
    [0xff],
    [0xff, 0xda, 0, 2],
    [0xff, 0xd9],
    [0xff, 0xe0, 0, 1],
    [0xff, 0xe0, 0xff, 0xff],
    [1, 2, 3],
    frame(0xc0, 5, 5).slice(0, 8),
    [...frame(0xc2, 5, 5), ...scans],
  ];
  for (const bytes of bad) assert.throws(() => header(bytes), InputError, bytes.join(" "));
  assert.throws(() => readJpegHeader(new Uint8Array()), InputError);
});
