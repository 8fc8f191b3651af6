import { InputError } from "../errors.ts";
import { IMAGE_HEADER_BYTES } from "./image_record.ts";
import { RecordSet } from "./record_set.ts";
import { SampleSubset } from "./sample_subset.ts";
import type { TrainingSet } from "./training_set.ts";

/**
 * The label of every sample, from lists and headers of records alone: no image is read.
 *
 * @throws {InputError} naming the sample, if a label is no class of the set.
 */
export function sampleLabels(set: TrainingSet): Uint32Array {
  if (set instanceof SampleSubset) {
    const all = sampleLabels(set.set);
    return set.samples.map((sample) => all[sample]);
  }
  const labels = new Uint32Array(set.size);
  for (let i = 0; i < set.size; i++) {
    const label = set instanceof RecordSet ? recordLabel(set, i) : sourceLabel(set, i);
    if (!(Number.isInteger(label) && label! >= 0 && label! < set.classes)) {
      throw new InputError(
        `Cannot read the labels of ${set.name}: expected ${set.sampleName(i)} to have a label from 0 to ${
          set.classes - 1
        }, found ${label ?? "none"}; mend the label or the number of classes`,
      );
    }
    labels[i] = label!;
  }
  return labels;
}

function sourceLabel(set: TrainingSet, i: number): number | undefined {
  const source = set.source(i);
  return source.kind === "file" ? source.label : undefined;
}

/** A record's class: in its header, or the first of the labels behind it. */
function recordLabel(set: RecordSet, i: number): number | undefined {
  const start = set.reader.readStart(set.key(i), IMAGE_HEADER_BYTES + 4);
  if (start.length < IMAGE_HEADER_BYTES) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, start.length);
  if (view.getUint32(0, true) === 0) return view.getFloat32(4, true);
  return start.length < IMAGE_HEADER_BYTES + 4 ? undefined : view.getFloat32(IMAGE_HEADER_BYTES, true);
}
