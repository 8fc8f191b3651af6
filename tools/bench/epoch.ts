import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { createCodec } from "../../lib/data/image_codec.ts";
import { Loader } from "../../lib/data/loader.ts";
import { openTrainingSet } from "../../lib/data/open_training_set.ts";
import { formatProperty } from "../../lib/data/property.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { syntheticFace } from "../../lib/data/synthetic_face.ts";
import { InputError } from "../../lib/errors.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { batchParts } from "../../lib/train/batch_parts.ts";
import { StepReadings } from "../../lib/train/step_readings.ts";
import { TrainingStep } from "../../lib/train/training_step.ts";
import { HEAD_DIALS } from "../peers/stock_head.ts";
import { SGD_DIALS } from "../peers/stock_training.ts";
import type { BenchOptions } from "./options.ts";
import type { Report } from "./report.ts";
import { dialText } from "./step.ts";

/** Steps before the timed ones: they compile kernels, and the workers get ahead. */
const WARM_UPS = 3;

/** Steps that may go unread, as in training. */
const MOST_UNREAD = 10;

/** Different pictures of a set made on the spot. */
const PICTURES = 64;

/**
 * Steps as in training, from a .rec through the loader's workers to the GPU: images a second, and `wait_share`, the share of the time in
 * which the loop waits for a batch that is not ready. Scalars are read as in training: where that is after every step, as on slow
 * adapters, the GPU has nothing to do while the loop waits; else what is queued goes on, and the share is the most that it can be.
 */
export async function benchEpoch(gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const { data, batchSize = 8, steps, imageSize } = options;
  if (data !== undefined) return await benchSet(gpu, options, report, data);
  const folder = Deno.makeTempDirSync({ prefix: "centerbias-bench-" });
  try {
    await writeSet(folder, Math.max(PICTURES, batchSize * Math.min(steps + WARM_UPS, 64)), imageSize);
    await benchSet(gpu, options, report, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function benchSet(gpu: Gpu, options: BenchOptions, report: Report, data: string): Promise<void> {
  const { model = "iresnet18", width, imageSize, batchSize = 8, steps } = options;
  using resources = new DisposableStack();
  const set = resources.use(openTrainingSet(data));
  const loader = resources.use(
    new Loader(set, { batchSize, imageSize, seed: 21, workers: workersOf(options, report) }),
  );
  const backbone = resources.adopt(createBackbone(gpu, model, { width, imageSize }), (one) => one.dispose());
  const embeddingSize = backbone.options.embeddingSize;
  const head = resources.adopt(
    createHead(gpu, "center_bias", { classes: set.classes, embeddingSize, ...HEAD_DIALS }),
    (one) => one.dispose(),
  );
  const step = resources.adopt(new TrainingStep(gpu, backbone, head, SGD_DIALS), (one) => one.dispose());
  const readings = new StepReadings(step, MOST_UNREAD);
  let began = 0, waited = 0, images = 0, done = 0;
  for (let epoch = 0; done < steps + WARM_UPS; epoch++) {
    const batches = loader.epoch(epoch);
    try {
      for (;;) {
        if (done === WARM_UPS) {
          await readings.read();
          [began, waited, images] = [performance.now(), 0, 0];
        }
        if (done === steps + WARM_UPS) break;
        const asked = performance.now();
        const { value: batch, done: atEnd } = await batches.next();
        waited += performance.now() - asked;
        if (atEnd) break;
        // Another size would compile its own kernels.
        if (batch.size < batchSize) continue;
        step.run(batchParts(gpu, batch, imageSize, 1), 1e-4);
        readings.add({ step: ++done, rate: 1e-4, batch: batch.samples });
        images += batch.size;
        if (readings.dueAfter(0)) await readings.read();
      }
    } finally {
      await batches.return?.(undefined);
    }
  }
  await readings.read();
  const milliseconds = performance.now() - began;
  report.add(`epoch ${model}${dialText(width, imageSize)} batch ${batchSize}`, {
    ours_ms: milliseconds / steps,
    images_per_second: 1000 * images / milliseconds,
    wait_share: waited / milliseconds,
    steps,
    classes: set.classes,
    codec: await loader.codec,
  });
}

/** In a bundle the workers' program is not there as a file: the main thread decodes. */
function workersOf({ workers }: BenchOptions, report: Report): number | undefined {
  if (import.meta.url.endsWith("/tools/bench/epoch.ts")) return workers;
  if (workers) {
    throw new InputError(
      `Cannot decode in ${workers} workers: expected the project's folder, found a bundle; leave out --workers`,
    );
  }
  report.note("a bundle decodes in the main thread: images/s are those of one thread for everything");
  return 0;
}

/** A training set of `count` synthetic faces, of which a few are different, in the form of the large sets. */
async function writeSet(folder: string, count: number, imageSize: number): Promise<void> {
  using codec = await createCodec("auto");
  const pictures = Array.from({ length: PICTURES }, (_, i) => {
    const pixels = syntheticFace({ identity: i, sample: 0, imageSize });
    return codec.encodeJpeg({ width: imageSize, height: imageSize, pixels }, { quality: 95 });
  });
  using writer = RecordWriter.create(`${folder}/train.rec`);
  for (let id = 0; id < count; id++) {
    const label = id % PICTURES;
    writer.write(id, encodeImageRecord({ label, id, image: pictures[label] }));
  }
  writer.finish();
  Deno.writeTextFileSync(
    `${folder}/property`,
    formatProperty({ classes: PICTURES, height: imageSize, width: imageSize }),
  );
}
