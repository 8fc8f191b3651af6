import { spread } from "./wgsl.ts";

/** Sums over the lanes of a workgroup, in workgroup memory. */

/** Lanes of a workgroup that add up together; a power of two. */
const LANES = 128;

/** A workgroup for each of `count` sums; {@linkcode groupIndex} is its number. */
export function perGroup(count: number): { size: number; workgroups: [number, number, number] } {
  return { size: LANES, workgroups: spread(count, 1).workgroups };
}

/** Declares the memory for sums of these names. */
export function sharedSums(type: string, names: readonly string[]): string {
  return names.map((name) => `var<workgroup> ${name}OfAll: array<${type}, ${LANES}>;`).join("\n");
}

/**
 * Statements that make of each lane's variables of these names, which all lanes reach, the sums over all lanes, added in the same order
 * every time; the first lane alone goes on, or all of them.
 */
export function addShared(names: readonly string[], { toAll = false } = {}): string {
  const each = (line: (name: string) => string) => names.map(line).join(" ");
  const lines = [each((name) => `${name}OfAll[local] = ${name};`), "workgroupBarrier();"];
  for (let step = LANES / 2; step >= 1; step /= 2) {
    lines.push(`if (local < ${step}u) { ${each((name) => `${name}OfAll[local] += ${name}OfAll[local + ${step}u];`)} }`);
    lines.push("workgroupBarrier();");
  }
  if (!toAll) lines.push("if (local > 0u) { return; }");
  lines.push(each((name) => `${name} = ${name}OfAll[0];`));
  return lines.join("\n  ");
}
