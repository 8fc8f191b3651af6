import type { KernelCheck } from "../lib/gpu/self_test.ts";
import type { GpuFinding } from "./doctor_checks.ts";
import type { Machine } from "./machine.ts";

/** Bytes in the unit that suits them: "1.5 GiB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** step;
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${units[step]}`;
}

/** The machine, a line each. */
export function formatMachine({ deno, target, cores, memory, disk }: Machine): string {
  return [
    `deno     ${deno} (${target})`,
    `cores    ${cores}`,
    `memory   ${formatBytes(memory.available)} of ${formatBytes(memory.total)} available`,
    `disk     ${disk ? `${formatBytes(disk.free)} of ${formatBytes(disk.total)} free at ${disk.path}` : "not known"}`,
  ].join("\n");
}

/** The adapter, its drivers, features and limits. */
export function formatGpu({ adapter, device, drivers }: GpuFinding): string {
  const lines = [
    `adapter  ${adapter!.name}${adapter!.software ? " (software: computes on the processor)" : ""}`,
    `         vendor ${adapter!.vendor}, device ${adapter!.device}`,
    ...drivers.map(({ library, apiVersion }) => `driver   ${library} (Vulkan ${apiVersion})`),
    `features ${device!.features.join(", ") || "none"}`,
  ];
  for (const [name, value] of Object.entries(device!.limits)) {
    lines.push(`limit    ${name} ${/Size$/.test(name) && !/WorkgroupSize/.test(name) ? formatBytes(value) : value}`);
  }
  return lines.join("\n");
}

/** A case of the self-test: its worst output, as a share of what rounding explains. */
export function formatCase(checks: KernelCheck[]): string {
  const share = ({ error, tolerance }: KernelCheck) => error / tolerance;
  const worst = checks.reduce((a, b) => share(b) > share(a) ? b : a);
  const [{ name, problem }] = checks;
  if (problem !== undefined) return `  FAILED ${name}: ${problem}`;
  const wrong = checks.filter(({ ok }) => !ok);
  if (wrong.length === 0) return `  ok     ${name} (${Math.round(100 * share(worst))} % of what rounding explains)`;
  return wrong.map(({ output, error, tolerance }) =>
    `  FAILED ${name}: ${output} is off by ${error.toExponential(1)}, rounding explains ${tolerance.toExponential(1)}`
  ).join("\n");
}
