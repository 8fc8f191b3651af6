import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { AGAIN, TEST_SEED } from "../gpu/test_seed.ts";
import { headWith, randomMatrix, runStep } from "./head_harness.ts";
import { classMargins, cosines, movedCenters, movedT } from "./head_reference.ts";

const near = (found: number, expected: number, what: string, error = 2e-6) =>
  assert.ok(Math.abs(found - expected) <= error, `${what}: ${found}, not ${expected}; ${AGAIN}`);

for (const repeatedLabel of ["last", "mean"] as const) {
  Deno.test(`five steps move centers, t and margins by the equations; of a repeated label the ${repeatedLabel}`, async () => {
    const gpu = await startWebGPU();
    const random = new Random(TEST_SEED, 1);
    const [classes, dim, batch, mu] = [5, 6, 8, 0.7];
    const weight = randomMatrix(random, classes, dim);
    let centers = randomMatrix(random, classes, dim);
    let t = 0;
    const options = { margin: 0.3, mM: 0.2, centerMomentum: mu, repeatedLabel, centers };
    const head = headWith(gpu, "center_bias", weight, options);
    for (let k = 0; k < 5; k++) {
      const labels = Array.from({ length: batch }, () => random.below(classes - 1)); // some repeated, one class never
      const embeddings = labels.map((label) => weight[label].map((w) => Math.fround(w + random.range(-0.5, 0.5))));
      const step = await runStep(gpu, head, embeddings, labels);
      centers = movedCenters(centers, embeddings, labels, mu, repeatedLabel);
      t = movedT(t, cosines(embeddings, weight).map((row, i) => row[labels[i]]), mu);
      const margins = classMargins(weight, centers, t, 0.3, 0.2);
      near(step.t, t, `t of step ${k}`);
      near(step.mean, margins.reduce((a, b) => a + b) / classes, `mean margin of step ${k}`);
      near(step.max, Math.max(...margins), `largest margin of step ${k}`);
      near(step.min, 0.3, `smallest margin of step ${k}`);
      const state = await head.parameters.state();
      state.get("center")!.data.forEach((value, i) => near(value, centers.flat()[i], `center ${i} of step ${k}`));
      near(state.get("t")!.data[0], t, `kept t of step ${k}`);
    }
    head.dispose();
  });
}

Deno.test("while t is negative every margin is the smallest", async () => {
  const gpu = await startWebGPU();
  const head = headWith(gpu, "center_bias", [[1, 0], [0, 1]], { margin: 0.4, mM: 0.2, centerMomentum: 0.5 });
  const step = await runStep(gpu, head, [[-1, 0.1], [0.3, -1]], [0, 1]);
  assert.ok(step.t < -0.4);
  for (const margin of [step.mean, step.max, step.min]) near(margin, 0.4, "margin");
  head.dispose();
});

Deno.test("constant t uses 1 for the margins, and still keeps t up to date", async () => {
  const gpu = await startWebGPU();
  const weight = [[1, 0], [0, 1], [-1, 0]];
  const centers = [[1, 0], [1, 1], [1, 0]]; // bias 0, 1 - sqrt(1/2), 2
  const options = { margin: 0.4, mM: 0.2, centerMomentum: 0.5, constantT: true, centers };
  const head = headWith(gpu, "center_bias", weight, options);
  const step = await runStep(gpu, head, [[2, 0]], [0]);
  near(step.t, 1, "reported t");
  near(step.max, 0.6, "largest margin");
  near(step.min, 0.4, "smallest margin");
  near(step.mean, (0.4 + 0.6 + 0.4 + 0.2 * (1 - Math.SQRT1_2) / 2) / 3, "mean margin");
  near((await head.parameters.state()).get("t")!.data[0], 0.5, "kept t");
  head.dispose();
});

Deno.test("targets whose cosine is exactly zero do not count for t", async () => {
  const gpu = await startWebGPU();
  const head = headWith(gpu, "center_bias", [[1, 0], [0, 1]], { centerMomentum: 0.5, t: 0.25 });
  near((await runStep(gpu, head, [[0, 3], [0, 2]], [0, 1])).t, 0.5 * 1 + 0.5 * 0.25, "t with one target counted");
  near((await runStep(gpu, head, [[0, 3], [5, 0]], [0, 1])).t, 0.625, "t with none counted");
  head.dispose();
});

Deno.test("classes that are all alike have the smallest margin", async () => {
  const gpu = await startWebGPU();
  const weight = [[1, 0], [1, 0]];
  const head = headWith(gpu, "center_bias", weight, { margin: 0.4, mM: 0.2, constantT: true, centers: weight });
  const step = await runStep(gpu, head, [[1, 0], [1, 0]], [0, 1]);
  for (const margin of [step.mean, step.max, step.min]) near(margin, 0.4, "margin");
  head.dispose();
});
