import { createCodec } from "../../lib/data/image_codec.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { Random } from "../../lib/data/random.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { readSafetensors } from "../../lib/model/safetensors.ts";
import type { TrainOptions } from "../../lib/train/options.ts";
import { train, type TrainHooks, type TrainResult } from "../../lib/train/trainer.ts";

/** Images in the training set, and its classes. */
export const IMAGES = 32, CLASSES = 4;

/** A network of few and always the same shapes: kernels are compiled once. */
export const TINY: Partial<TrainOptions> = {
  width: 0.0625,
  imageSize: 16,
  embeddingSize: 16,
  batchSize: 8,
  accumulate: 2,
  numWorkers: 1,
  endEpoch: 2,
  lrMilestones: [1],
  lr: 0.02,
  scale: 16,
  logEvery: 1,
  codec: "wasm",
};

/** JPEG images: one color for each class, and noise. */
export async function tinyImages(count: number, imageSize = 16): Promise<Uint8Array[]> {
  using codec = await createCodec("wasm");
  const random = new Random(5, 0);
  return Array.from({ length: count }, (_, i) => {
    const pixels = Uint8Array.from({ length: imageSize * imageSize * 3 }, (_, at) => {
      const color = 40 + 50 * ((i % CLASSES + at % 3) % CLASSES);
      return color + random.below(40);
    });
    return codec.encodeJpeg({ width: imageSize, height: imageSize, pixels });
  });
}

/** A training set in `folder`, of which `change` may change images and labels; and pairs.bin beside it. */
export async function writeTinySet(
  folder: string,
  change: (image: { label: number; id: number; image: Uint8Array }) => void = () => {},
): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  const images = await tinyImages(IMAGES);
  using writer = RecordWriter.create(`${folder}/train.rec`);
  images.forEach((image, id) => {
    const record = { label: id % CLASSES, id, image };
    change(record);
    writer.write(id, encodeImageRecord(record));
  });
  writer.finish();
  Deno.writeTextFileSync(`${folder}/property`, `${CLASSES},16,16`);
  const same = Array.from({ length: 12 }, (_, i) => i % 2 === 0);
  const paired = same.flatMap((isSame, i) => [images[i], images[i + (isSame ? CLASSES : 1)]]);
  writePairSet(`${folder}/pairs.bin`, { images: paired, same });
}

/** Trains on the set in `folder`/set and keeps what is printed. */
export async function trainTiny(
  folder: string,
  options: Partial<TrainOptions> = {},
  hooks: TrainHooks = {},
): Promise<TrainResult & { text: string }> {
  let text = "";
  const writer = { write: (more: string) => void (text += more), isTerminal: false, ...hooks.writer };
  const own = { ...TINY, data: `${folder}/set`, val: [`${folder}/set/pairs.bin`], workDir: `${folder}/runs` };
  const given = options.resume === undefined ? { ...own, ...options } : options;
  const result = await train(given, { ...hooks, writer });
  return { ...result, text };
}

/** All that must not depend on how often a run was stopped: losses, figures, weights, the best model. */
export function outcome(run: string): Record<string, unknown> {
  const lines = (log: string) =>
    Deno.readTextFileSync(`${run}/${log}`).trimEnd().split("\n").map((line) => ({ ...JSON.parse(line), seconds: 0 }));
  const tensors = (name: string) =>
    Object.fromEntries([...readSafetensors(`${run}/${name}`).tensors].map(([key, { data }]) => [key, digest(data)]));
  const names = [...Deno.readDirSync(run)].map(({ name }) => name).sort();
  return {
    steps: lines("train_step_log.txt"),
    epochs: lines("train_epoch_log.txt"),
    validations: lines("val_epoch_log.txt"),
    last: tensors(names.filter((name) => /^checkpoint_\d+\.safetensors$/.test(name)).at(-1)!),
    best: tensors("best_iresnet18.safetensors"),
    names,
  };
}

function digest(data: ArrayBufferView): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `${bytes.length} bytes ${hash.toString(16)}`;
}
