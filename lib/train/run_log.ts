import { writeFileAtomic } from "../data/atomic_file.ts";
import { ioError } from "../data/io_error.ts";
import { InputError } from "../errors.ts";
import type { TrainOptions } from "./options.ts";
import { writeOptionsFile } from "./options_file.ts";

/** One line of a log: what was measured, and where in the run. Numbers that are not finite are written as text. */
export interface LogLine {
  /** Number of the epoch, from 1. */
  epoch: number;
  /** Steps finished since the beginning of the run. */
  step: number;
  /** Whatever was measured: `total_loss`, `t`, `margin_mean`, `accuracy` … */
  [name: string]: unknown;
}

/** Where a run was when the checkpoint that it goes on from was written. */
export interface ResumePoint {
  /** Steps finished. */
  step: number;
  /** Epochs finished. */
  epoch: number;
  /** Steps that were finished at the last validation; undefined before the first. */
  validated: number | undefined;
  /** Whether nothing is left to do: then hparam.yaml stays as it is. @default false */
  finished?: boolean;
}

/** Names of the logs. */
const LOGS = { step: "train_step_log.txt", epoch: "train_epoch_log.txt", validation: "val_epoch_log.txt" } as const;

type LogName = keyof typeof LOGS;

/** What is written of a run besides checkpoints. */
export interface RunRecords extends Disposable {
  /** The run's folder. */
  readonly folder: string;
  /** Appends to the log of steps. */
  step(lines: LogLine[]): void;
  /** Appends to the log of epochs. */
  epoch(line: LogLine): void;
  /** Appends to the log of validations, one line per set. */
  validation(lines: LogLine[]): void;
  /** Writes what a finished run comes to. */
  result(result: Record<string, unknown>): void;
  /** Brings all lines to the disk. */
  sync(): void;
}

/** Of a worker beside the one that writes: nothing. */
export function noRecords(folder: string): RunRecords {
  const nothing = () => {};
  return {
    folder,
    step: nothing,
    epoch: nothing,
    validation: nothing,
    result: nothing,
    sync: nothing,
    [Symbol.dispose]: nothing,
  };
}

/**
 * The folder of a run, `<workDir>/<prefix>/exp<N>`, and what is written there besides checkpoints: hparam.yaml, three
 * logs of one JSON object per line, result.json.
 *
 * @example
 * ```ts
 * import { parseTrainOptions } from "./options.ts";
 * import { RunLog } from "./run_log.ts";
 *
 * const workDir = Deno.makeTempDirSync();
 * {
 *   using log = RunLog.create(parseTrainOptions({ workDir, prefix: "trial" }));
 *   log.step([{ epoch: 1, step: 50, total_loss: 12.5 }]);
 *   console.assert(log.folder === `${workDir}/trial/exp1`);
 * }
 * Deno.removeSync(workDir, { recursive: true });
 * ```
 */
export class RunLog implements RunRecords {
  /** The run's folder. */
  readonly folder: string;
  #files: Partial<Record<LogName, Deno.FsFile>> = {};
  #silent: boolean;

  private constructor(folder: string, options: TrainOptions) {
    this.folder = folder;
    this.#silent = options.noLog;
  }

  /**
   * Makes the folder of a new run: number `expNum`, or one above the highest there is.
   *
   * @throws {InputError} if the numbered folder is there already, or cannot be made.
   */
  static create(options: TrainOptions): RunLog {
    const series = `${options.workDir}/${options.prefix}`;
    try {
      Deno.mkdirSync(series, { recursive: true });
      for (let n = options.expNum ?? nextFree(series);; n++) {
        const folder = `${series}/exp${n}`;
        try {
          Deno.mkdirSync(folder);
          writeOptions(folder, { ...options, expNum: n });
          return new RunLog(folder, options);
        } catch (error) {
          if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
          if (options.expNum !== undefined) {
            throw new InputError(
              `Cannot start a run in ${folder}: it is there already; give --resume ${folder} to go on with it or another --exp-num`,
            );
          }
        }
      }
    } catch (error) {
      throw ioError("make the run's folder in", series, error);
    }
  }

  /**
   * Goes on in the folder `options.resume`. Lines that were logged after the checkpoint `from` are cut off, so that no
   * line comes twice; so is a last line that was not finished.
   *
   * @throws {InputError} if the folder or its logs cannot be read and written.
   */
  static resume(options: TrainOptions, from: ResumePoint): RunLog {
    const folder = options.resume?.replace(/(?<=.)\/+$/, "");
    if (folder === undefined) {
      throw new InputError("Cannot resume a run: expected its folder in option resume, found none");
    }
    try {
      if (!Deno.statSync(folder).isDirectory) {
        throw new InputError(`Cannot resume ${folder}: expected the folder of a run, found a file`);
      }
      cutAfter(`${folder}/${LOGS.step}`, (line) => line.step <= from.step);
      cutAfter(`${folder}/${LOGS.epoch}`, (line) => line.epoch <= from.epoch);
      cutAfter(`${folder}/${LOGS.validation}`, (line) => line.step <= (from.validated ?? -1));
    } catch (error) {
      throw ioError("resume", folder, error);
    }
    if (!from.finished) writeOptions(folder, options);
    return new RunLog(folder, options);
  }

  /** Appends to the log of steps. */
  step(lines: LogLine[]): void {
    this.#append("step", lines);
  }

  /** Appends to the log of epochs; it and the log of steps are on the disk then. */
  epoch(line: LogLine): void {
    this.#append("epoch", [line]);
    this.sync();
  }

  /** Appends to the log of validations, one line per set. */
  validation(lines: LogLine[]): void {
    this.#append("validation", lines);
    this.sync();
  }

  /** Writes result.json, whole or not at all. */
  result(result: Record<string, unknown>): void {
    const text = `${JSON.stringify(result, finite, 2)}\n`;
    writeFileAtomic(`${this.folder}/result.json`, new TextEncoder().encode(text), { force: true });
  }

  /** Brings all lines to the disk. */
  sync(): void {
    try {
      for (const file of Object.values(this.#files)) file.syncDataSync();
    } catch (error) {
      throw ioError("write the logs in", this.folder, error);
    }
  }

  /** Closes the logs. */
  close(): void {
    for (const file of Object.values(this.#files)) file.close();
    this.#files = {};
  }

  /** Closes the logs. */
  [Symbol.dispose](): void {
    this.close();
  }

  #append(name: LogName, lines: LogLine[]): void {
    if (this.#silent || lines.length === 0) return;
    const path = `${this.folder}/${LOGS[name]}`;
    const bytes = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line, finite)}\n`).join(""));
    try {
      const file = this.#files[name] ??= Deno.openSync(path, { append: true, create: true });
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    } catch (error) {
      throw ioError("write", path, error);
    }
  }
}

/** The folder is the run's own name; which run was resumed is no option of the run itself. */
function writeOptions(folder: string, options: TrainOptions): void {
  writeOptionsFile(`${folder}/hparam.yaml`, { ...options, resume: undefined });
}

/** JSON has no NaN and no infinity; null would hide which of them it was. */
function finite(_name: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function nextFree(series: string): number {
  let highest = 0;
  for (const { name } of Deno.readDirSync(series)) {
    const n = Number(/^exp(\d{1,9})$/.exec(name)?.[1] ?? 0);
    if (n > highest) highest = n;
  }
  return highest + 1;
}

/** Cuts a log off before its first line that is not to be kept, not whole, or not a log's. Nothing is done if there is none. */
function cutAfter(path: string, keep: (line: LogLine) => boolean): void {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  using _ = file;
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(1 << 16);
  let rest = new Uint8Array(0);
  let kept = 0;
  for (let read = file.readSync(chunk); read !== null && rest.length < LONGEST_LINE; read = file.readSync(chunk)) {
    const bytes = new Uint8Array(rest.length + read);
    bytes.set(rest);
    bytes.set(chunk.subarray(0, read), rest.length);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const line = parseLine(decoder.decode(bytes.subarray(from, end)));
      if (line === undefined || !keep(line)) return file.truncateSync(kept);
      kept += end + 1 - from;
      from = end + 1;
    }
    rest = bytes.slice(from);
  }
  file.truncateSync(kept);
}

/** No line of ours is longer; a file without line ends is not read into memory whole. */
const LONGEST_LINE = 1 << 20;

function parseLine(text: string): LogLine | undefined {
  try {
    const line = JSON.parse(text);
    return Number.isFinite(line?.step) && Number.isFinite(line?.epoch) ? line : undefined;
  } catch {
    return undefined;
  }
}
