/** Exit code after Ctrl-C, as shells count it. */
export const EXIT_INTERRUPTED = 130;

/** What is told when signals come. */
export interface SignalHooks {
  /** At the first: work is asked to stop. */
  readonly onStop?: () => void;
  /** At the second, before the process ends. */
  readonly onEnd?: () => void;
}

/** Runs work that stops when its signal is aborted: at the first Ctrl-C or SIGTERM. The second ends the process at once. */
export async function stopOnSignal<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { onStop, onEnd }: SignalHooks = {},
): Promise<T> {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) {
      onEnd?.();
      Deno.exit(EXIT_INTERRUPTED);
    }
    onStop?.();
    stop.abort();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
  }
}
