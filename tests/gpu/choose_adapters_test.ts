import assert from "node:assert/strict";
import { adapterMismatch, chooseAdapters } from "../../lib/gpu/choose_adapters.ts";
import type { ListedAdapter } from "../../lib/gpu/list_adapters.ts";
import { InputError } from "../../lib/errors.ts";

const adapter = (index: number, name: string, more: Partial<ListedAdapter> = {}): ListedAdapter => ({
  index,
  name,
  type: "discrete",
  vendor: 0x10de,
  device: 0x2204,
  memory: 2 ** 34,
  manifest: "a.json",
  env: { VK_DRIVER_FILES: "a.json" },
  ...more,
});
const MACHINE = [
  adapter(0, "NVIDIA GeForce RTX 3090"),
  adapter(1, "NVIDIA GeForce RTX 3080"),
  adapter(2, "llvmpipe", { type: "cpu" }),
  adapter(3, "NVIDIA GeForce RTX 3090 (NVK)", { sameAs: 0 }),
  adapter(4, "Arc", { env: undefined, unselectable: "no layer" }),
];

Deno.test("chooseAdapters() takes all GPUs, numbers, and names that fit one", () => {
  const chosen = (asked: string, of = MACHINE) => chooseAdapters(asked, of).map(({ index }) => index);
  assert.deepEqual(chosen("all", MACHINE.slice(0, 4)), [0, 1]);
  assert.deepEqual(chosen("all", [MACHINE[2], { ...MACHINE[2], index: 1 }]), [2, 1]);
  assert.deepEqual(chosen("2,0"), [2, 0]);
  assert.deepEqual(chosen("3080"), [1]);
  assert.deepEqual(chosen("rtx 3090, 1"), [0, 1]);
});

Deno.test("chooseAdapters() says in one line what is wrong with what was asked", () => {
  const cases: [string, RegExp][] = [
    ["7", /^Cannot choose adapters by "7": there is no adapter 7, expected one of: 0 NVIDIA GeForce RTX 3090; 1 /],
    ["Radeon", /no adapter's name contains "Radeon", expected "all", a number or a name of: 0 /],
    ["", /no adapter's name contains ""/],
    ["RTX", /"RTX" fits 2 adapters, expected one; name it by its number/],
    ["0,0", /adapter 0 \(NVIDIA GeForce RTX 3090\) is named twice/],
    ["0,3", /adapter 3 .* is the same device as adapter 0; expected one of them/],
    ["4", /adapter 4 \(Arc\) cannot be selected: no layer/],
    ["all", /adapter 4 \(Arc\) cannot be selected: no layer/],
  ];
  for (const [asked, message] of cases) {
    assert.throws(() => chooseAdapters(asked, MACHINE), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
  assert.throws(() => chooseAdapters("all", []), InputError);
});

Deno.test("adapterMismatch() compares what WebGPU gave with what was asked", () => {
  const [asked] = MACHINE;
  assert.equal(adapterMismatch(asked, { name: asked.name, vendor: "4318", device: "8708" }), undefined);
  assert.equal(
    adapterMismatch(asked, { name: "llvmpipe", vendor: "65541", device: "0" }),
    "expected adapter 0, NVIDIA GeForce RTX 3090 (10de:2204), found llvmpipe (10005:0)",
  );
});
