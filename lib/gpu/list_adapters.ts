import { selectAdapter } from "./select_adapter.ts";
import { type VulkanDevice, vulkanDevices } from "./vulkan_devices.ts";
import { type VulkanDriver, vulkanDrivers } from "./vulkan_drivers.ts";

/** A Vulkan device, and what makes WebGPU take it. */
export interface ListedAdapter extends VulkanDevice {
  /** Its number in the list, from 0. */
  readonly index: number;
  /** Manifest of the driver that offers it. */
  readonly manifest: string;
  /** The environment under which this device is the only one seen; undefined where none of the known ways does that. */
  readonly env?: Readonly<Record<string, string>>;
  /** Why there is no such environment: one sentence without an end. */
  readonly unselectable?: string;
  /** Number of an earlier adapter of the list that is the same device by another driver. */
  readonly sameAs?: number;
}

/** What {@linkcode listAdapters} looks at; tests give their own. */
export interface ListAdaptersOptions {
  /** Installed drivers. @default vulkanDrivers() */
  readonly drivers?: readonly VulkanDriver[];
  /** The devices seen under an environment. @default Vulkan's, with the process's environment changed for the call */
  readonly devicesUnder?: (env: Readonly<Record<string, string>>) => VulkanDevice[];
}

/**
 * Every Vulkan device of this machine by every driver that offers it, and the environment that makes WebGPU see this one alone.
 * WebGPU itself cannot name an adapter. Each way of selecting is tried, not believed: it counts if under it Vulkan shows exactly that
 * device. Empty on other systems than Linux, and without the permissions to load libraries and to change the environment.
 *
 * For the calls the process's environment is changed and put back: no other thread may start Vulkan meanwhile.
 *
 * @example
 * ```ts ignore
 * import { listAdapters } from "./list_adapters.ts";
 *
 * for (const { index, name, pci, env } of listAdapters()) console.log(index, name, pci, env);
 * ```
 */
export function listAdapters(options: ListAdaptersOptions = {}): ListedAdapter[] {
  if (!options.devicesUnder && !mayChangeEnvironment()) return [];
  const { drivers = vulkanDrivers(), devicesUnder = devicesUnderEnvironment } = options;
  const found: ListedAdapter[] = [];
  for (const { manifest } of drivers) {
    const driver = { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest };
    const devices = devicesUnder(driver);
    for (const device of devices) {
      const same = found.find(({ pci, sameAs }) => pci !== undefined && pci === device.pci && sameAs === undefined);
      found.push({
        ...device,
        index: found.length,
        manifest,
        ...selectionOf(device, devices, driver, devicesUnder),
        ...same && { sameAs: same.index },
      });
    }
  }
  return found;
}

function devicesUnderEnvironment(env: Readonly<Record<string, string>>): VulkanDevice[] {
  const restore = selectAdapter({ env });
  try {
    return vulkanDevices();
  } finally {
    restore();
  }
}

function mayChangeEnvironment(): boolean {
  return Deno.permissions.querySync({ name: "env" }).state === "granted";
}

/** Two devices of one driver are told apart by their place on the bus, or by their numbers and name. */
function isSame(a: VulkanDevice, b: VulkanDevice): boolean {
  if (a.pci !== undefined || b.pci !== undefined) return a.pci === b.pci;
  return a.vendor === b.vendor && a.device === b.device && a.name === b.name;
}

function selectionOf(
  device: VulkanDevice,
  devices: readonly VulkanDevice[],
  driver: Readonly<Record<string, string>>,
  devicesUnder: NonNullable<ListAdaptersOptions["devicesUnder"]>,
): Pick<ListedAdapter, "env" | "unselectable"> {
  if (devices.length === 1) return { env: driver };
  if (devices.filter((other) => isSame(other, device)).length > 1) {
    return { unselectable: "its driver offers several devices of this name and does not tell their places on the bus" };
  }
  for (const way of waysToSelect(device)) {
    const env = { ...driver, ...way };
    const seen = devicesUnder(env);
    if (seen.length === 1 && isSame(seen[0], device)) return { env };
  }
  return {
    unselectable: "its driver offers several devices, and nothing here shows one of them alone; " +
      "Mesa's device-select layer does (Debian: mesa-vulkan-drivers), and so does a container or Slurm job with one GPU each",
  };
}

/**
 * Environments that may leave one device of a driver. Mesa's device-select layer is loaded for every driver where it is installed:
 * it puts the named device first, and drops the others on demand. By numbers alone equal GPUs are not told apart.
 */
function waysToSelect({ vendor, device, pci }: VulkanDevice): Record<string, string>[] {
  const numbers = `${vendor.toString(16)}:${device.toString(16)}`;
  const only = { MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1" };
  const byNumbers = { MESA_VK_DEVICE_SELECT: numbers, ...only };
  if (pci === undefined) return [byNumbers];
  // The layer prefers MESA_VK_DEVICE_SELECT: an empty one names nothing.
  const place = `pci-${pci.replace(/[:.]/g, "_")}`;
  return [
    { DRI_PRIME: place, MESA_VK_DEVICE_SELECT: "", ...only },
    { DRI_PRIME: `${place}!`, MESA_VK_DEVICE_SELECT: "" },
    byNumbers,
  ];
}
