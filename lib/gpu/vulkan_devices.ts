/** A physical device that Vulkan knows. */
export interface VulkanDevice {
  /** Its name. */
  readonly name: string;
  /** What kind of device it is. */
  readonly type: "other" | "integrated" | "discrete" | "virtual" | "cpu";
  /** Vendor number. */
  readonly vendor: number;
  /** Device number. */
  readonly device: number;
  /** Bytes of its own memory; of an integrated one, what it may take of the machine's. */
  readonly memory: number;
}

const TYPES = ["other", "integrated", "discrete", "virtual", "cpu"] as const;

/** Places in Vulkan's structures, in bytes. @source Vulkan 1.0, VkPhysicalDeviceProperties and VkPhysicalDeviceMemoryProperties */
const PROPERTIES = { size: 1024, vendor: 8, device: 12, type: 16, name: 20, nameSize: 256 };
const MEMORY = { size: 1024, heapCount: 260, heaps: 264, heapSize: 16, heapFlags: 8, deviceLocal: 1 };
/** More devices than any machine has: a bound. */
const MOST_DEVICES = 64;

const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
  vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties: { parameters: ["pointer", "buffer"], result: "void" },
  vkGetPhysicalDeviceMemoryProperties: { parameters: ["pointer", "buffer"], result: "void" },
} as const;

/**
 * Every Vulkan device of the machine with its memory, which WebGPU does not tell. Empty where there is no Vulkan library, on other
 * systems than Linux, or without the permission to load libraries.
 */
export function vulkanDevices(): VulkanDevice[] {
  if (Deno.build.os !== "linux" || Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return [];
  let library: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    library = Deno.dlopen("libvulkan.so.1", SYMBOLS);
  } catch {
    return [];
  }
  try {
    return devicesOf(library.symbols);
  } finally {
    library.close();
  }
}

function devicesOf(vulkan: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]): VulkanDevice[] {
  // VkInstanceCreateInfo: its type is 1, everything else is nothing.
  const info = new Uint8Array(64);
  info[0] = 1;
  const handle = new BigUint64Array(1);
  if (vulkan.vkCreateInstance(info, null, new Uint8Array(handle.buffer)) !== 0) return [];
  const instance = Deno.UnsafePointer.create(handle[0]);
  try {
    const count = Uint32Array.of(MOST_DEVICES);
    const handles = new BigUint64Array(MOST_DEVICES);
    const result = vulkan.vkEnumeratePhysicalDevices(
      instance,
      new Uint8Array(count.buffer),
      new Uint8Array(handles.buffer),
    );
    if (result < 0) return [];
    return [...handles.subarray(0, Math.min(count[0], MOST_DEVICES))].map((address) => {
      const device = Deno.UnsafePointer.create(address);
      const properties = new DataView(new ArrayBuffer(PROPERTIES.size));
      vulkan.vkGetPhysicalDeviceProperties(device, new Uint8Array(properties.buffer));
      const memory = new DataView(new ArrayBuffer(MEMORY.size));
      vulkan.vkGetPhysicalDeviceMemoryProperties(device, new Uint8Array(memory.buffer));
      return describe(properties, memory);
    });
  } finally {
    vulkan.vkDestroyInstance(instance, null);
  }
}

function describe(properties: DataView, memory: DataView): VulkanDevice {
  const bytes = new Uint8Array(properties.buffer, PROPERTIES.name, PROPERTIES.nameSize);
  const end = bytes.indexOf(0);
  let most = 0;
  for (let heap = 0; heap < Math.min(memory.getUint32(MEMORY.heapCount, true), 16); heap++) {
    const at = MEMORY.heaps + heap * MEMORY.heapSize;
    const isLocal = (memory.getUint32(at + MEMORY.heapFlags, true) & MEMORY.deviceLocal) !== 0;
    if (isLocal) most = Math.max(most, Number(memory.getBigUint64(at, true)));
  }
  return {
    name: new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end)),
    type: TYPES[properties.getUint32(PROPERTIES.type, true)] ?? "other",
    vendor: properties.getUint32(PROPERTIES.vendor, true),
    device: properties.getUint32(PROPERTIES.device, true),
    memory: most,
  };
}
