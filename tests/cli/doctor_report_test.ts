import assert from "node:assert/strict";
import { formatBytes, formatCase } from "../../cli/doctor_report.ts";

Deno.test("formatBytes() takes the unit that suits", () => {
  const bytes = [0, 1023, 1024, 1536, 2 ** 31, 25.6 * 2 ** 30, 2 ** 52];
  assert.deepEqual(bytes.map(formatBytes), [
    "0 bytes",
    "1023 bytes",
    "1 KiB",
    "1.5 KiB",
    "2 GiB",
    "26 GiB",
    "4096 TiB",
  ]);
});

Deno.test("formatCase() is one line for a case that is right, and names every output that is wrong", () => {
  const check = (output: string, error: number) => ({
    name: "sgd 7",
    output,
    error,
    tolerance: 1e-6,
    ok: error <= 1e-6,
  });
  assert.equal(
    formatCase([check("velocity", 1e-7), check("parameter", 4e-7)]),
    "  ok     sgd 7 (40 % of what rounding explains)",
  );
  assert.equal(
    formatCase([check("velocity", 1e-7), check("parameter", 4e-3)]),
    "  FAILED sgd 7: parameter is off by 4.0e-3, rounding explains 1.0e-6",
  );
  assert.equal(
    formatCase([{ name: "sgd 7", output: undefined, error: Infinity, tolerance: 0, ok: false, problem: "no memory" }]),
    "  FAILED sgd 7: no memory",
  );
});
