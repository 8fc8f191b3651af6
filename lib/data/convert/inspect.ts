import { ImageDecoder } from "../image_decoder.ts";
import type { ImageSource } from "../image_source.ts";
import { openTrainingSet } from "../open_training_set.ts";
import { readPairSet } from "../pair_set.ts";
import type { TrainingSet } from "../training_set.ts";
import { type ClassCounts, countClasses } from "./class_counts.ts";
import type { ConvertProgress } from "./convert_options.ts";

/** How a data set is looked through. */
export interface InspectOptions {
  /** Called with the images done. @default {"nothing is reported"} */
  onProgress?: ConvertProgress;
}

/** An image that cannot be used. */
export interface BadImage {
  /** "key 17", a file's path, "image 3 (pair 1)". */
  name: string;
  /** Why. */
  reason: string;
}

/** What was found in the images of any set. */
export interface ImageFindings {
  /** How many have each size, the most frequent first. */
  sizes: { height: number; width: number; images: number }[];
  /** Images that cannot be decoded. */
  corrupt: number;
  /** The first of them. */
  corruptImages: BadImage[];
}

/** What a training set holds. */
export interface TrainingSetReport extends ImageFindings {
  /** Tells the two reports apart. */
  kind: "training set";
  /** The path as it was given. */
  path: string;
  /** Number of images, corrupt ones too. */
  images: number;
  /** Classes as the set says: property, else its labels. */
  classes: number;
  /** Image size in `property`. */
  propertySize: { height: number; width: number } | undefined;
  /** Images per class. */
  imagesPerClass: ClassCounts;
  /** Labels that are not 0 … classes-1. */
  badLabels: number;
  /** The first of them. */
  badLabelImages: BadImage[];
}

/** What a verification set holds. */
export interface PairSetReport extends ImageFindings {
  /** Tells the two reports apart. */
  kind: "pair set";
  /** The path as it was given. */
  path: string;
  /** Number of pairs. */
  pairs: number;
  /** Those of one person. */
  same: number;
  /** Those of two. */
  different: number;
  /** Number of images: two per pair. */
  images: number;
}

/** Images decoded at once; two such batches are under way. */
const BATCH = 128;
/** Bad images that are named; all are counted. */
const NAMED = 1000;

/**
 * Looks a data set through: a .bin as a verification set, all else as a training set. Every image is read and decoded.
 *
 * @throws {InputError} if the set itself cannot be opened; what is wrong with single images is in the report.
 */
export async function inspectSet(
  path: string,
  options: InspectOptions = {},
): Promise<TrainingSetReport | PairSetReport> {
  return await (/\.(bin|pkl|pickle)$/i.test(path) ? inspectPairs(path, options) : inspectTraining(path, options));
}

async function inspectTraining(path: string, options: InspectOptions): Promise<TrainingSetReport> {
  using set = openTrainingSet(path);
  const counts = new Uint32Array(set.classes);
  const badLabelImages: BadImage[] = [];
  let badLabels = 0;
  const addLabel = (i: number, label: number) => {
    if (Number.isInteger(label) && label >= 0 && label < set.classes) {
      counts[label]++;
    } else if (++badLabels <= NAMED) {
      badLabelImages.push({ name: set.sampleName(i), reason: `label ${label} is not one of 0 to ${set.classes - 1}` });
    }
  };
  const findings = await lookThrough(
    set.size,
    (i) => set.source(i),
    (i) => set.sampleName(i),
    sizeOf(set),
    addLabel,
    options,
  );
  return {
    kind: "training set",
    path,
    images: set.size,
    classes: set.classes,
    propertySize: set.imageSize && { height: set.imageSize[0], width: set.imageSize[1] },
    imagesPerClass: countClasses(counts),
    badLabels,
    badLabelImages,
    ...findings,
  };
}

async function inspectPairs(path: string, options: InspectOptions): Promise<PairSetReport> {
  using set = readPairSet(path);
  const same = set.same.filter((isSame) => isSame).length;
  const findings = await lookThrough(
    2 * set.pairs,
    (i) => ({ kind: "bytes", bytes: set.image(i) }),
    (i) => `image ${i} (pair ${i >> 1})`,
    112,
    () => {},
    options,
  );
  const { pairs } = set;
  return { kind: "pair set", path, pairs, same, different: pairs - same, images: 2 * pairs, ...findings };
}

/** What decoded pixels are resized to does not matter here: as they are, where that is known. */
function sizeOf({ imageSize }: TrainingSet): number {
  return imageSize === undefined ? 112 : Math.min(Math.max(...imageSize), 1024);
}

async function lookThrough(
  count: number,
  source: (i: number) => ImageSource,
  name: (i: number) => string,
  imageSize: number,
  addLabel: (i: number, label: number) => void,
  { onProgress }: InspectOptions,
): Promise<ImageFindings> {
  const decoder = new ImageDecoder({ imageSize });
  const sizes = new Map<string, number>();
  const corruptImages: BadImage[] = [];
  let corrupt = 0;
  const addCorrupt = (i: number, reason: string) => {
    if (++corrupt <= NAMED) corruptImages.push({ name: name(i), reason });
  };

  /** Reads what of the batch can be read: a damaged entry of a .bin shows here already. */
  const begin = (from: number) => {
    const places: number[] = [], sources: ImageSource[] = [];
    for (let i = from; i < Math.min(from + BATCH, count); i++) {
      try {
        sources.push(source(i));
        places.push(i);
      } catch (error) {
        addCorrupt(i, (error as Error).message);
      }
    }
    return { places, images: decoder.decode(sources) };
  };

  try {
    let ahead = begin(0);
    for (let from = 0; from < count; from += BATCH) {
      const batch = ahead;
      if (from + BATCH < count) ahead = begin(from + BATCH);
      for (const [k, image] of (await batch.images).entries()) {
        if (image.label !== undefined) addLabel(batch.places[k], image.label);
        if (image.error !== undefined) {
          addCorrupt(batch.places[k], image.error);
        } else {
          const size = `${image.height}x${image.width}`;
          sizes.set(size, (sizes.get(size) ?? 0) + 1);
        }
      }
      onProgress?.(Math.min(from + BATCH, count), count);
    }
  } finally {
    await decoder.close();
  }
  const sorted = [...sizes].sort((a, b) => b[1] - a[1]).map(([size, images]) => {
    const [height, width] = size.split("x").map(Number);
    return { height, width, images };
  });
  return { sizes: sorted, corrupt, corruptImages };
}
