import assert from "node:assert/strict";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";

const { adapter } = await startWebGPU();

Deno.test({
  name: `bench --gpu refuses a software adapter in one line${
    adapter.software ? "" : ` SKIPPED: ${adapter.name} is a GPU`
  }`,
  ignore: !adapter.software,
  fn: async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "tools/bench.ts", "head", "--gpu", "--runs", "2"],
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 2);
    assert.equal(stdout.length, 0);
    const line =
      /error: Cannot bench on a GPU: expected one, found only .*; leave out --gpu, or .*run\.sh bench head --gpu --runs 2\n$/;
    assert.match(said, line);
  },
});
