import { statfsSync } from "node:fs";

/** What of this machine matters to a run. */
export interface Machine {
  readonly deno: string;
  /** Such as "x86_64-unknown-linux-gnu". */
  readonly target: string;
  readonly cores: number;
  /** Bytes of memory; what programs could have now. */
  readonly memory: { readonly total: number; readonly available: number };
  /** Bytes of the disk that the working folder is on; undefined where the system does not tell. */
  readonly disk: { readonly path: string; readonly total: number; readonly free: number } | undefined;
}

/** Looks at this machine. */
export function lookAtMachine(): Machine {
  const { total, available } = Deno.systemMemoryInfo();
  return {
    deno: Deno.version.deno,
    target: Deno.build.target,
    cores: navigator.hardwareConcurrency,
    memory: { total, available },
    disk: diskOf(Deno.cwd()),
  };
}

function diskOf(path: string): Machine["disk"] {
  try {
    const { bsize, blocks, bavail } = statfsSync(path);
    return { path, total: bsize * blocks, free: bsize * bavail };
  } catch {
    return undefined;
  }
}
