import { BinaryWriter, WireType } from "../deps/protobuf.ts";

/** Bytes up to this many are copied into the message; longer ones stay where they are until they are written. */
const COPIED = 4096;

/**
 * A protocol-buffers message in the making, as a list of pieces: weights are not copied on their way to the file, however deep their
 * message is nested.
 *
 * @source https://protobuf.dev/programming-guides/encoding/
 *
 * @example
 * ```ts
 * import { ProtobufMessage } from "./protobuf_message.ts";
 *
 * const inner = new ProtobufMessage().integer(1, 150);
 * const bytes = [...new ProtobufMessage().message(3, inner).pieces()].flatMap((piece) => [...piece]);
 * console.assert(bytes.join() === "26,3,8,150,1");
 * ```
 */
export class ProtobufMessage {
  #writer = new BinaryWriter();
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  /** A whole number. */
  integer(field: number, value: number): this {
    this.#writer.tag(field, WireType.Varint).int64(value);
    return this;
  }

  /** A number of 32 bits. */
  float(field: number, value: number): this {
    this.#writer.tag(field, WireType.Bit32).float(value);
    return this;
  }

  /** A text. */
  text(field: number, value: string): this {
    this.#writer.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  /** Bytes, which must not change until the message is written. */
  bytes(field: number, value: Uint8Array): this {
    this.#writer.tag(field, WireType.LengthDelimited).uint32(value.length);
    return this.#append([value]);
  }

  /** A message in this one. */
  message(field: number, value: ProtobufMessage): this {
    const pieces = value.pieces();
    this.#writer.tag(field, WireType.LengthDelimited).uint32(value.#length);
    return this.#append(pieces);
  }

  /** The message's bytes, piece by piece. */
  pieces(): readonly Uint8Array[] {
    this.#flush();
    return this.#pieces;
  }

  /** Bytes of the message. */
  get length(): number {
    this.#flush();
    return this.#length;
  }

  #append(pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) {
      if (piece.length <= COPIED) {
        this.#writer.raw(piece);
        continue;
      }
      this.#flush();
      this.#pieces.push(piece);
      this.#length += piece.length;
    }
    return this;
  }

  #flush(): void {
    const bytes = this.#writer.finish();
    this.#writer = new BinaryWriter();
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }
}
