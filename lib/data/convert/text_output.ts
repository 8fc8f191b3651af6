/** Lines of text on their way to a file, in pieces of a mebibyte. */
export class TextOutput {
  readonly #file: Deno.FsFile;
  readonly #attempt: (work: () => void) => void;
  #pending = "";

  /** Takes over the file. `attempt` runs what writes, and words its errors. */
  constructor(file: Deno.FsFile, attempt: (work: () => void) => void) {
    this.#file = file;
    this.#attempt = attempt;
  }

  /** Appends text. */
  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= 1 << 20) this.#flush();
  }

  /** Writes out the rest, brings it to the disk, and closes the file. */
  finish(): void {
    this.#flush();
    this.#attempt(() => this.#file.syncSync());
    this.#file.close();
  }

  #flush(): void {
    const bytes = new TextEncoder().encode(this.#pending);
    this.#pending = "";
    this.#attempt(() => {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    });
  }
}
