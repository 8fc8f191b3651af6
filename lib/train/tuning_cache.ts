import { writeFileAtomic } from "../data/atomic_file.ts";
import * as z from "../deps/zod.ts";
import type { AdapterFacts } from "../gpu/adapter.ts";
import { choiceName } from "../gpu/conv_choice.ts";
import { type AskedPass, ConvChoices } from "../gpu/conv_choices.ts";
import { kernelsHash } from "../gpu/kernels_hash.ts";
import type { TunedPass } from "../gpu/tuner.ts";
import { vulkanDrivers } from "../gpu/vulkan_drivers.ts";

/** What times are only good for: another of any of these is another machine. */
const keySchema = z.strictObject({
  adapter: z.string(),
  vendor: z.string(),
  device: z.string(),
  /** Drivers there are, as WebGPU does not tell which one it uses. */
  drivers: z.array(z.string()),
  deno: z.string(),
  /** Of the kernels as they are generated. */
  kernels: z.string(),
});

const fileSchema = z.strictObject({
  format: z.literal("centerbias tuning 1"),
  machines: z.array(z.strictObject({
    key: keySchema,
    passes: z.record(z.string(), z.strictObject({ choice: z.string(), milliseconds: z.number() })),
  })),
});

type Key = z.output<typeof keySchema>;
type File = z.output<typeof fileSchema>;

/** A cache of a few thousand passes is some hundred kilobytes. */
const MAX_BYTES = 2 ** 24;

/** Where the cache is when nobody says otherwise; undefined if the machine has no home folder. */
export function tuningCachePath(env: (name: string) => string | undefined = Deno.env.get): string | undefined {
  const base = env("XDG_CACHE_HOME") || (env("HOME") && `${env("HOME")}/.cache`) || env("LOCALAPPDATA");
  return base && `${base}/centerbias/tuning.json`;
}

/**
 * The tuner's findings in a file that may be deleted, or shared between machines: each finds its own there.
 *
 * A file that is missing or of another format is an empty cache; {@linkcode problem} says why.
 */
export class TuningCache {
  readonly #path: string;
  readonly #key: Key;
  #file: File;
  /** What was wrong with the file, if anything. */
  readonly problem: string | undefined;

  private constructor(path: string, key: Key) {
    this.#path = path;
    this.#key = key;
    this.#file = { format: "centerbias tuning 1", machines: [] };
    try {
      if (Deno.statSync(path).size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
      this.#file = fileSchema.parse(JSON.parse(Deno.readTextFileSync(path)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      const why = error instanceof z.ZodError ? "it is of another format" : (error as Error).message;
      this.problem = `Cannot read the tuner's cache ${path}: ${why}; it is taken for empty`;
    }
  }

  /** Opens the cache for an adapter. */
  static async open(path: string, { name, vendor, device }: AdapterFacts): Promise<TuningCache> {
    const drivers = vulkanDrivers().map(({ library, apiVersion }) => `${library} ${apiVersion}`);
    const kernels = await kernelsHash();
    return new TuningCache(path, { adapter: name, vendor, device, drivers, deno: Deno.version.deno, kernels });
  }

  /** Takes up what is known of these passes; gives those of which nothing is. */
  apply(choices: ConvChoices, passes: readonly AskedPass[]): AskedPass[] {
    const known = this.#mine()?.passes ?? {};
    return passes.filter(({ layer, pass }) => {
      const found = known[ConvChoices.key(layer, pass)];
      return found === undefined || !choices.setByName(layer, pass, found.choice);
    });
  }

  /** Adds findings and writes the file. */
  add(tuned: readonly TunedPass[]): void {
    const added = Object.fromEntries(
      tuned.map(({ layer, pass, choice, milliseconds }) => [
        ConvChoices.key(layer, pass),
        { choice: choiceName(choice), milliseconds },
      ]),
    );
    const mine = this.#mine();
    const others = this.#file.machines.filter((machine) => machine !== mine);
    this.#file = { ...this.#file, machines: [...others, { key: this.#key, passes: { ...mine?.passes, ...added } }] };
    const folder = this.#path.slice(0, this.#path.lastIndexOf("/"));
    if (folder !== "") Deno.mkdirSync(folder, { recursive: true });
    writeFileAtomic(this.#path, new TextEncoder().encode(JSON.stringify(this.#file, undefined, 1)), { force: true });
  }

  #mine(): File["machines"][number] | undefined {
    const wanted = JSON.stringify(this.#key);
    return this.#file.machines.find(({ key }) => JSON.stringify(key) === wanted);
  }
}
