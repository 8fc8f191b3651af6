/**
 * Numbers classes 0 … C-1 in the sorted order of their names: by value when all are whole numbers ("2" before "10"),
 * else by code unit. Collects one name per sample, holding each distinct name once.
 */
export class ClassNames {
  readonly #numbers = new Map<string, number>();
  #labels: Int32Array = new Int32Array(1024);
  #size = 0;

  /** Adds a sample of the class with this name. */
  add(name: string): void {
    let number = this.#numbers.get(name);
    if (number === undefined) this.#numbers.set(name, number = this.#numbers.size);
    if (this.#size === this.#labels.length) {
      const grown = new Int32Array(this.#size * 2);
      grown.set(this.#labels);
      this.#labels = grown;
    }
    this.#labels[this.#size++] = number;
  }

  /** Each sample's label, in the order they were added, and each class's name. */
  finish(): { labels: Int32Array; names: string[] } {
    const found = [...this.#numbers.keys()];
    const isNumeric = found.every((name) => /^[+-]?\d{1,15}$/.test(name));
    const names = found.toSorted(
      isNumeric ? (a, b) => Number(a) - Number(b) || order(a, b) : order,
    );
    const labelOf = new Int32Array(names.length);
    names.forEach((name, label) => labelOf[this.#numbers.get(name)!] = label);
    const labels = this.#labels.slice(0, this.#size);
    for (let i = 0; i < labels.length; i++) labels[i] = labelOf[labels[i]];
    return { labels, names };
  }
}

/** By code unit, whatever the locale: the same on every machine. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
