import cliProgress from "../deps/cli_progress.ts";

/** Where progress is shown; commands hand in the terminal. */
export interface ProgressWriter {
  /** Writes text as it is, at once. */
  write(text: string): void;
  /** Whether it is a terminal, where a bar can be redrawn. */
  readonly isTerminal: boolean;
  /** Width of the terminal, in characters. @default 80 */
  readonly columns?: number;
}

/** Lets warnings through and nothing else: of workers beside the one that shows progress. */
export function warningsOnly(write: (text: string) => void): ProgressWriter {
  return {
    write: (text) => {
      if (text.startsWith("warning")) write(text);
    },
    isTerminal: false,
  };
}

/** What there is to show; what is left out stays as it was. */
export interface ProgressMetrics {
  /** Steps finished. */
  step?: number;
  /** Number of the epoch, from 1. */
  epoch?: number;
  /** Mean loss. */
  loss?: number;
  /** Convergence parameter of the center-bias head. */
  t?: number;
  /** Mean of the margins of a batch. */
  marginMean?: number;
  /** Smallest of them. */
  marginMin?: number;
  /** Steps of mixed precision that were not taken. */
  skipped?: number;
  /** Largest of them. */
  marginMax?: number;
  /** Learning rate. */
  lr?: number;
  /** Speed. */
  imagesPerSecond?: number;
  /** How the workers' time goes, where there are several. */
  workers?: string;
  /** What is being done besides training, such as "verifying lfw 40 %"; "" for nothing. */
  doing?: string;
}

/** How progress is shown. */
export interface ProgressOptions {
  /** Without a terminal: seconds from one line to the next, at least. @default 10 */
  interval?: number;
  /** Milliseconds that only grow. @default performance.now */
  clock?: () => number;
}

/** The part of cli-progress that is used; it comes without types. */
interface Bar {
  start(total: number, value: number): void;
  update(value: number): void;
  render(): void;
  stop(): void;
}

/**
 * Shows how training goes: a bar on a terminal, else a plain line now and then.
 *
 * On a terminal the bar keeps a timer, so end it with `stop()` or `using`.
 *
 * @example
 * ```ts
 * import { Progress } from "./progress.ts";
 *
 * let shown = "";
 * using progress = new Progress({ write: (text) => shown += text, isTerminal: false });
 * progress.start(100);
 * progress.update({ step: 50, epoch: 1, loss: 12.5, imagesPerSecond: 400 });
 * console.assert(shown.startsWith("epoch 1  step 50/100  loss 12.5000  400 images/s"));
 * ```
 */
export class Progress implements Disposable {
  #writer: ProgressWriter;
  #interval: number;
  #clock: () => number;
  #bar: Bar | undefined;
  #metrics: ProgressMetrics = {};
  #total = 0;
  #startStep = 0;
  #startTime = 0;
  #lastLine = -Infinity;

  /** Nothing is written before `start`. */
  constructor(writer: ProgressWriter, { interval = 10, clock = () => performance.now() }: ProgressOptions = {}) {
    this.#writer = writer;
    this.#interval = interval;
    this.#clock = clock;
  }

  /** Begins to show; `step` of `totalSteps` are finished already when a run is resumed. */
  start(totalSteps: number, step = 0): void {
    this.stop();
    this.#metrics = { step };
    this.#total = totalSteps;
    this.#startStep = step;
    this.#startTime = this.#clock();
    this.#lastLine = -Infinity;
    if (!this.#writer.isTerminal) return;
    this.#bar = new cliProgress.SingleBar({
      format: (options: unknown, params: { progress: number }) => this.#barLine(options, params.progress),
      terminal: new BarTerminal(this.#writer),
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 16,
      fps: 5,
      forceRedraw: true, // a line may have been printed over it
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // signals are the trainer's
    }) as Bar;
    this.#bar.start(totalSteps, step);
  }

  /** Shows new numbers; may be called at every step. Without a terminal only those with a loss are worth a line. */
  update(metrics: ProgressMetrics): void {
    for (const [name, value] of Object.entries(metrics)) {
      if (value !== undefined) Object.assign(this.#metrics, { [name]: value });
    }
    if (this.#bar !== undefined) return this.#bar.update(this.#metrics.step ?? 0);
    if (metrics.loss === undefined || this.#writer.isTerminal) return;
    if (this.#clock() - this.#lastLine < this.#interval * 1000) return;
    this.#lastLine = this.#clock();
    this.#writer.write(`${this.#words().join("  ")}\n`);
  }

  /** Prints a line of text; on a terminal above the bar. */
  line(text: string): void {
    this.#writer.write(`${this.#bar === undefined ? "" : "\r\x1b[2K"}${text}\n`);
    this.#bar?.render();
  }

  /** Takes the bar away. Calling it again does nothing. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  /** Takes the bar away. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /** Each number with its name, the most important first; a narrow terminal cuts the last ones off. */
  #words(): string[] {
    const {
      step = 0,
      epoch,
      loss,
      t,
      marginMean,
      marginMin,
      marginMax,
      lr,
      imagesPerSecond,
      workers,
      doing,
      skipped = 0,
    } = this.#metrics;
    const margins = marginMin === undefined || marginMax === undefined
      ? ""
      : ` (${marginMin.toFixed(3)} to ${marginMax.toFixed(3)})`;
    const words = [
      epoch === undefined ? "" : `epoch ${epoch}`,
      `step ${step}/${this.#total}`,
      doing ?? "",
      loss === undefined ? "" : `loss ${loss.toFixed(4)}`,
      imagesPerSecond === undefined ? "" : `${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} images/s`,
      this.#timeLeft(step),
      workers ?? "",
      t === undefined ? "" : `t ${t.toFixed(4)}`,
      marginMean === undefined ? "" : `margin ${marginMean.toFixed(3)}${margins}`,
      skipped === 0 ? "" : `${skipped} skipped`,
      lr === undefined ? "" : `lr ${Number(lr.toPrecision(3))}`,
    ];
    return words.filter((word) => word !== "");
  }

  #timeLeft(step: number): string {
    const done = step - this.#startStep;
    if (done <= 0) return "";
    return `${duration((this.#clock() - this.#startTime) / done * (this.#total - step) / 1000)} left`;
  }

  #barLine(options: unknown, progress: number): string {
    const bar = cliProgress.Format.BarFormat(progress, options) as string;
    return `${bar} ${this.#words().join("  ")}`.slice(0, (this.#writer.columns ?? 80) - 1);
  }
}

/** Seconds in the form 1:02:03 or 2:03. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * A terminal for cli-progress that draws on the line the cursor is in. Its own one remembers where the bar began and goes
 * back there in the end, over the lines that were printed since.
 */
class BarTerminal {
  #writer: ProgressWriter;

  constructor(writer: ProgressWriter) {
    this.#writer = writer;
  }

  isTTY(): boolean {
    return true;
  }

  getWidth(): number {
    return this.#writer.columns ?? 80;
  }

  write(text: string): void {
    this.#writer.write(text);
  }

  cursor(shown: boolean): void {
    this.write(shown ? "\x1b[?25h" : "\x1b[?25l");
  }

  cursorTo(_column: number): void {
    this.write("\r");
  }

  clearRight(): void {
    this.write("\x1b[K");
  }

  clearLine(): void {
    this.write("\x1b[2K");
  }

  lineWrapping(on: boolean): void {
    this.write(on ? "\x1b[?7h" : "\x1b[?7l");
  }

  newline(): void {
    this.write("\n");
  }

  cursorSave(): void {}
  cursorRestore(): void {}
}
