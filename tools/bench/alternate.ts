/** One of the things that are compared. */
export interface Side {
  /** Its name among the figures: `ours`, `stock`, `torch`, `numpy`. */
  readonly name: string;
  /** One run; a number is its milliseconds by its own clock, else the clock around it counts. */
  readonly run: () => Promise<number | void>;
  /** Runs before the timed ones. @default 2: the first compiles, the second finds memory that was used before */
  readonly warmUps?: number;
  /** Seconds, warm-ups included, after which it is not run again. @default none */
  readonly limit?: number;
}

/** What came of a side. */
export interface SideTimes {
  /** Milliseconds of its timed runs, in their order; empty if it was left out. */
  readonly times: number[];
  /** Why it has none. */
  readonly leftOut?: string;
  /** Seconds it took in all, warm-ups included. */
  seconds: number;
}

/** How sides are timed. */
export interface AlternateOptions {
  /** Timed runs of each. */
  readonly runs: number;
  /** Milliseconds that only grow. @default performance.now */
  readonly clock?: () => number;
}

/**
 * Times sides in turn, one run of each and then the next of each, so that whatever else the machine does disturbs all of them
 * alike. A side that used up its limit before its first timed run is left out; after it, it keeps the runs that it has.
 */
export async function alternate(
  sides: readonly Side[],
  { runs, clock = () => performance.now() }: AlternateOptions,
): Promise<Map<string, SideTimes>> {
  const used = new Map<string, number>();
  const last = new Map<string, number>();
  const timed = async ({ name, run }: Side): Promise<number> => {
    const began = clock();
    const own = await run();
    const around = clock() - began;
    used.set(name, (used.get(name) ?? 0) + around);
    last.set(name, around);
    return own ?? around;
  };
  // The next run is taken to last as long as the last one.
  const isSpent = ({ name, limit = Infinity }: Side) => (used.get(name) ?? 0) + (last.get(name) ?? 0) > 1000 * limit;
  const results = new Map<string, SideTimes>();
  for (const side of sides) {
    for (let i = 0; i < (side.warmUps ?? 2) && !isSpent(side); i++) await timed(side);
    const leftOut = isSpent(side)
      ? `left out: a run takes ${
        (last.get(side.name)! / 1000).toFixed(1)
      } s, and ${side.limit} s were given to all of them`
      : undefined;
    results.set(side.name, { times: [], leftOut, seconds: 0 });
  }
  for (let round = 0; round < runs; round++) {
    for (const side of sides) {
      const { times, leftOut } = results.get(side.name)!;
      if (leftOut !== undefined || (times.length > 0 && isSpent(side))) continue;
      times.push(await timed(side));
    }
  }
  for (const [name, one] of results) one.seconds = (used.get(name) ?? 0) / 1000;
  return results;
}
