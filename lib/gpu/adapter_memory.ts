import type { AdapterFacts } from "./adapter.ts";
import { vulkanDevices } from "./vulkan_devices.ts";

/** Share of a GPU's own memory that a run may plan with: drivers, screens and other programs have the rest. */
const USABLE = 0.95;

/**
 * Bytes that a run can have on an adapter: for the software adapter what the machine has available now, for GPUs their own memory as
 * Vulkan tells it. Undefined where neither is known.
 */
export function adapterMemory({ software, vendor, device }: AdapterFacts): number | undefined {
  if (software) {
    if (Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state !== "granted") return undefined;
    return Deno.systemMemoryInfo().available;
  }
  const found = vulkanDevices().find((one) => one.vendor === Number(vendor) && one.device === Number(device));
  return found && found.memory > 0 ? Math.floor(USABLE * found.memory) : undefined;
}
