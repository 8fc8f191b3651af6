import { WorkerPool } from "../data/worker_pool.ts";
import type { AskedKernel } from "../nn/asked_passes.ts";

/** Kernels with larger bindings are left to the first step: compiling one needs buffers of its size. */
const MOST_BYTES = 2 ** 26;

/** Fewer than this many kernels are compiled sooner than workers have started. */
const WORTH_IT = 24;

/** How kernels are compiled ahead. */
export interface CompileAheadOptions {
  /** Workers. @default cores, at most 8 */
  readonly workers?: number;
  /** Told after each kernel. */
  readonly report?: (done: number, total: number) => void;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/**
 * Compiles kernels in workers, for a software adapter: it compiles a kernel when it first runs it, on one core, and keeps the result on disk,
 * where this process finds it afterwards. Whatever goes wrong only means that kernels are compiled later.
 *
 * Returns how many were compiled.
 */
export async function compileAhead(
  kernels: readonly AskedKernel[],
  options: CompileAheadOptions = {},
): Promise<number> {
  const { workers = Math.min(8, navigator.hardwareConcurrency), report, signal } = options;
  const wanted = kernels.filter(({ bytes }) => bytes.every((size) => size <= MOST_BYTES));
  if (workers < 2 || wanted.length < WORTH_IT) return 0;
  // The longest first, so that the last ones are short. Time to compile goes with the text's length.
  wanted.sort((a, b) => b.spec.wgsl.length - a.spec.wgsl.length);
  let done = 0;
  try {
    const url = new URL("./compile_ahead_worker.ts", import.meta.url);
    using pool = new WorkerPool<AskedKernel, boolean>(url, "compiling kernels", workers);
    const stop = () => pool.close();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await Promise.all(
        wanted.map(async (kernel) => {
          await pool.run(kernel, kernel.spec.wgsl.length);
          done++;
          report?.(done, wanted.length);
        }),
      );
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  } catch {
    // The first step compiles what is missing, and says what is wrong if something is.
  }
  return done;
}
