import assert from "node:assert/strict";
import type { KernelSpec } from "../../lib/gpu/kernel_spec.ts";
import { selfTest, selfTestCases } from "../../lib/gpu/self_test.ts";
import { type Gpu, startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { AGAIN, TEST_SEED } from "./test_seed.ts";

const FAMILIES = [
  "conv2d",
  "conv choice",
  "batch norm",
  "transpose",
  "sum of parts",
  "sgd",
  "unpack",
  "noise",
  "update centers",
  "matMul",
  "class scan",
];

for (const family of FAMILIES) {
  Deno.test(`every case of ${family} agrees with float64 loops`, async () => {
    const checks = await selfTest(await startWebGPU(), { seed: TEST_SEED, only: family, bothFamilies: true });
    assert.ok(checks.length > 0);
    assert.deepEqual(checks.filter(({ ok }) => !ok), [], AGAIN);
  });
}

Deno.test("the families are all there is", () => {
  const names = selfTestCases(TEST_SEED).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, "two cases of one name");
  assert.deepEqual(names.filter((name) => !FAMILIES.some((family) => name.startsWith(family))), []);
});

/** The same device, with a mistake in the text of its kernels. */
function withMistake(gpu: Gpu, from: string, to: string): { gpu: Gpu; made: () => number } {
  let made = 0;
  const kernels = new Proxy(gpu.kernels, {
    get(runner, name) {
      if (name !== "run") {
        const value = Reflect.get(runner, name, runner);
        return typeof value === "function" ? value.bind(runner) : value;
      }
      return (spec: KernelSpec, ...rest: [never, never]) => {
        const wgsl = spec.wgsl.replaceAll(from, to);
        if (wgsl !== spec.wgsl) made++;
        return runner.run({ ...spec, wgsl }, ...rest);
      };
    },
  });
  return { gpu: { ...gpu, kernels }, made: () => made };
}

const MISTAKES: [what: string, only: string, from: string, to: string, found: string][] = [
  ["the last filter row left out", "(one column)", "k < 3u", "k < 2u", "output"],
  ["the border not zero", "(3x3 with two zeros around)", "cx1 >= 0 &&", "cx1 >= -1 &&", "output"],
  ["one channel of four twice", "(1x1)", ".w * w0_3", ".z * w0_3", "output"],
  ["blocks of a long sum that skip a vector", "(long sums)", "c4 = first;", "c4 = first + 1u;", "output"],
  ["rows of a filter gradient that end early", "(57 columns)", "ox < 57u", "ox < 56u", "filter gradient"],
  ["parts that are not all added", "(filter gradient in parts)", "var part = 1u", "var part = 2u", "filter gradient"],
  ["a depthwise tap left out", "(depthwise)", "s0 += d2_2 * w2_2_0;", "", "output"],
  [
    "the wrong channel of a group",
    "(groups of two)",
    "vec4f(w4_0.x, w4_1.x,",
    "vec4f(w4_0.x, w4_0.x,",
    "input gradient",
  ],
  ["a group's channels one by one, the wrong one", "(groups of three to two)", "+ within)", "+ 0u)", "input gradient"],
  ["a depthwise row past the last", "(groups of four, 13 columns)", "okRow && okx0", "okx0", "filter gradient"],
  ["statistics that skip a row", "1001x7 + residual", "row = first + 1u", "row = first + 2u", "output"],
  ["the slope's gradient of the wrong sign", "37x64 + PReLU", "select(g * z,", "select(-g * z,", "gradient of slope"],
  ["a variance without n/(n-1)", "3x5 + PReLU", "0.15000000000000002 * variance", "0.1 * variance", "running variance"],
  ["velocity that is not kept", "sgd 7", "velocity1[i] = v;", "", "velocity"],
  ["images that are not mirrored", "unpack 3", "flips[image] != 0", "flips[image] == 7", "output"],
  ["noise by another hash", "noise 4096", "h >> 13u", "h >> 14u", "output"],
  [
    "the first of repeated labels",
    "24x6 of 5 classes, last",
    "later = row + 1u; later < 24u",
    "later = 0u; later < row",
    "centers",
  ],
  ["an exponent of half its size", "class scan 16", "exp(logit1 - higher)", "exp(0.5 * (logit1 - higher))", "log-sums"],
  [
    "the class after the label taken for it",
    "class scan 9",
    "isOwn1 = own ==",
    "isOwn1 = own + 1 ==",
    "gradient by cosine",
  ],
  ["a lane's strips left out", "class scan 16 of 300x32, shared", "var k = 1u", "var k = 2u", "log-sums"],
  ["a vector left out of a row's sum", "class scan 6 of 530x520, shared", "d = local", "d = local + 1u", "tangent"],
  ["a gradient that keeps what lies along the weight", "class scan 9", " * along;", " * 0.0;", "tangent"],
  ["an update without friction", "class scan 9", "momentum * velocity[at]", "velocity[at]", "velocity after"],
  ["a tile's row taken for outside", "forward: winograd 4 registers 8x4", "oky1 && okx2", "oky0 && okx2", "forward"],
  [
    "a step of k left out",
    "conv choice filter: tiled workgroup 32x32x16",
    "fma(vec4f(x3_0.w)",
    "fma(vec4f(x2_0.w)",
    "filter",
  ],
  ["a norm without its slope", "conv choice forward: tiled workgroup 64x64x16", "negative * min(", "min(", "forward"],
  ["rows for columns", "transpose 9x5x3", "i / 5u % 3u", "i / 3u % 3u", "output"],
];

for (const [what, only, from, to, found] of MISTAKES) {
  Deno.test(`the suite finds ${what}`, async () => {
    const { gpu, made } = withMistake(await startWebGPU(), from, to);
    const checks = await selfTest(gpu, { seed: TEST_SEED, only, bothFamilies: true });
    assert.ok(made() > 0, "the mistake was not made: the kernel's text has changed");
    const wrong = checks.find(({ output, ok }) => !ok && output === found);
    assert.ok(wrong, `${JSON.stringify(checks, undefined, 1)} ${AGAIN}`);
    assert.ok(wrong.error > 10 * wrong.tolerance, `only just found: ${JSON.stringify(wrong)}`);
  });
}
