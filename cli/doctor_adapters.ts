import { formatBytes } from "./doctor_report.ts";
import { INSTALL_DRIVER } from "../lib/gpu/adapter.ts";
import { listAdapters, type ListedAdapter } from "../lib/gpu/list_adapters.ts";

const KINDS: Readonly<Record<ListedAdapter["type"], string>> = {
  discrete: "discrete GPU",
  integrated: "integrated GPU",
  virtual: "virtual GPU",
  cpu: "software: computes on the processor",
  other: "of another kind",
};

/** What `doctor --adapters` prints. */
export interface AdapterReport {
  readonly adapters: ListedAdapter[];
  /** For a terminal. */
  readonly lines: string[];
  /** Why the list is empty, in a line; undefined if it is not. */
  readonly problem?: string;
}

/** Every adapter of the machine, and how each is selected. */
export function reportAdapters(adapters: ListedAdapter[] = listAdapters()): AdapterReport {
  if (adapters.length === 0) {
    const problem = Deno.build.os === "linux"
      ? "Cannot list adapters: expected a Vulkan device, found none; install your GPU's driver, or a software adapter: " +
        INSTALL_DRIVER
      : `Cannot list adapters: that is known on Linux alone, found ${Deno.build.os}; a run takes the adapter WebGPU offers`;
    return { adapters, lines: [], problem };
  }
  return { adapters, lines: adapters.flatMap(linesOf) };
}

function linesOf({ index, sameAs, name, type, ...adapter }: ListedAdapter): string[] {
  const hex = (value: number) => value.toString(16).padStart(4, "0");
  const how = adapter.env
    ? [
      `selected by --adapters ${index}, which sets`,
      ...Object.entries(adapter.env).map(([variable, value]) => `  ${variable}=${value}`),
    ]
    : [`cannot be selected: ${adapter.unselectable}`];
  return [
    `${String(index).padEnd(9)}${name} (${KINDS[type]})`,
    ...[
      ...sameAs === undefined ? [] : [`the same device as ${sameAs}, by another driver`],
      `vendor ${hex(adapter.vendor)}, device ${hex(adapter.device)}, ${
        adapter.pci ? `PCI ${adapter.pci}` : "no PCI place told"
      }`,
      `memory ${formatBytes(adapter.memory)}`,
      `driver ${adapter.driver ?? "not told"} (${adapter.manifest})`,
      ...how,
    ].map((line) => " ".repeat(9) + line),
  ];
}
