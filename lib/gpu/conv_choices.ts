import { choiceName, type ConvChoice, convChoices, type KernelFamily, productTiles } from "./conv_choice.ts";
import type { ProductTile } from "./kernels/matrix_product.ts";
import type { AdapterFacts } from "./adapter.ts";
import type { ConvLayer, ConvPassName } from "./conv_layer.ts";
import { winogradChunks, winogradFits } from "./winograd_chunks.ts";

/** A pass of a layer that was asked for. */
export interface AskedPass {
  /** The layer. */
  readonly layer: ConvLayer;
  /** Which of its passes. */
  readonly pass: ConvPassName;
}

/** Which way each pass of each layer is computed: the default until the tuner, or a test, says otherwise. */
export class ConvChoices {
  readonly #limits: AdapterFacts["limits"];
  readonly #chosen = new Map<string, ConvChoice>();
  readonly #asked = new Map<string, AskedPass>();
  /** Takes, of a pass's choices, the first whose name has this in it; for tests and measurements. */
  prefer: string | undefined;
  /** The family of kernels; each computes on every adapter, slowly on the other kind. */
  family: KernelFamily;

  /** Starts with the defaults. */
  constructor(adapter: AdapterFacts) {
    this.#limits = adapter.limits;
    this.family = adapter.software ? "registers" : "workgroup";
  }

  /** The tile of a plain product of matrices of `work` multiplications. */
  productTile(work: number): ProductTile {
    return productTiles({ family: this.family, limits: this.#limits }, work)[0];
  }

  /** What a pass is called: its shape, whatever the network. */
  static key({ batch, input, output, filter, stride, pad, half }: ConvLayer, pass: ConvPassName): string {
    const shape = `${batch}x${input.join("x")} ${filter.join("x")} -> ${output.join("x")} stride ${stride} pad ${pad}`;
    return `${pass} ${shape}${half ? " half" : ""}`;
  }

  /** Every way to compute a pass on this device, the default first. */
  all(layer: ConvLayer, pass: ConvPassName): ConvChoice[] {
    const limit = this.#limits.maxStorageBufferBindingSize;
    return convChoices(
      { family: this.family, limits: this.#limits },
      layer,
      pass,
      (size) => winogradFits(layer) && winogradChunks(limit, layer, size) !== undefined,
    );
  }

  /** The way to compute a pass. */
  of(layer: ConvLayer, pass: ConvPassName): ConvChoice {
    const key = ConvChoices.key(layer, pass);
    if (!this.#asked.has(key)) this.#asked.set(key, { layer, pass });
    const { prefer } = this;
    if (prefer !== undefined) {
      const all = this.all(layer, pass);
      return all.find((choice) => choiceName(choice).includes(prefer)) ?? all[0];
    }
    let choice = this.#chosen.get(key);
    if (!choice) this.#chosen.set(key, choice = this.all(layer, pass)[0]);
    return choice;
  }

  /** Decides a pass. */
  set(layer: ConvLayer, pass: ConvPassName, choice: ConvChoice): void {
    this.#chosen.set(ConvChoices.key(layer, pass), choice);
  }

  /** Decides a pass by the name of one of its choices; false if it has none of that name. */
  setByName(layer: ConvLayer, pass: ConvPassName, name: string): boolean {
    const choice = this.all(layer, pass).find((one) => choiceName(one) === name);
    if (choice) this.set(layer, pass, choice);
    return choice !== undefined;
  }

  /** Every pass asked for since the last call of {@linkcode forgetAsked}, by its key. */
  get asked(): ReadonlyMap<string, AskedPass> {
    return this.#asked;
  }

  /** Begins a new list of passes asked for. */
  forgetAsked(): void {
    this.#asked.clear();
  }
}
