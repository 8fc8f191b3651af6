import type { ProgressWriter } from "../lib/train/progress.ts";

/**
 * Standard output, for progress and results. Writes are synchronous: while the GPU blocks the thread nothing would be
 * shown otherwise. A reader that is gone (`train | head`) is no reason to stop.
 */
export function terminal(): ProgressWriter {
  const encoder = new TextEncoder();
  const isTerminal = Deno.stdout.isTerminal();
  return {
    isTerminal,
    get columns(): number {
      try {
        return isTerminal ? Deno.consoleSize().columns : 80;
      } catch {
        return 80;
      }
    },
    write(text: string): void {
      const bytes = encoder.encode(text);
      try {
        for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
  };
}
