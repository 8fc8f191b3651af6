import type { Group } from "../../lib/dist/group.ts";

/** What the ranks of `bench dist` are told. */
export interface DistInput {
  /** Numbers that are averaged. */
  readonly count: number;
  /** Timed runs of each side. */
  readonly runs: number;
}

/** Milliseconds of each run, by side; of each run the slowest rank's. */
export type DistTimes = Record<string, number[]>;

/** Runs before the timed ones: pages of memory are first touched, code is compiled. */
const WARM_UPS = 2;

/**
 * Times sides on all ranks, one run of each and then the next of each. Every rank begins a run when all are there; a run lasts until the last
 * rank is done.
 */
export async function timeSides(
  group: Group,
  sides: Readonly<Record<string, () => Promise<void> | void>>,
  runs: number,
): Promise<DistTimes> {
  const times: DistTimes = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let run = -WARM_UPS; run < runs; run++) {
    for (const [name, side] of Object.entries(sides)) {
      await group.barrier();
      const began = performance.now();
      await side();
      const took = performance.now() - began;
      const slowest = Math.max(...(await group.gather([took])).map(([one]) => one));
      if (run >= 0) times[name].push(slowest);
    }
  }
  return times;
}

/** An average of `count` numbers: as the group would have them, in an array of the caller's, and a plain copy of as many bytes. */
export async function averagingSides(group: Group, count: number) {
  const own = new Float32Array(count).fill(group.rank + 1);
  const copy = new Float32Array(count);
  const allocated = await group.allocate(count);
  allocated.set(own);
  return {
    ours: () => group.average(allocated),
    unshared: () => group.average(own),
    copy: () => copy.set(own),
  };
}
