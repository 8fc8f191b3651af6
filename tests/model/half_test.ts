import assert from "node:assert/strict";
import { bfloat16ToFloat32, float32ToBfloat16, float32ToHalf, halfToFloat32 } from "../../lib/model/half.ts";

const ALL = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

Deno.test("every half that is a number survives the way to float32 and back", () => {
  for (const [widen, narrow] of [[halfToFloat32, float32ToHalf], [bfloat16ToFloat32, float32ToBfloat16]] as const) {
    const wide = widen(ALL);
    narrow(wide).forEach((bits, i) => {
      if (Number.isNaN(wide[i])) assert.ok(Number.isNaN(widen(Uint16Array.of(bits))[0]));
      else assert.equal(bits, i);
    });
  }
});

Deno.test("halves by hand", () => {
  assert.deepEqual([...halfToFloat32(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00))], [
    1,
    -2,
    65504,
    2 ** -24,
    Infinity,
  ]);
  assert.deepEqual([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc000, 0x0001))], [1, -2, 2 ** -133]);
  // ties to even: 1 + 2^-8 lies between 1 and 1 + 2^-7
  assert.deepEqual(
    [...float32ToBfloat16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, NaN))].map((b) => b.toString(16)),
    [
      "3f80",
      "3f82",
      "7f80",
      "7fc0",
    ],
  );
});
