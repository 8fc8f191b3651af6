import assert from "node:assert/strict";
import { vulkanDrivers } from "../../lib/gpu/vulkan_drivers.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test({
  name: "vulkanDrivers() reads the manifests named by the environment, and skips what is none",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withFolder((folder) => {
      const good = `${folder}/lvp.json`, broken = `${folder}/broken.json`;
      Deno.writeTextFileSync(good, JSON.stringify({ ICD: { library_path: "/usr/lib/lvp.so", api_version: "1.3.2" } }));
      Deno.writeTextFileSync(broken, "{");
      const env = (name: string) => name === "VK_DRIVER_FILES" ? `${good}:${broken}:${folder}/none.json` : undefined;
      assert.deepEqual(vulkanDrivers(env), [{ manifest: good, library: "/usr/lib/lvp.so", apiVersion: "1.3.2" }]);
    });
  },
});
