import { InputError } from "../errors.ts";
import type { AdapterFacts } from "../gpu/adapter.ts";
import { adapterMemory } from "../gpu/adapter_memory.ts";
import type { ConvChoices } from "../gpu/conv_choices.ts";
import { fittingBatch, type MemoryPlan, needed, planMemory } from "./memory_plan.ts";
import type { TrainOptions } from "./options.ts";

/** What a run takes, and whether there is as much. */
export interface MemoryCheck {
  /** What it takes, by what for. */
  readonly plan: MemoryPlan;
  /** Bytes of the adapter's memory it takes. */
  readonly needed: number;
  /** Bytes there are; undefined where nobody tells. */
  readonly available: number | undefined;
  /** Whether it fits; true too where `available` is not known. */
  readonly fits: boolean;
  /** Images at once that fit, where the ones asked for do not; undefined where not even one does. */
  readonly fittingBatch: number | undefined;
}

/**
 * Plans a run's memory and compares it with what the adapter has.
 *
 * `available` takes the place of what the adapter says.
 */
export function checkMemory(
  machine: { readonly adapter: AdapterFacts; readonly choices: ConvChoices },
  options: TrainOptions,
  classes: number,
  available = adapterMemory(machine.adapter),
): MemoryCheck {
  const plan = planMemory(machine, options, classes);
  const bytes = needed(plan, machine.adapter);
  const fits = available === undefined || bytes <= available;
  const batch = fits ? undefined : fittingBatch(machine, options, classes, available);
  return { plan, needed: bytes, available, fits, fittingBatch: batch };
}

/** The plan as a table, a line per purpose. */
export function memoryTable({ plan, needed, available }: MemoryCheck, { software }: AdapterFacts): string[] {
  const rows: [string, number][] = [
    ["network: weights, running statistics", plan.weights],
    ["optimizer: their velocities", plan.optimizer],
    ["head: weights, velocities, centers", plan.head],
    ["activations, gradients, scratch", plan.activations],
    ...plan.copies > 0 ? [["copies that kernels read", plan.copies] as [string, number]] : [],
    [`decoded batches${software ? "" : " (not on the adapter)"}`, plan.loader],
    ["all on the adapter", needed],
    ...available === undefined ? [] : [["available", available] as [string, number]],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const figures = rows.map(([, bytes]) => megabytes(bytes));
  const digits = Math.max(...figures.map((figure) => figure.length));
  return rows.map(([name], i) => `  ${name.padEnd(width)}  ${figures[i].padStart(digits)}`);
}

/** Why a run that does not fit is refused: one line, and what would fit. */
export function refusal(
  { needed, available, fittingBatch }: MemoryCheck,
  options: TrainOptions,
  adapter: AdapterFacts,
): InputError {
  const advice = fittingBatch === undefined
    ? "not even one image at once fits: take a smaller --model, --image-size or --width, or fewer classes"
    : `--batch-size ${fittingBatch} fits, or --accumulate ${
      Math.ceil(options.batchSize / fittingBatch)
    } for steps of the same size`;
  return new InputError(
    `Cannot train on ${adapter.name}: expected a run of at most ${megabytes(available!)}, which are available, found ${
      megabytes(needed)
    } for ${options.model} in batches of ${
      Math.ceil(options.batchSize / options.accumulate)
    }; ${advice} (doctor --plan shows what takes how much)`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
