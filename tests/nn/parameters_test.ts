import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { Parameters, type StateDict } from "../../lib/nn/parameters.ts";

Deno.test("filters lie on the GPU as [height, width, in, out], and come back as PyTorch has them", async () => {
  const { kernels } = await startWebGPU();
  const parameters = new Parameters(await startWebGPU(), 1);
  const shape = [2, 3, 1, 2] as const; // out, in, height, width
  const variable = parameters.add("conv.weight", shape, (_, i) => i, { filter: shape });
  assert.deepEqual(variable.shape, [1, 2, 3, 2]);
  // tap 0: in 0 out 0, in 0 out 1, in 1 out 0 … then tap 1
  assert.deepEqual([...await kernels.read(variable)], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
  const state = await parameters.state();
  assert.deepEqual([...state.get("conv.weight")!.data], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.deepEqual(state.get("conv.weight")!.shape, shape);
  assert.throws(() => parameters.add("conv.weight", [1], () => 0), /conv.weight is declared twice/);
  parameters.dispose();
});

Deno.test("state() and load() are each other's inverse, bit for bit", async () => {
  const gpu = await startWebGPU();
  const dials = { width: 1 / 16, imageSize: 48, embeddingSize: 8 };
  // Every filter goes through both layouts; nothing is computed.
  for (const model of ["iresnet18", "mbf"]) {
    const [one, other] = [1, 2].map((seed) => createBackbone(gpu, model, { ...dials, seed }));
    const state = await one.parameters.state();
    other.parameters.load(state, "the test");
    assert.deepEqual(await other.parameters.state(), state);
    one.dispose();
    other.dispose();
  }
});

Deno.test("load() lists what does not fit, and then changes nothing", async () => {
  const gpu = await startWebGPU();
  const make = () => {
    const parameters = new Parameters(gpu, 1);
    parameters.add("a.weight", [2, 2], () => 1);
    parameters.add("a.bias", [2], () => 1);
    return parameters;
  };
  const parameters = make();
  const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  const refused = async (state: StateDict, message: string) => {
    assert.throws(() => parameters.load(state, "run/latest.safetensors"), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.equal(
        error.message,
        `Cannot load weights from run/latest.safetensors: they are of another model (${message})`,
      );
      return true;
    });
    assert.deepEqual([...(await parameters.state()).get("a.weight")!.data], [1, 1, 1, 1]);
  };
  await refused(new Map([["a.weight", tensor(2, 2)]]), "missing a.bias");
  await refused(
    new Map([["a.weight", tensor(2, 3)], ["a.bias", tensor(2)], ["b", tensor(1)]]),
    "a.weight: expected shape [2,2], found [2,3]; not expected b",
  );
  const many: StateDict = new Map([["a.weight", tensor(2, 2)], ["a.bias", tensor(2)]]);
  for (let i = 0; i < 9; i++) many.set(`x${i}`, tensor(1));
  await refused(many, `${[0, 1, 2, 3, 4, 5].map((i) => `not expected x${i}`).join("; ")} and 3 more`);
  parameters.load(new Map([["a.weight", tensor(2, 2)], ["a.bias", tensor(2)]]), "the test");
  assert.deepEqual([...(await parameters.state()).get("a.weight")!.data], [0, 0, 0, 0]);
  parameters.dispose();
});
