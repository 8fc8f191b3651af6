/** Seed of random inputs: from CENTERBIAS_TEST_SEED, else always the same: a run must not fail by luck. Messages of failures must name it. */
export const TEST_SEED: number = Number(Deno.env.get("CENTERBIAS_TEST_SEED") ?? 21);

/** What to run to see the same again. */
export const AGAIN = `again with CENTERBIAS_TEST_SEED=${TEST_SEED}`;
