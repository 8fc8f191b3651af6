import { lookThrough, type LookThroughOptions } from "../check/look_through.ts";
import { type DataSet, openDataSet } from "../data_set.ts";
import { type ClassCounts, countClasses } from "./class_counts.ts";
import type { ConvertProgress } from "./convert_options.ts";

/** How a data set is looked through. */
export interface InspectOptions {
  /** Called with the images done. @default {"nothing is reported"} */
  onProgress?: ConvertProgress;
}

/** How an open set is looked through. */
export interface InspectDataSetOptions extends Partial<LookThroughOptions> {
  /** Pixels a side of the images that `onImage` is told of. @default as they are, where that is known: it does not matter here */
  readonly imageSize?: number;
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
  using set = openDataSet(path);
  return await inspectDataSet(set, options);
}

/** Looks an open set through. */
export async function inspectDataSet(
  set: DataSet,
  { imageSize = sizeOf(set), checksums, onImage, onProgress, signal }: InspectDataSetOptions = {},
): Promise<TrainingSetReport | PairSetReport> {
  const { path, size: images, training, pairs } = set;
  const classes = training?.classes ?? 0;
  const counts = new Uint32Array(classes);
  const sizes = new Map<string, number>();
  const corrupt = new Named(), badLabels = new Named();
  await lookThrough(set, {
    ...{ imageSize, checksums, onProgress, signal },
    onImage: (i, image) => {
      const { label, error, width, height } = image;
      if (error !== undefined) corrupt.add(set.nameOf(i), error);
      else sizes.set(`${height}x${width}`, (sizes.get(`${height}x${width}`) ?? 0) + 1);
      if (training !== undefined && label !== undefined) {
        if (Number.isInteger(label) && label >= 0 && label < classes) counts[label]++;
        else badLabels.add(set.nameOf(i), `label ${label} is not one of 0 to ${classes - 1}`);
      }
      onImage?.(i, image);
    },
  });
  const findings: ImageFindings = {
    sizes: [...sizes].sort((a, b) => b[1] - a[1]).map(([size, images]) => {
      const [height, width] = size.split("x").map(Number);
      return { height, width, images };
    }),
    corrupt: corrupt.count,
    corruptImages: corrupt.first,
  };
  if (training === undefined) {
    const { pairs: count, same: truths } = pairs!;
    const same = truths.filter((isSame) => isSame).length;
    return { kind: "pair set", path, pairs: count, same, different: count - same, images, ...findings };
  }
  const { imageSize: property } = training;
  return {
    ...{ kind: "training set", path, images, classes },
    propertySize: property && { height: property[0], width: property[1] },
    imagesPerClass: countClasses(counts),
    badLabels: badLabels.count,
    badLabelImages: badLabels.first,
    ...findings,
  };
}

function sizeOf({ training }: DataSet): number {
  return training?.imageSize === undefined ? 112 : Math.min(Math.max(...training.imageSize), 1024);
}

/** Images that are counted, the first of them named. */
class Named {
  count = 0;
  readonly first: BadImage[] = [];

  add(name: string, reason: string): void {
    if (++this.count <= NAMED) this.first.push({ name, reason });
  }
}
