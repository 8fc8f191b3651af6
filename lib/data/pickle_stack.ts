import { describePickle } from "./pickle_values.ts";

// A stranger's file may ask for any number of values with one byte each: these bound what it can make us hold. A set of
// 7000 pairs in protocol 2 makes some 200,000 values, 60,000 of them containers.
const MOST_VALUES = 1 << 24;
const MOST_CONTAINERS = 1 << 22;
const MOST_MEMOS = 1 << 22;
const MOST_MARKS = 1000;

/** The stack, marks and memo of a pickle in progress, bounded. */
export class PickleStack {
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  readonly #report: (what: string) => never;
  #values = 0;
  #containers = 0;

  /** An empty stack; `report` throws the error that says where the pickle is wrong. */
  constructor(report: (what: string) => never) {
    this.#report = report;
  }

  /** Whether neither values nor marks are left. */
  get empty(): boolean {
    return this.#stack.length === 0 && this.#marks.length === 0;
  }

  /** Puts a constant or a remembered value on top. */
  push(value: unknown): void {
    if (++this.#values > MOST_VALUES) this.#fail(`more than ${MOST_VALUES} values`);
    this.#stack.push(value);
  }

  /** Puts a new object on top. */
  pushContainer(value: unknown): void {
    if (++this.#containers > MOST_CONTAINERS) this.#fail(`more than ${MOST_CONTAINERS} lists, tuples and dicts`);
    this.push(value);
  }

  /** Marks the place on top. */
  mark(): void {
    if (this.#marks.length >= MOST_MARKS) this.#fail(`values nested more than ${MOST_MARKS} deep`);
    this.#marks.push(this.#stack.length);
  }

  /** Takes the value on top. */
  pop(): unknown {
    this.#need(1);
    return this.#stack.pop();
  }

  /** Takes the mark on top, or else the value. */
  popOrUnmark(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  /** Takes the uppermost values, the lowest of them first. */
  popMany(count: number): unknown[] {
    this.#need(count);
    return this.#stack.splice(this.#stack.length - count, count);
  }

  /** Takes the last mark and the values above it. */
  popMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) this.#fail("expected a mark on the stack, found none");
    return this.#stack.splice(mark);
  }

  /** The value on top, which stays. */
  top(): unknown {
    this.#need(1);
    return this.#stack[this.#stack.length - 1];
  }

  /** The list on top, which stays. */
  topList(): unknown[] {
    const list = this.top();
    if (!Array.isArray(list)) this.#fail(`expected a list to append to, found ${describePickle(list)}`);
    return list;
  }

  /** Remembers the value on top as entry `index`, by default the next one. */
  memoize(index: number = this.#memo.size): void {
    if (this.#memo.size >= MOST_MEMOS) this.#fail(`more than ${MOST_MEMOS} memo entries`);
    this.#memo.set(index, this.top());
  }

  /** Puts the remembered entry `index` on top. */
  recall(index: number): void {
    if (!this.#memo.has(index)) this.#fail(`expected memo entry ${index}, found none`);
    this.push(this.#memo.get(index));
  }

  /** Values below the last mark cannot be reached, as in Python. */
  #need(count: number): void {
    if (this.#stack.length - count >= (this.#marks.at(-1) ?? 0)) return;
    this.#fail(
      count === 1 ? "expected a value on the stack, found none" : `expected ${count} values on the stack, found fewer`,
    );
  }

  #fail(what: string): never {
    return this.#report(what);
  }
}
