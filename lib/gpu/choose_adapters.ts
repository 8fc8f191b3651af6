import type { AdapterFacts } from "./adapter.ts";
import { listAdapters, type ListedAdapter } from "./list_adapters.ts";
import { InputError } from "../errors.ts";

/**
 * The adapters that a user asked for, each of which WebGPU can be made to take.
 *
 * `asked` is "all" (every GPU; software adapters only where there is no GPU), numbers of the list in any order ("0,2"), or a part
 * of a name that fits one adapter ("RTX 3090"); parts may be mixed, separated by commas.
 *
 * @throws {InputError} if nothing or several fit, one is asked for twice, or the platform cannot select one.
 *
 * @example
 * ```ts ignore
 * import { chooseAdapters } from "./choose_adapters.ts";
 *
 * const [first, second] = chooseAdapters("0,1");
 * ```
 */
export function chooseAdapters(asked: string, adapters: readonly ListedAdapter[] = listAdapters()): ListedAdapter[] {
  const refuse = (problem: string) => new InputError(`Cannot choose adapters by "${asked}": ${problem}`);
  if (adapters.length === 0) {
    throw refuse(
      Deno.build.os === "linux"
        ? "found no Vulkan device, expected at least one; doctor --adapters lists them (it needs --allow-ffi and --allow-env)"
        : `adapters can be listed and chosen on Linux alone, found ${Deno.build.os}; leave the option out to use the one WebGPU offers`,
    );
  }
  const chosen = asked.trim() === "all" ? everyDevice(adapters) : asked.split(",").map((word) => {
    const found = named(word.trim(), adapters);
    if (typeof found === "string") throw refuse(found);
    return found;
  });
  for (const [k, adapter] of chosen.entries()) {
    const place = `adapter ${adapter.index} (${adapter.name})`;
    if (chosen.indexOf(adapter) < k) throw refuse(`${place} is named twice; expected each once`);
    const other = chosen.find((one, j) => j < k && deviceOf(one) === deviceOf(adapter));
    if (other) throw refuse(`${place} is the same device as adapter ${other.index}; expected one of them`);
    if (adapter.env === undefined) throw refuse(`${place} cannot be selected: ${adapter.unselectable}`);
  }
  return chosen;
}

/** Why what WebGPU gave is not the adapter that was asked for; undefined if it is. */
export function adapterMismatch(
  asked: ListedAdapter,
  found: Pick<AdapterFacts, "name" | "vendor" | "device">,
): string | undefined {
  const isSame = Number(found.vendor) === asked.vendor && Number(found.device) === asked.device &&
    found.name === asked.name;
  if (isSame) return undefined;
  const numbers = ({ vendor, device }: { vendor: string | number; device: string | number }) =>
    `${Number(vendor).toString(16)}:${Number(device).toString(16)}`;
  return `expected adapter ${asked.index}, ${asked.name} (${numbers(asked)}), found ${found.name} (${numbers(found)})`;
}

function deviceOf({ index, sameAs }: ListedAdapter): number {
  return sameAs ?? index;
}

function everyDevice(adapters: readonly ListedAdapter[]): ListedAdapter[] {
  const devices = adapters.filter(({ sameAs }) => sameAs === undefined);
  const gpus = devices.filter(({ type }) => type !== "cpu");
  return gpus.length > 0 ? gpus : devices;
}

function named(word: string, adapters: readonly ListedAdapter[]): ListedAdapter | string {
  const list = adapters.map(({ index, name }) => `${index} ${name}`).join("; ");
  // Longer ones are part of a name, such as 3090.
  if (/^\d{1,2}$/.test(word)) return adapters[Number(word)] ?? `there is no adapter ${word}, expected one of: ${list}`;
  const fitting = word === ""
    ? []
    : adapters.filter(({ name, sameAs }) => sameAs === undefined && name.toLowerCase().includes(word.toLowerCase()));
  if (fitting.length === 1) return fitting[0];
  if (fitting.length === 0) {
    return `no adapter's name contains "${word}", expected "all", a number or a name of: ${list}`;
  }
  return `"${word}" fits ${fitting.length} adapters, expected one; name it by its number: ${list}`;
}
