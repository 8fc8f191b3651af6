import assert from "node:assert/strict";
import { bundlePage, servePage } from "../../examples/browser/serve.ts";
import { createCodec } from "../../lib/data/image_codec.ts";
import { syntheticFace } from "../../lib/data/synthetic_faces.ts";
import { compareFaces } from "../../lib/eval/compare_faces.ts";
import { asTensorData, modelMetadata } from "../../lib/model/model_file.ts";
import { loadModel } from "../../lib/model/load_model.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { randomModel } from "../model/random_model.ts";
import { withFolder } from "../temporary_folder.ts";
import { findChromium, withPage } from "./chromium.ts";

const chromium = findChromium();
const skipped = chromium ? "" : " SKIPPED: no Chromium";

/** Sizes whose kernels other tests compile too; the best that the browser has, and what every browser has. */
const MODELS = [["iresnet18", 16, ""], ["mbf", 56, "&backend=cpu"]] as const;

Deno.test({
  name: `the page compares dropped photos as the library does${skipped}`,
  ignore: !chromium,
  fn: () =>
    withFolder(async (folder) => {
      using codec = await createCodec("wasm");
      const photos = [3, 8].map((identity) => {
        const pixels = syntheticFace({ identity, sample: 0, imageSize: 112 });
        return codec.encodeJpeg({ width: 112, height: 112, pixels });
      });
      const page = await bundlePage();
      for (const [name, imageSize, backendQuery] of MODELS) {
        const path = `${folder}/${name}.safetensors`;
        const stored = randomModel({ model: name, width: 1 / 16, imageSize, embeddingSize: 16 });
        writeSafetensors(path, asTensorData(stored.state), modelMetadata(stored));
        let expected: number;
        {
          using model = await loadModel(path);
          expected = compareFaces(await model.embed(photos)).similarity;
        }
        const handler = servePage(page, path);
        await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request, info) => {
          const photo = /^\/photo(\d)\.jpg$/.exec(new URL(request.url).pathname)?.[1];
          return photo ? new Response(photos[Number(photo)].slice()) : handler(request, info);
        });
        const url = `http://127.0.0.1:${server.addr.port}/?model=model.safetensors${backendQuery}`;
        await withPage(chromium!, url, async ({ evaluate, until, errors }) => {
          await until(`document.querySelector("#result").className === "waiting"`, 60_000);
          assert.equal(await evaluate(`document.querySelector("#result").textContent`), "Drop two photos here.");
          await evaluate(`(async () => {
            for (const place of [0, 1]) {
              const transfer = new DataTransfer();
              const blob = await (await fetch("photo" + place + ".jpg")).blob();
              transfer.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
              const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
              document.querySelector("#photo" + place).dispatchEvent(event);
            }
          })()`);
          await until(`["done", "failed"].includes(document.querySelector("#result").className)`, 60_000);
          const { similarity, backend } = await evaluate<Record<string, string>>(
            `({ ...document.querySelector("#result").dataset })`,
          );
          const text = await evaluate(`document.querySelector("#result").textContent`);
          // to random weights all faces are much alike: what counts is how far from 1
          assert.ok(
            Math.abs(Number(similarity) - expected) < 1e-3 * (1 - expected),
            `${backend}: ${similarity} ${expected} ${text}`,
          );
          assert.match(String(text), /^Similarity 0?[-.\d]+: (the same person|different people) at 0\.3\.$/);
          // what is no photo is said, and the page goes on
          await evaluate(`(() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["no photo"], "notes.txt"));
            const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
            document.querySelector("#photo0").dispatchEvent(event);
          })()`);
          await until(`document.querySelector("#result").className === "failed"`, 10_000);
          assert.match(
            await evaluate(`document.querySelector("#result").textContent`),
            /Cannot read the photo: expected a JPEG or PNG image/,
          );
          assert.deepEqual(errors, []);
        });
      }
    }),
});
