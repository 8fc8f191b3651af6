import { TEXTURE_WIDTH, type TextureRead } from "./kernels/texture_reads.ts";

/** What is copied: a buffer or a part of it. */
export interface CopySource {
  readonly buffer: GPUBuffer;
  /** First byte; a multiple of 256. */
  readonly offset: number;
  /** Bytes; a multiple of 4. */
  readonly size: number;
  /** Whose values these are, if they are all of its values: while they do not change, the copy serves again. */
  readonly owner?: object;
}

interface Copy {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
  readonly bytes: number;
  /** Copies of the same format and height can take each other's place. */
  readonly format: TextureRead["format"];
  readonly height: number;
  owner: object | undefined;
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

/** Copies kept beyond what the kernel at hand reads. */
const MOST_BYTES = 2 ** 28;

/**
 * Copies of buffers as textures, for kernels that read through textures. The most recently used are kept and serve again until
 * {@linkcode TextureCopies.changed} says that their owner's values are others.
 */
export class TextureCopies {
  readonly #device: GPUDevice;
  /** From the one not used for longest. */
  readonly #copies = new Set<Copy>();
  readonly #owned = new WeakMap<object, Copy>();
  /** No longer wanted, yet perhaps part of commands that were not submitted. */
  readonly #leaving: GPUTexture[] = [];
  #bytes = 0;

  /** Copies on a device. */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The source as a texture. `encoder` gives an encoder for the copy, and is called only if there is one to make. */
  of(
    { buffer, offset, size, owner }: CopySource,
    { format, bytes }: TextureRead,
    encoder: () => GPUCommandEncoder,
  ): GPUTextureView {
    const texels = size / bytes;
    const there = owner && this.#owned.get(owner);
    if (there?.format === format) return this.#used(there).view;
    const copy = this.#used(this.#take(format, Math.ceil(texels / TEXTURE_WIDTH), bytes));
    copy.owner = owner;
    if (there) there.owner = undefined;
    if (owner) this.#owned.set(owner, copy);
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
    const copy = this.#owned.get(owner);
    if (!copy) return;
    this.#owned.delete(owner);
    copy.owner = undefined;
  }

  /** Says that everything recorded so far is submitted, and nothing of it needs a texture that is not kept. */
  submitted(): void {
    for (const texture of this.#leaving.splice(0)) texture.destroy();
  }

  #used(copy: Copy): Copy {
    this.#copies.delete(copy);
    this.#copies.add(copy);
    return copy;
  }

  /** A texture for new values. Commands keep their order, so that one whose values are used no more can be taken at once. */
  #take(format: TextureRead["format"], rows: number, texelBytes: number): Copy {
    const height = textureHeight(rows);
    const bytes = TEXTURE_WIDTH * texelBytes * height;
    const full = this.#bytes + bytes > MOST_BYTES;
    // A kernel has fewer bindings than this: the latest are not taken from it.
    const free = [...this.#copies].slice(0, -16);
    const same = free.filter((copy) => copy.format === format && copy.height === height);
    const old = same.find(({ owner }) => !owner) ?? (full ? same[0] : undefined);
    if (old) {
      if (old.owner) this.changed(old.owner);
      return old;
    }
    for (const copy of free) {
      if (this.#bytes + bytes <= MOST_BYTES) break;
      if (copy.owner) this.changed(copy.owner);
      this.#copies.delete(copy);
      this.#bytes -= copy.bytes;
      this.#leaving.push(copy.texture);
    }
    const texture = this.#device.createTexture({
      label: "copy of a buffer",
      size: [TEXTURE_WIDTH, height],
      format,
      usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
    });
    this.#bytes += bytes;
    return { texture, view: texture.createView(), bytes, format, height, owner: undefined };
  }
}
