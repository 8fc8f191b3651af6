import assert from "node:assert/strict";
import { createCodec } from "../../lib/data/image_codec.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { type Batch, Loader, type LoaderOptions } from "../../lib/data/loader.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { Sampler } from "../../lib/data/sampler.ts";
import type { TrainingSet } from "../../lib/data/training_set.ts";

const codec = await createCodec("wasm");
const OPTIONS = { batchSize: 4, imageSize: 8, seed: 21, workers: 1, codec: "wasm" } as const;

interface SetOptions {
  size: number;
  classes?: number;
  corrupt?: number[];
  label?: (i: number) => number;
}

/** A set whose sample i is a flat image of grey i (mod 256) and, unless told otherwise, class i. */
async function withSet(options: SetOptions, body: (set: TrainingSet) => Promise<void>): Promise<void> {
  const { size, classes = size, corrupt = [], label = (i) => i } = options;
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/train.rec`;
    const writer = RecordWriter.create(path);
    const offsets = Array.from({ length: size }, (_, i) => {
      const image = codec.encodeJpeg({ width: 8, height: 8, pixels: new Uint8Array(192).fill(i) });
      const bytes = corrupt.includes(i) ? image.subarray(0, image.length - 9) : image;
      return writer.write(i + 1, encodeImageRecord({ label: label(i), id: i + 1, image: bytes }));
    });
    writer.finish();
    await body({
      name: path,
      size,
      classes,
      imageSize: [8, 8],
      source: (i) => ({ kind: "record", path, offset: offsets[i] }),
      sampleName: (i) => `key ${i + 1}`,
      [Symbol.dispose]() {},
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function collect(set: TrainingSet, options: Partial<LoaderOptions>, epoch = 0, position = 0): Promise<Batch[]> {
  using loader = new Loader(set, { ...OPTIONS, ...options });
  return await Array.fromAsync(loader.epoch(epoch, position));
}

Deno.test("Loader gives the sampler's order in batches, each image with its label, the last batch smaller", async () => {
  await withSet({ size: 22 }, async (set) => {
    for (const workers of [0, 1, 2]) {
      const batches = await collect(set, { workers }, 3);
      assert.deepEqual(batches.map(({ size }) => size), [4, 4, 4, 4, 4, 2]);
      assert.deepEqual(batches.map(({ position }) => position), [4, 8, 12, 16, 20, 22]);
      const samples = batches.flatMap((batch) => [...batch.samples]);
      assert.deepEqual(samples, [...new Sampler({ size: 22, seed: 21 }).order(3)]);
      for (const { size, images, labels, samples, flips } of batches) {
        assert.deepEqual([images.length, flips.length], [size * 192, size]);
        for (let i = 0; i < size; i++) {
          assert.deepEqual(images.subarray(i * 192, (i + 1) * 192), new Uint8Array(192).fill(samples[i]));
          assert.equal(labels[i], samples[i]);
        }
      }
    }
  });
});

Deno.test("Loader taken up at any batch's position continues with the same batches, corrupt images or not", async () => {
  const order = [...new Sampler({ size: 300, seed: 21 }).order(1)];
  await withSet({ size: 300, corrupt: [order[40], order[293]] }, async (set) => {
    const whole = await collect(set, { batchSize: 32, workers: 2 }, 1);
    assert.deepEqual(whole.map(({ size }) => size), [...new Array(9).fill(32), 10]);
    assert.equal(whole[1].position, 65); // one place further: a sample was left out
    for (const k of [1, 2, 7]) {
      assert.deepEqual(await collect(set, { batchSize: 32, prefetch: 1 }, 1, whole[k - 1].position), whole.slice(k));
    }
  });
});

Deno.test("Loader names each corrupt image once and leaves it out", async () => {
  await withSet({ size: 250, corrupt: [17, 99] }, async (set) => {
    using loader = new Loader(set, { ...OPTIONS, batchSize: 50 });
    for (const epoch of [0, 1]) {
      const samples = (await Array.fromAsync(loader.epoch(epoch))).flatMap((batch) => [...batch.samples]);
      assert.equal(samples.length, 248);
      assert.ok(!samples.includes(17) && !samples.includes(99));
    }
    assert.deepEqual(loader.corrupt.map(({ name }) => name).sort(), ["key 100", "key 18"]);
    assert.match(loader.corrupt[0].reason, /Cannot decode JPEG/);
    assert.deepEqual([loader.corruptCount, loader.seen], [2, 500]);
  });
});

Deno.test("Loader stops where more than 1 % is corrupt, with the number, names and reasons", async () => {
  await withSet(
    { size: 400, corrupt: [3, 4, 5, 6, 7, ...Array.from({ length: 100 }, (_, i) => 100 + i)] },
    async (set) => {
      await assert.rejects(collect(set, {}), {
        name: "InputError",
        message:
          /train\.rec: expected at most 1 % corrupt images, found \d\d of 100: key \d+ \(Cannot decode JPEG.*, …/,
      });
    },
  ); // at once
  await withSet({ size: 300, corrupt: [3, 70, 140, 210] }, async (set) => {
    await assert.rejects(collect(set, {}), /found 4 of 300/); // at the end of an epoch
  });
  await withSet({ size: 20, corrupt: [3] }, async (set) => {
    await assert.rejects(collect(set, {}), /found 1 of 20: key 4 \(/);
  });
});

Deno.test("Loader: flips depend on seed, epoch and sample alone, and are half of all", async () => {
  await withSet({ size: 120 }, async (set) => {
    const flips = async (options: Partial<LoaderOptions>, epoch: number) => {
      const found: number[] = [];
      for (const batch of await collect(set, options, epoch)) {
        batch.samples.forEach((s, i) => found[s] = batch.flips[i]);
      }
      return found;
    };
    const first = await flips({}, 0);
    assert.deepEqual(await flips({ batchSize: 7, workers: 2 }, 0), first);
    assert.notDeepEqual(await flips({}, 1), first);
    assert.notDeepEqual(await flips({ seed: 22 }, 0), first);
    const count = first.reduce((sum, flip) => sum + flip, 0);
    assert.ok(count > 40 && count < 80, String(count));
    assert.ok((await flips({ flip: false }, 0)).every((flip) => flip === 0));
  });
});

Deno.test("Loader: ranks share each batch, in their order, also from the middle of an epoch", async () => {
  await withSet({ size: 23 }, async (set) => {
    for (const position of [0, 10]) {
      const whole = await collect(set, { batchSize: 5 }, 2, position);
      const shares = await Promise.all(
        [0, 1, 2].map((rank) => collect(set, { batchSize: 5, rank, ranks: 3 }, 2, position)),
      );
      whole.forEach(({ samples, labels, flips, position: after }, i) => {
        const parts = shares.map((share) => share[i]);
        assert.deepEqual(parts.flatMap((one) => [...one.samples]), [...samples]);
        assert.deepEqual(parts.flatMap((one) => [...one.labels]), [...labels]);
        assert.deepEqual(parts.flatMap((one) => [...one.flips]), [...flips]);
        assert.ok(parts.every((one) => one.position === after));
      });
      assert.deepEqual(shares[0].map(({ size }) => size), position === 0 ? [2, 2, 2, 2, 1] : [2, 2, 1]);
    }
  });
});

Deno.test("Loader left early, or closed while a batch is waited for, frees everything and does not hang", async () => {
  await withSet({ size: 60 }, async (set) => {
    using loader = new Loader(set, OPTIONS);
    for await (const batch of loader.epoch(0)) {
      if (batch.position >= 8) break;
    }
    const again = loader.epoch(0);
    assert.equal((await again.next()).value.position, 4);
    const waiting = again.next();
    loader.close();
    await assert.rejects(async () => {
      await waiting;
      for await (const _ of again); // what had arrived may still be given
    }, /closed/);
    await assert.rejects(loader.epoch(1).next(), /closed/);
  });
});

Deno.test("Loader refuses labels that are no class, naming file, key, label and classes", async () => {
  for (const [label, found] of [[5, "5"], [-1, "-1"], [1.5, "1.5"], [NaN, "NaN"]] as const) {
    await withSet({ size: 8, classes: 5, label: (i) => i === 6 ? label : 0 }, async (set) => {
      await assert.rejects(collect(set, {}), {
        name: "InputError",
        message: new RegExp(`train\\.rec: expected key 7 .*0 to 4 \\(5 classes\\), found ${found};`),
      });
    });
  }
});

Deno.test("Loader refuses a batch larger than the set, an empty set, zero classes and wrong numbers", async () => {
  await withSet({ size: 8 }, async (set) => {
    const refuses = (options: Partial<LoaderOptions>, message: RegExp, changed: Partial<TrainingSet> = {}) =>
      assert.throws(() => new Loader({ ...set, ...changed }, { ...OPTIONS, ...options }), {
        name: "InputError",
        message,
      });
    refuses({ batchSize: 9 }, /batch of 9 images, found 8; use a batch size of 8 or less/);
    refuses({ batchSize: 9, ranks: 2 }, /batch of 9 images, found 8/);
    refuses({ batchSize: 2, ranks: 3 }, /batch size of 3 or more, one for each of 3 workers, found 2/);
    refuses({ batchSize: 0 }, /batch size/);
    refuses({ prefetch: 0 }, /prefetch/);
    refuses({ imageSize: 0 }, /image size/);
    refuses({}, /0 images/, { size: 0 });
    refuses({}, /0 classes/, { classes: 0 });
    await assert.rejects(collect(set, {}, 0, 9), /position from 0 to 8/);
    assert.deepEqual(await collect(set, {}, 0, 8), []);
  });
});
