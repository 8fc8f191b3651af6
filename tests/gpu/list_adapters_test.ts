import assert from "node:assert/strict";
import { makeSoftwareAdapters, noSoftwareAdapters } from "./software_adapters.ts";
import { listAdapters } from "../../lib/gpu/list_adapters.ts";
import { selectAdapter } from "../../lib/gpu/select_adapter.ts";
import type { VulkanDevice } from "../../lib/gpu/vulkan_devices.ts";
import { withFolder } from "../temporary_folder.ts";

const gpu = (device: number, pci?: string): VulkanDevice => ({
  name: `GPU ${device}`,
  type: "discrete",
  vendor: 0x10de,
  device,
  memory: 2 ** 34,
  ...pci && { pci },
});
const driver = (manifest: string) => ({ manifest, library: `${manifest}.so`, apiVersion: "1.3.0" });

Deno.test("listAdapters() selects a driver's only device by the driver's manifest", () => {
  const only: Record<string, VulkanDevice[]> = { "a.json": [gpu(1, "0000:01:00.0")], "b.json": [gpu(2)], "c.json": [] };
  const adapters = listAdapters({
    drivers: ["a.json", "b.json", "c.json"].map(driver),
    devicesUnder: (env) => only[env.VK_DRIVER_FILES],
  });
  assert.deepEqual(adapters.map(({ index, name, manifest, env }) => [index, name, manifest, env]), [
    [0, "GPU 1", "a.json", { VK_DRIVER_FILES: "a.json", VK_ICD_FILENAMES: "a.json" }],
    [1, "GPU 2", "b.json", { VK_DRIVER_FILES: "b.json", VK_ICD_FILENAMES: "b.json" }],
  ]);
});

Deno.test("listAdapters() takes the first way of selecting that was seen to leave the one device", () => {
  const both = [gpu(7, "0000:01:00.0"), gpu(7, "0000:c1:00.0")];
  // As Mesa's layer does it: one device is left on demand, the one that DRI_PRIME names or the first.
  const layer = (env: Readonly<Record<string, string>>) => {
    const named = both.filter(({ pci }) => env.DRI_PRIME === `pci-${pci!.replace(/[:.]/g, "_")}`);
    const sorted = [...named, ...both.filter((one) => !named.includes(one))];
    return env.MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE ? sorted.slice(0, 1) : sorted;
  };
  const selected = listAdapters({ drivers: [driver("a.json")], devicesUnder: layer });
  assert.deepEqual(selected.map(({ env }) => env?.DRI_PRIME), ["pci-0000_01_00_0", "pci-0000_c1_00_0"]);
  assert.ok(selected.every(({ env }) => env?.VK_DRIVER_FILES === "a.json"));

  const without = listAdapters({ drivers: [driver("a.json")], devicesUnder: () => both });
  assert.deepEqual(without.map(({ env }) => env), [undefined, undefined]);
  assert.match(without[1].unselectable!, /several devices, and nothing here shows one of them alone/);
});

Deno.test("listAdapters() does not tell equal devices apart that have no place on a bus", () => {
  const adapters = listAdapters({ drivers: [driver("a.json")], devicesUnder: () => [gpu(7), gpu(7)] });
  assert.deepEqual(adapters.map(({ env }) => env), [undefined, undefined]);
  assert.match(adapters[0].unselectable!, /does not tell their places on the bus/);
});

Deno.test("listAdapters() sees that two drivers offer one device", () => {
  const adapters = listAdapters({
    drivers: ["a.json", "b.json"].map(driver),
    devicesUnder: () => [gpu(7, "0000:01:00.0")],
  });
  assert.deepEqual(adapters.map(({ sameAs }) => sameAs), [undefined, 0]);
});

Deno.test({
  name:
    `listAdapters() lists two software adapters, each selected alone, and puts the environment back${noSoftwareAdapters}`,
  ignore: noSoftwareAdapters !== "",
  fn: () =>
    withFolder((folder) => {
      const software = makeSoftwareAdapters(folder);
      const before = Deno.env.toObject();
      const restore = selectAdapter(software);
      try {
        const adapters = listAdapters();
        assert.deepEqual(adapters.map(({ manifest }) => manifest), software.manifests);
        for (const adapter of adapters) {
          assert.deepEqual([adapter.type, adapter.env?.VK_DRIVER_FILES], ["cpu", adapter.manifest]);
          assert.match(adapter.driver!, /llvmpipe/);
          assert.ok(adapter.memory > 0);
        }
        assert.equal(Deno.env.get("VK_DRIVER_FILES"), software.env.VK_DRIVER_FILES);
      } finally {
        restore();
      }
      assert.deepEqual(Deno.env.toObject(), before);
    }),
});
