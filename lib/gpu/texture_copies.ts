import { TEXTURE_WIDTH, type TextureRead } from "./kernels/texture_reads.ts";

/** What is copied: a buffer or a part of it. */
export interface CopySource {
  readonly buffer: GPUBuffer;
  /** First byte; a multiple of 256. */
  readonly offset: number;
  /** Bytes; a multiple of 4. */
  readonly size: number;
  /** Whose values these are: while they do not change, the copy serves again. */
  readonly owner: object;
  /** They are some of its values only, as kernels go over it: the copy serves the next kernels, and is not kept beyond them. */
  readonly part: boolean;
}

/** Bytes of copies. */
export interface CopyBounds {
  /** Over these a copy takes the place of an older one of its kind. @default 2^28 */
  readonly most?: number;
  /** Over these others have to go. @default `most` */
  readonly ceiling?: number;
}

interface Copy {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
  readonly bytes: number;
  readonly format: TextureRead["format"];
  /** Copies of the same format and height can take each other's place. */
  readonly kind: string;
  /** Undefined once its values are others. */
  source: CopySource | undefined;
  /** Number of the kernel that read it last. */
  kernel: number;
}

/**
 * The height of a texture for so many rows: 3, 5, 6, 7 and these times powers of two. Few different heights, so that textures can take each
 * other's place; and no power of two, for which Mesa's software adapter would compile the kernel once more.
 */
export function textureHeight(rows: number): number {
  if (rows <= 3) return 3;
  const step = 2 ** Math.max(0, Math.floor(Math.log2(rows)) - 2);
  const height = Math.ceil(rows / step);
  return (height === 4 ? 5 : height === 8 ? 10 : height) * step;
}

/** Bytes of copies from which the next takes the place of another of its kind. */
const MOST_BYTES = 2 ** 28;

/**
 * Copies of buffers as textures, for kernels that read through textures. The most recently used are kept and serve again until
 * {@linkcode TextureCopies.changed} says that their owner's values are others.
 */
export class TextureCopies {
  readonly #device: GPUDevice;
  readonly #isAlive: (owner: object) => boolean;
  readonly #most: number;
  readonly #ceiling: number;
  /** From the one not used for longest. */
  readonly #copies = new Set<Copy>();
  /** The same, by kind. */
  readonly #kinds = new Map<string, Set<Copy>>();
  readonly #owned = new WeakMap<object, Copy[]>();
  /** No longer wanted, yet perhaps part of commands that were not submitted. */
  readonly #leaving: GPUTexture[] = [];
  #leavingBytes = 0;
  #haveLeft = false;
  #bytes = 0;
  #kernel = 0;

  /** Copies on a device. `isAlive` says whether an owner is still there, so that its copy may be read again. */
  constructor(
    device: GPUDevice,
    isAlive: (owner: object) => boolean,
    { most = MOST_BYTES, ceiling = most }: CopyBounds = {},
  ) {
    this.#device = device;
    this.#isAlive = isAlive;
    this.#most = most;
    this.#ceiling = ceiling;
  }

  /** Says that the copies asked for from here on are for another kernel: those of the one before may be taken. */
  nextKernel(): void {
    this.#kernel++;
  }

  /** The source as a texture. `encoder` gives an encoder for the copy, and is called only if there is one to make. */
  of(source: CopySource, { format, bytes }: TextureRead, encoder: () => GPUCommandEncoder): GPUTextureView {
    const { buffer, offset, size, owner } = source;
    const owned = this.#owned.get(owner) ?? [];
    const there = owned.find((copy) =>
      copy.format === format && copy.source!.offset === offset && copy.source!.size === size
    );
    if (there) return this.#used(there).view;
    const texels = size / bytes;
    const copy = this.#used(this.#take(format, Math.ceil(texels / TEXTURE_WIDTH), bytes));
    copy.source = source;
    // Read anew: a copy of this owner may have been taken just now.
    this.#owned.set(owner, [...this.#owned.get(owner) ?? [], copy]);
    const to = encoder();
    const rows = Math.floor(texels / TEXTURE_WIDTH);
    const bytesPerRow = TEXTURE_WIDTH * bytes;
    if (rows > 0) to.copyBufferToTexture({ buffer, offset, bytesPerRow }, copy, [TEXTURE_WIDTH, rows]);
    const rest = texels % TEXTURE_WIDTH;
    if (rest > 0) {
      const from = { buffer, offset: offset + rows * bytesPerRow };
      to.copyBufferToTexture(from, { texture: copy.texture, origin: [0, rows] }, [rest, 1]);
    }
    return copy.view;
  }

  /** Says that the values of an owner were changed in place. */
  changed(owner: object): void {
    const copies = this.#owned.get(owner);
    if (!copies) return;
    this.#owned.delete(owner);
    for (const copy of copies) copy.source = undefined;
  }

  /** Whether a texture had to go since the start, so that commands which used it cannot be given again. */
  get haveLeft(): boolean {
    return this.#haveLeft;
  }

  /** Whether so much memory waits for a submit that it is time for one. */
  get leaves(): boolean {
    return this.#leavingBytes > MOST_BYTES;
  }

  /** Says that everything recorded so far is submitted, and nothing of it needs a texture that is not kept. */
  submitted(): void {
    for (const texture of this.#leaving.splice(0)) texture.destroy();
    this.#leavingBytes = 0;
  }

  /** Frees all of them; everything recorded so far must have been submitted. */
  dispose(): void {
    this.submitted();
    for (const copy of this.#copies) {
      this.#free(copy);
      copy.texture.destroy();
    }
    this.#copies.clear();
    this.#kinds.clear();
    this.#bytes = 0;
  }

  #used(copy: Copy): Copy {
    copy.kernel = this.#kernel;
    this.#copies.delete(copy);
    this.#copies.add(copy);
    const kind = this.#kinds.get(copy.kind) ?? new Set();
    kind.delete(copy);
    kind.add(copy);
    this.#kinds.set(copy.kind, kind);
    return copy;
  }

  /** A texture for new values. Commands keep their order, so that one whose values are used no more can be taken at once. */
  #take(format: TextureRead["format"], rows: number, texelBytes: number): Copy {
    const height = textureHeight(rows);
    const bytes = TEXTURE_WIDTH * texelBytes * height;
    const kind = `${format} ${height}`;
    const full = this.#bytes + bytes > this.#most;
    let oldest: Copy | undefined;
    for (const copy of this.#kinds.get(kind) ?? []) {
      if (!copy.source) return copy;
      const idle = copy.kernel !== this.#kernel;
      if (idle && (copy.source.part || !this.#isAlive(copy.source.owner))) return this.#free(copy);
      if (idle) oldest ??= copy;
    }
    if (full && oldest) return this.#free(oldest);
    for (const copy of this.#copies) {
      if (this.#bytes + bytes <= this.#ceiling) break;
      if (copy.kernel === this.#kernel) continue;
      this.#free(copy);
      this.#copies.delete(copy);
      this.#kinds.get(copy.kind)!.delete(copy);
      this.#bytes -= copy.bytes;
      this.#leaving.push(copy.texture);
      this.#haveLeft = true;
      this.#leavingBytes += copy.bytes;
    }
    const texture = this.#device.createTexture({
      label: "copy of a buffer",
      size: [TEXTURE_WIDTH, height],
      format,
      usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
    });
    this.#bytes += bytes;
    return { texture, view: texture.createView(), bytes, format, kind, source: undefined, kernel: this.#kernel };
  }

  #free(copy: Copy): Copy {
    if (copy.source) {
      const { owner } = copy.source;
      const others = this.#owned.get(owner)!.filter((other) => other !== copy);
      if (others.length > 0) this.#owned.set(owner, others);
      else this.#owned.delete(owner);
      copy.source = undefined;
    }
    return copy;
  }
}
