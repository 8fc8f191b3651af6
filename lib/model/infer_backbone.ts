import { InputError } from "../errors.ts";
import { BACKBONES } from "../nn/backbone.ts";
import { IRESNET_BLOCKS } from "../nn/iresnet.ts";
import { MOBILEFACENET_SHAPES } from "../nn/mobilefacenet.ts";
import type { NetworkFacts } from "./network_plan.ts";

/** What is known of a model beside its file; it wins over what the file says or its shapes tell. */
export interface BackboneHints {
  /** Backbone, such as `iresnet50`. */
  readonly backbone?: string;
  /** Multiplier of every channel count. */
  readonly width?: number;
  /** Height and width of the images. */
  readonly imageSize?: number;
  /** Length of an embedding. */
  readonly embeddingSize?: number;
}

/** Channel counts, and what they are at width 1. */
type Counts = readonly (readonly [count: number | undefined, base: number])[];

/** What the shapes tell; undefined where they do not. */
interface Findings {
  readonly model: string;
  readonly counts: Counts;
  readonly side: number | undefined;
  readonly embeddingSize: number | undefined;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Strides of two from the images to the last channels. */
const REDUCTION = 16;
const LARGEST_WIDTH = 8;

/**
 * Finds which backbone weights belong to by their names and shapes: PyTorch's files do not say. The image size is the largest that
 * gives the last layer's side: 112 for 7, where 97 to 112 would.
 *
 * @throws {InputError} if the names are of no backbone, or of one with other numbers of blocks, and no hint names it.
 *
 * @example
 * ```ts
 * import { inferBackbone } from "./infer_backbone.ts";
 * import { planNetwork, planShapes } from "./network_plan.ts";
 *
 * const facts = { model: "iresnet34", width: 0.5, imageSize: 112, embeddingSize: 256 };
 * const shapes = planShapes(planNetwork(facts));
 * console.assert(JSON.stringify(inferBackbone(shapes, "model.pth")) === JSON.stringify(facts));
 * ```
 */
export function inferBackbone(
  shapes: ReadonlyMap<string, readonly number[]>,
  source: string,
  hints: BackboneHints = {},
): NetworkFacts {
  const { backbone } = hints;
  if (backbone !== undefined && !BACKBONES.includes(backbone)) {
    throw new InputError(
      `Cannot load model ${source}: expected backbone to be one of ${BACKBONES.join(", ")}, found ${backbone}`,
    );
  }
  const mobile = backbone === undefined ? shapes.has("conv_sep.layers.0.weight") : backbone in MOBILEFACENET_SHAPES;
  const found = mobile ? inferMobileFaceNet(shapes, source, backbone) : inferIResNet(shapes, source, backbone);
  return {
    model: found.model,
    width: hints.width ?? widthOf(found.counts) ?? 1,
    imageSize: hints.imageSize ?? (found.side === undefined ? 112 : REDUCTION * found.side),
    embeddingSize: hints.embeddingSize ?? found.embeddingSize ?? 512,
  };
}

function inferIResNet(shapes: Shapes, source: string, named: string | undefined): Findings {
  const blocks = [1, 2, 3, 4].map((layer) => countBlocks(shapes, `layer${layer}.`));
  const model = named ?? Object.keys(IRESNET_BLOCKS).find((name) => IRESNET_BLOCKS[name].join() === blocks.join());
  if (model === undefined) {
    const known = Object.entries(IRESNET_BLOCKS).map(([name, counts]) => `${name} (${counts.join(", ")})`);
    if (blocks.every((count) => count === 0)) throw unknown(shapes, source);
    throw new InputError(
      `Cannot load model ${source}: expected blocks as in ${known.join(", ")}, found ${blocks.join(", ")}; ` +
        `it is of another backbone`,
    );
  }
  const channels = [1, 2, 3, 4].map((layer) => shapes.get(`layer${layer}.0.conv1.weight`)?.[0]);
  const [embeddingSize, fan] = shapes.get("fc.weight") ?? [];
  const side = Math.sqrt(fan / (channels[3] ?? NaN));
  return {
    model,
    counts: channels.map((count, i) => [count, 64 << i]),
    side: Number.isInteger(side) && side > 0 ? side : undefined,
    embeddingSize,
  };
}

function inferMobileFaceNet(shapes: Shapes, source: string, named: string | undefined): Findings {
  const single = shapes.has("layers.1.layers.0.weight");
  const blocks = [
    single ? 1 : countBlocks(shapes, "layers.1.layers."),
    ...[3, 5, 7].map((stage) => countBlocks(shapes, `layers.${stage}.layers.`)),
  ];
  const model = named ??
    Object.keys(MOBILEFACENET_SHAPES).find((name) => MOBILEFACENET_SHAPES[name].blocks.join() === blocks.join());
  if (model === undefined) {
    const known = Object.entries(MOBILEFACENET_SHAPES).map(([name, { blocks }]) => `${name} (${blocks.join(", ")})`);
    throw new InputError(
      `Cannot load model ${source}: expected blocks as in ${known.join(", ")}, found ${blocks.join(", ")}; ` +
        `it is of another backbone`,
    );
  }
  const outputs = (name: string) => shapes.get(`${name}.layers.0.weight`)?.[0];
  const first = outputs("layers.0");
  return {
    model,
    counts: [
      [first === undefined ? undefined : first / MOBILEFACENET_SHAPES[model].scale, 64],
      [outputs("layers.2.layers.0"), 128],
      [outputs("layers.4.layers.0"), 256],
      [outputs("layers.6.layers.0"), 512],
      [outputs("conv_sep"), 512],
    ],
    side: shapes.get("features.layers.0.layers.0.weight")?.[2],
    embeddingSize: shapes.get("features.layers.2.weight")?.[0],
  };
}

/** How many numbers follow `prefix` in names: blocks of a layer. */
function countBlocks(shapes: Shapes, prefix: string): number {
  const numbers = new Set<string>();
  for (const name of shapes.keys()) {
    if (name.startsWith(prefix)) numbers.add(/^\d+(?=\.)/.exec(name.slice(prefix.length))?.[0] ?? "");
  }
  numbers.delete("");
  return numbers.size;
}

/**
 * The simplest width that gives all these counts by rounding: of two decimals, else the ratio of the last count, else more
 * decimals. Undefined where none does.
 */
function widthOf(counts: Counts): number | undefined {
  let least = 0, most = LARGEST_WIDTH;
  for (const [count, base] of counts) {
    if (count === undefined) return undefined;
    if (count > 1) least = Math.max(least, (count - 0.5) / base); // a count of one is also what is rounded down
    most = Math.min(most, (count + 0.5) / base);
  }
  const fits = (width: number) =>
    width > 0 && counts.every(([count, base]) => Math.max(1, Math.round(base * width)) === count);
  const decimal = (digits: number) => {
    const unit = 10 ** digits;
    const candidates = [Math.ceil(least * unit) / unit, Math.floor(least * unit + 1) / unit];
    return candidates.find((width) => width <= most && fits(width));
  };
  const [last, base] = counts[counts.length - 1];
  const ratio = last! / base;
  return decimal(0) ?? decimal(1) ?? decimal(2) ?? (fits(ratio) ? ratio : undefined) ??
    Array.from({ length: 10 }, (_, i) => decimal(3 + i)).find((width) => width !== undefined);
}

function unknown(shapes: Shapes, source: string): InputError {
  const names = [...shapes.keys()];
  const some = names.length === 0
    ? "none"
    : `${names.slice(0, 3).join(", ")} and ${Math.max(0, names.length - 3)} more`;
  return new InputError(
    `Cannot load model ${source}: expected the weights of an IResNet or a MobileFaceNet by PyTorch's names ` +
      `(conv1.weight, layer1.0.bn1.weight …; layers.0.layers.0.weight …), found ${
        some.slice(0, 300)
      }; it is of another backbone`,
  );
}
