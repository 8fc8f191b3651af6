import assert from "node:assert/strict";
import type { Group, Reduction } from "../../lib/dist/group.ts";

/** Seeded numbers of very different sizes, so that the order of a sum shows in its bits. */
export function randomFloats(seed: number, length: number): Float32Array<ArrayBuffer> {
  let state = Math.imul(seed, 2654435761) | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length }, () => (next() - 0.5) * 2 ** Math.floor(next() * 24 - 12));
}

/** How two numbers become one, and what the last one becomes. */
const REDUCTIONS: Readonly<
  Record<Reduction, [(a: number, b: number) => number, (last: number, size: number) => number]>
> = {
  sum: [(a, b) => a + b, (sum) => sum],
  average: [(a, b) => a + b, (sum, size) => sum / size],
  max: [Math.max, (largest) => largest],
};

/** What rank `rank` brings to a case. */
const inputOf = (seed: number, rank: number, length: number) => randomFloats(seed + 1000 * rank, length);

/**
 * Every operation of a group, on this rank, against the same done plainly: results must have the same bits. What all ranks run, with one seed
 * and the same lengths. Sizes around the implementations' windows are the caller's.
 */
export async function checkGroup(group: Group, seed: number, lengths: readonly number[]): Promise<void> {
  const { rank, size } = group;
  const ranks = Array.from({ length: size }, (_, k) => k);
  await group.barrier();
  for (const length of lengths) {
    const inputs = ranks.map((one) => inputOf(seed + length, one, length));
    for (const name of ["sum", "average", "max"] as const) {
      const [join, finish] = REDUCTIONS[name];
      const expected = new Float32Array(length);
      for (let i = 0; i < length; i++) {
        let value = inputs[0][i];
        for (let one = 1; one < size; one++) value = join(value, inputs[one][i]);
        expected[i] = finish(value, size);
      }
      const what = `${name}() of ${length} on rank ${rank} of ${size}, seed ${seed}`;
      const own = inputs[rank].slice();
      const shared = await group.allocate(length + 3);
      assert.equal(shared.length, length + 3);
      assert.ok(shared.every((value) => value === 0));
      shared.set(own, 1);
      shared[0] = shared[length + 1] = rank + 0.5;
      const part = shared.subarray(1, 1 + length);
      await group[name](own, part);
      assertSame(own, expected, what);
      assertSame(part, expected, `${what}, allocated`);
      assert.deepEqual([shared[0], shared[length + 1]], [rank + 0.5, rank + 0.5], `${what}: neighbours`);
    }
    const gathered = await group.allGather(inputs[rank]);
    assert.equal(gathered.length, size);
    for (const one of ranks) assertSame(gathered[one], inputs[one], `allGather() of ${length}, seed ${seed}`);
    // Lengths that differ: nothing from rank 0.
    const bytes = await group.allGatherBytes(
      new Uint8Array(inputs[rank].buffer, 0, 4 * Math.floor(length * rank / size)),
    );
    assert.deepEqual(bytes.map((one) => one.length), ranks.map((one) => 4 * Math.floor(length * one / size)));
    for (const one of ranks) assert.deepEqual(bytes[one], new Uint8Array(inputs[one].buffer, 0, bytes[one].length));
  }
  assert.deepEqual(await group.gather([rank, Math.PI * rank, -0]), ranks.map((one) => [one, Math.PI * one, -0]));
  assert.deepEqual(await group.gather([]), ranks.map(() => []));
  // Not awaited one by one: they run in the order of the calls.
  const value = Float32Array.of(rank + 1);
  const total = size * (size + 1) / 2;
  const pending = [group.sum(value), group.barrier(), group.sum(value), group.gather([rank])];
  await Promise.all(pending);
  assert.deepEqual([...value], [total * size]);
  group.check();
  await group.barrier();
}

function assertSame(found: Float32Array, expected: Float32Array, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(found[i], expected[i])) {
      assert.fail(`${what}: element ${i} is ${found[i]}, expected ${expected[i]}`);
    }
  }
}
