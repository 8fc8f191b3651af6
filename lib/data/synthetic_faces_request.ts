/** What a worker is to draw: one message for many faces. */
export interface FacesRequest {
  /** [faces, 2]: each one's person and picture. */
  readonly faces: Uint32Array;
  /** Seed of all people. */
  readonly seed: number;
  /** Pixels a side. */
  readonly imageSize: number;
  /** How much a person's pictures differ. */
  readonly variation: number;
  /** JPEG quality. */
  readonly quality: number;
}

/** The JPEG files, one after the other. */
export interface FacesReply {
  /** All files. */
  readonly bytes: Uint8Array;
  /** [faces]: each one's length. */
  readonly lengths: Uint32Array;
}
