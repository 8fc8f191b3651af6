import type { Group } from "./group.ts";
import { GroupFailure } from "./group_failure.ts";

/**
 * The group of one rank: a mean over one is the thing itself.
 *
 * @example
 * ```ts
 * import { soloGroup } from "./solo_group.ts";
 *
 * const group = soloGroup();
 * const values = Float32Array.of(1, 2);
 * await group.average(values);
 * console.assert(group.size === 1 && values[1] === 2);
 * ```
 */
export function soloGroup(): Group {
  let failure: GroupFailure | undefined;
  // Refuses as the other groups do; that nothing is awaited keeps it off the path of a run alone.
  const unless = <T>(result: () => T): Promise<T> => failure ? Promise.reject(failure) : Promise.resolve(result());
  const nothing = () => unless(() => {});
  return {
    rank: 0,
    size: 1,
    barrier: nothing,
    allocate: (length) => unless(() => new Float32Array(length)),
    average: nothing,
    sum: nothing,
    max: nothing,
    gather: (values) => unless(() => [[...values]]),
    allGather: (values) => unless(() => [new Float32Array(values)]),
    allGatherBytes: (bytes) => unless(() => [new Uint8Array(bytes)]),
    check: () => {
      if (failure) throw failure;
    },
    fail: (reason) => {
      failure ??= new GroupFailure(0, reason);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
