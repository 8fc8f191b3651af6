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
  /** Its place on the PCI bus, such as "0000:01:00.0", where its driver tells. */
  readonly pci?: string;
  /** Its driver's name and version, such as "NVIDIA 535.183.01", where it tells. */
  readonly driver?: string;
}

const TYPES = ["other", "integrated", "discrete", "virtual", "cpu"] as const;

/** Places in Vulkan's structures, in bytes. @source Vulkan 1.0, VkPhysicalDeviceProperties and VkPhysicalDeviceMemoryProperties */
const PROPERTIES = { size: 1024, apiVersion: 0, vendor: 8, device: 12, type: 16, name: 20, nameSize: 256 };
const MEMORY = { size: 1024, heapCount: 260, heaps: 264, heapSize: 16, heapFlags: 8, deviceLocal: 1 };
/** @source Vulkan 1.0, VkApplicationInfo and VkInstanceCreateInfo */
const APPLICATION = { size: 48, apiVersion: 44 };
const INSTANCE = { size: 64, type: 1, application: 24 };
/** @source Vulkan 1.1, VkPhysicalDeviceProperties2: what extends it hangs at `next` */
const PROPERTIES_2 = { size: 1024, type: 1_000_059_001, next: 8 };
/** @source Vulkan 1.2, VkPhysicalDeviceDriverProperties */
const DRIVER = { size: 536, type: 1_000_196_000, name: 20, info: 276, textSize: 256 };
/** @source VK_EXT_pci_bus_info, VkPhysicalDevicePCIBusInfoPropertiesEXT */
const PCI = { size: 32, type: 1_000_212_000, domain: 16, bus: 20, device: 24, function: 28 };
/** @source Vulkan 1.0, VkExtensionProperties */
const EXTENSION = { size: 260, nameSize: 256 };
/** Versions as Vulkan packs them. */
const VERSION_1_1 = 1 << 22 | 1 << 12, VERSION_1_2 = 1 << 22 | 2 << 12;
/** More devices, and more extensions of one, than any machine has: bounds. */
const MOST_DEVICES = 64, MOST_EXTENSIONS = 1024;

const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
  vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  vkEnumerateDeviceExtensionProperties: { parameters: ["pointer", "pointer", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties: { parameters: ["pointer", "buffer"], result: "void" },
  vkGetPhysicalDeviceProperties2: { parameters: ["pointer", "buffer"], result: "void", optional: true },
  vkGetPhysicalDeviceMemoryProperties: { parameters: ["pointer", "buffer"], result: "void" },
} as const;

type Vulkan = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * Every Vulkan device of the machine with its memory, which WebGPU does not tell. Empty where there is no Vulkan library, on other
 * systems than Linux, or without the permission to load libraries. Which drivers and devices are seen is decided by the environment
 * at the time of the call, as it is for WebGPU.
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

function devicesOf(vulkan: Vulkan): VulkanDevice[] {
  // A loader that has vkGetPhysicalDeviceProperties2 speaks 1.1; without an application's wish it gives 1.0.
  const info = new DataView(new ArrayBuffer(INSTANCE.size + APPLICATION.size));
  info.setUint32(0, INSTANCE.type, true);
  info.setUint32(INSTANCE.size + APPLICATION.apiVersion, VERSION_1_1, true);
  if (vulkan.vkGetPhysicalDeviceProperties2) {
    info.setBigUint64(INSTANCE.application, addressOf(info) + BigInt(INSTANCE.size), true);
  }
  const handle = new BigUint64Array(1);
  if (vulkan.vkCreateInstance(bytesOf(info), null, new Uint8Array(handle.buffer)) !== 0) return [];
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
      vulkan.vkGetPhysicalDeviceProperties(device, bytesOf(properties));
      const memory = new DataView(new ArrayBuffer(MEMORY.size));
      vulkan.vkGetPhysicalDeviceMemoryProperties(device, bytesOf(memory));
      return { ...describe(properties, memory), ...placeOf(vulkan, device, properties) };
    });
  } finally {
    vulkan.vkDestroyInstance(instance, null);
  }
}

function describe(properties: DataView, memory: DataView): VulkanDevice {
  let most = 0;
  for (let heap = 0; heap < Math.min(memory.getUint32(MEMORY.heapCount, true), 16); heap++) {
    const at = MEMORY.heaps + heap * MEMORY.heapSize;
    const isLocal = (memory.getUint32(at + MEMORY.heapFlags, true) & MEMORY.deviceLocal) !== 0;
    if (isLocal) most = Math.max(most, Number(memory.getBigUint64(at, true)));
  }
  return {
    name: textAt(properties, PROPERTIES.name, PROPERTIES.nameSize),
    type: TYPES[properties.getUint32(PROPERTIES.type, true)] ?? "other",
    vendor: properties.getUint32(PROPERTIES.vendor, true),
    device: properties.getUint32(PROPERTIES.device, true),
    memory: most,
  };
}

/** What only newer drivers tell: of those that do not, nothing is asked. */
function placeOf(
  vulkan: Vulkan,
  device: Deno.PointerValue,
  properties: DataView,
): Pick<VulkanDevice, "pci" | "driver"> {
  const version = properties.getUint32(PROPERTIES.apiVersion, true);
  if (!vulkan.vkGetPhysicalDeviceProperties2 || version < VERSION_1_1) return {};
  const extensions = extensionsOf(vulkan, device);
  const driver = version >= VERSION_1_2 || extensions.has("VK_KHR_driver_properties")
    ? structure(DRIVER.size, DRIVER.type)
    : undefined;
  const pci = extensions.has("VK_EXT_pci_bus_info") ? structure(PCI.size, PCI.type) : undefined;
  const chain = structure(PROPERTIES_2.size, PROPERTIES_2.type);
  let last = chain;
  for (const next of [driver, pci]) {
    if (!next) continue;
    last.setBigUint64(PROPERTIES_2.next, addressOf(next), true);
    last = next;
  }
  vulkan.vkGetPhysicalDeviceProperties2(device, bytesOf(chain));
  const hex = (at: number, digits: number) => pci!.getUint32(at, true).toString(16).padStart(digits, "0");
  return {
    ...pci && {
      pci: `${hex(PCI.domain, 4)}:${hex(PCI.bus, 2)}:${hex(PCI.device, 2)}.${hex(PCI.function, 1)}`,
    },
    ...driver && {
      driver: [DRIVER.name, DRIVER.info].map((at) => textAt(driver, at, DRIVER.textSize)).join(" ").trim(),
    },
  };
}

function extensionsOf(vulkan: Vulkan, device: Deno.PointerValue): Set<string> {
  const count = Uint32Array.of(MOST_EXTENSIONS);
  const list = new DataView(new ArrayBuffer(MOST_EXTENSIONS * EXTENSION.size));
  const result = vulkan.vkEnumerateDeviceExtensionProperties(
    device,
    null,
    new Uint8Array(count.buffer),
    bytesOf(list),
  );
  if (result < 0) return new Set();
  return new Set(
    Array.from({ length: count[0] }, (_, k) => textAt(list, k * EXTENSION.size, EXTENSION.nameSize)),
  );
}

function structure(size: number, type: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, type, true);
  return view;
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}

function addressOf(view: DataView<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytesOf(view)));
}

/** A text that ends with a zero, or fills its place. */
function textAt(view: DataView, at: number, size: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? size : end));
}
