import { InputError } from "../errors.ts";

/** Put before every name by what a network was wrapped in: data parallelism, a compiler. */
const WRAPPERS = ["module.", "_orig_mod."];
/** Put before a backbone's names where it is a part of a larger model. */
const PARTS = ["backbone.", "model.", "net."];
/** The first parameter of an IResNet and of a MobileFaceNet. */
const FIRST_NAMES = ["conv1.weight", "layers.0.layers.0.weight"];
/** Count of training steps that PyTorch's batch-norm keeps and nothing reads. */
const NOT_READ = /(^|\.)num_batches_tracked$/;

/**
 * The names of a backbone's tensors among those of a file of others: without the wrappers' prefixes, counters and other parts.
 * Maps our names to the file's.
 *
 * @throws {InputError} if two names become one.
 *
 * @example
 * ```ts
 * import { backboneNames } from "./state_names.ts";
 *
 * const names = backboneNames(["module.conv1.weight", "module.bn1.num_batches_tracked"], "model.pth");
 * console.assert([...names].join() === "conv1.weight,module.conv1.weight");
 * ```
 */
export function backboneNames(names: Iterable<string>, source: string): Map<string, string> {
  const result = new Map<string, string>();
  for (const name of names) {
    if (NOT_READ.test(name)) continue;
    const ours = unwrap(name);
    const other = result.get(ours);
    if (other !== undefined) {
      throw new InputError(
        `Cannot load weights from ${source}: expected one tensor for ${ours}, found ${other} and ${name}; keep one of them`,
      );
    }
    result.set(ours, name);
  }
  if (FIRST_NAMES.some((first) => result.has(first))) return result;
  const part = PARTS.find((prefix) => FIRST_NAMES.some((first) => result.has(prefix + first)));
  if (part === undefined) return result;
  return new Map(
    [...result].filter(([name]) => name.startsWith(part)).map(([name, stored]) => [name.slice(part.length), stored]),
  );
}

function unwrap(name: string): string {
  for (;;) {
    const wrapper = WRAPPERS.find((prefix) => name.startsWith(prefix));
    if (wrapper === undefined) return name;
    name = name.slice(wrapper.length);
  }
}
