import assert from "node:assert/strict";
import { normal, uniform } from "../../lib/nn/random.ts";

Deno.test("uniform() is the golden files' unit()", () => {
  assert.equal(uniform(7, 3), 0.21347200335003436);
  assert.equal(uniform(8300, 4294967280), 0.6781778156291693);
});

Deno.test("normal() has mean 0, variance 1 and the tails of a normal distribution", () => {
  const count = 20000;
  const values = Float64Array.from({ length: count }, (_, i) => normal(21, i));
  const mean = values.reduce((a, b) => a + b) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  assert.ok(Math.abs(mean) < 4 / Math.sqrt(count), `mean ${mean}`);
  assert.ok(Math.abs(variance - 1) < 4 * Math.sqrt(2 / count), `variance ${variance}`);
  const beyond = values.filter((value) => Math.abs(value) > 1.959964).length / count;
  assert.ok(Math.abs(beyond - 0.05) < 0.007, `${beyond} beyond 1.96`);
  assert.ok(values.every(Number.isFinite));
});
