import type { GroupMemoryParts } from "./group_memory.ts";

/** What the launcher posts to a rank's worker. */
export type ToRank =
  | { readonly kind: "start"; readonly rank: number; readonly size: number; readonly input: unknown }
  | { readonly kind: "join"; readonly memory: GroupMemoryParts; readonly limit: number }
  | { readonly kind: "buffers"; readonly buffers: readonly SharedArrayBuffer[] }
  | { readonly kind: "message"; readonly message: unknown };

/** What a rank's worker posts to the launcher. */
export type FromRank =
  | { readonly kind: "opened"; readonly found: unknown }
  | { readonly kind: "allocate"; readonly bytes: number }
  | { readonly kind: "message"; readonly message: unknown }
  | { readonly kind: "result"; readonly result: unknown }
  | {
    readonly kind: "failure";
    /** The rank that is the cause. */
    readonly rank: number;
    readonly reason: string;
    readonly isInput: boolean;
    /** The rank that tells has ended; else it is still at work. */
    readonly hasEnded: boolean;
  };
