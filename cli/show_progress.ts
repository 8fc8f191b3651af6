import progress from "../lib/deps/cli_progress.ts";

/**
 * Runs work that reports how far it is, with a progress bar on standard error where that is a terminal, else silently.
 *
 * `work` may be synchronous: the bar is drawn from its reports, without a timer.
 */
export function showProgress<T>(unit: string, work: (onProgress?: (done: number, total: number) => void) => T): T {
  if (!Deno.stderr.isTerminal()) return work();
  const bar = new progress.SingleBar({
    format: `{bar} {percentage} % | {value}/{total} ${unit} | {duration_formatted}, {eta_formatted} left`,
    hideCursor: true,
    synchronousUpdate: true,
    fps: 10,
    etaBuffer: 50,
  }, progress.Presets.shades_classic);
  let started = false;
  const stop = () => {
    if (started) bar.stop();
    started = false;
  };
  const onProgress = (done: number, total: number) => {
    if (!started) bar.start(total, done);
    else {
      bar.setTotal(total); // a conversion of several sets goes on to the next one
      bar.update(done);
    }
    started = true;
  };
  try {
    const result = work(onProgress);
    if (result instanceof Promise) return result.finally(stop) as T;
    stop();
    return result;
  } catch (error) {
    stop();
    throw error;
  }
}
