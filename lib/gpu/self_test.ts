import { batchNormCases } from "./self_test/batch_norm_cases.ts";
import { classScanCases } from "./self_test/class_scan_cases.ts";
import { convChoiceCases } from "./self_test/conv_choice_cases.ts";
import { conv2dCases } from "./self_test/conv2d_cases.ts";
import { elementCases } from "./self_test/element_cases.ts";
import { type KernelCase, largestError, tolerance } from "./self_test/kernel_case.ts";
import { matMulCases } from "./self_test/mat_mul_cases.ts";
import { RandomValues } from "./self_test/random_values.ts";
import type { Gpu } from "./start_webgpu.ts";

/** The result of one case of {@linkcode selfTest}. */
export interface KernelCheck {
  /** Operation, shape and options of the case. */
  readonly name: string;
  /** Which of its outputs; undefined where the case could not be run. */
  readonly output: string | undefined;
  /** The largest error, in units of the root sum of squares of the terms a value is made of. */
  readonly error: number;
  /** The largest error that rounding explains. */
  readonly tolerance: number;
  /** Whether the error is within the tolerance. */
  readonly ok: boolean;
  /** Why the case could not be run, where it could not. */
  readonly problem?: string;
}

/** How the kernels are tested. */
export interface SelfTestOptions {
  /** Decides all inputs and some of the shapes. @default 21 */
  readonly seed?: number;
  /** Only cases whose name contains this. @default "" */
  readonly only?: string;
  /** Also the kernels of the family that this adapter does not use. @default false */
  readonly bothFamilies?: boolean;
  /** Called with each result as it is known. */
  readonly report?: (check: KernelCheck) => void;
}

/** The cases of the suite for a seed. */
export function selfTestCases(seed: number): KernelCase[] {
  return [
    ...conv2dCases(new RandomValues(seed)),
    ...convChoiceCases(),
    ...batchNormCases(),
    ...elementCases(),
    ...matMulCases(),
    ...classScanCases(),
  ];
}

/**
 * Runs every kernel and operation on random inputs and compares with plain float64 loops. A device that computes wrongly is
 * found here, not in a training run.
 *
 * @example
 * ```ts ignore
 * import { selfTest } from "./self_test.ts";
 * import { startWebGPU } from "./start_webgpu.ts";
 *
 * const checks = await selfTest(await startWebGPU(), { seed: 21 });
 * console.assert(checks.every(({ ok }) => ok));
 * ```
 */
export async function selfTest(gpu: Gpu, options: SelfTestOptions = {}): Promise<KernelCheck[]> {
  const { seed = 21, only = "", bothFamilies = false, report } = options;
  const checks: KernelCheck[] = [];
  const add = (check: KernelCheck) => {
    checks.push(check);
    report?.(check);
  };
  for (const [i, { name, family, run }] of selfTestCases(seed).entries()) {
    if (!name.includes(only) || !(bothFamilies || family === undefined || family === gpu.choices.family)) continue;
    try {
      // Inputs of their own for every case: one case alone sees the same as in the whole suite.
      const comparisons = await run(gpu, new RandomValues(seed + i * 7919));
      gpu.kernels.check();
      for (const comparison of comparisons) {
        const error = largestError(comparison);
        const limit = tolerance(comparison);
        add({ name, output: comparison.what, error, tolerance: limit, ok: error <= limit });
      }
    } catch (error) {
      const problem = (error as Error).message.split("\n")[0];
      add({ name, output: undefined, error: Infinity, tolerance: 0, ok: false, problem });
    }
  }
  return checks;
}
