/** The page: a model and two photos are dropped on it, and it says how similar the faces are. Nothing leaves the browser. */
import type { RgbImage } from "../../lib/data/rgb_image.ts";
import { compareFaces } from "../../lib/eval/compare_faces.ts";
import { type BrowserModel, loadBrowserModel, startTensors } from "./browser_model.ts";

// What Deno's own types lack of a browser's page; only what is used here.
interface PageElement {
  textContent: string;
  value: string;
  files: FileList;
  className: string;
  dataset: Record<string, string>;
  src: string;
  addEventListener(event: string, listener: (event: PageEvent) => void): void;
  querySelector(selector: string): PageElement;
}
interface FileList extends Iterable<File> {
  readonly length: number;
}
interface PageEvent {
  preventDefault(): void;
  readonly dataTransfer: { readonly files: FileList };
}
interface Canvas {
  getContext(kind: "2d", options: object): {
    drawImage(image: ImageBitmap, x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
}
const page = globalThis as unknown as {
  document: { querySelector(selector: string): PageElement };
  location: { search: string };
  OffscreenCanvas: new (width: number, height: number) => Canvas;
};

const find = (selector: string) => page.document.querySelector(selector);
const result = find("#result"), threshold = find("#threshold");
const photos: (RgbImage | undefined)[] = [undefined, undefined];
let model: BrowserModel | undefined;
/** Work goes on one after the other, in the order in which things were dropped. */
let work: Promise<void> = Promise.resolve();

/** Says something; `state` is what tests and style sheets look at. */
function say(text: string, state: "waiting" | "working" | "done" | "failed", facts: Record<string, string> = {}): void {
  result.textContent = text;
  result.className = state;
  Object.assign(result.dataset, facts);
}

function next(step: () => Promise<void>): void {
  work = work.then(step).catch((error) => say(error.message, "failed"));
}

async function compare(): Promise<void> {
  const missing = [...model ? [] : ["a model"], ...photos.every(Boolean) ? [] : ["two photos"]];
  if (missing.length > 0) return say(`Drop ${missing.join(" and ")} here.`, "waiting");
  say("Comparing …", "working");
  const { similarity, same } = compareFaces(await model!.embed(photos as RgbImage[]), Number(threshold.value));
  say(
    `Similarity ${similarity.toFixed(4)}: ${same ? "the same person" : "different people"} at ${threshold.value}.`,
    "done",
    { similarity: String(similarity) },
  );
}

async function loadModel(file: Blob & { name?: string }): Promise<void> {
  say("Loading the model …", "working");
  const loaded = loadBrowserModel(await file.arrayBuffer());
  model?.dispose();
  model = loaded;
  const { model: name, imageSize } = loaded.facts;
  find("#model .name").textContent = `${file.name ?? "model"}: ${name}, ${imageSize}x${imageSize}`;
  await compare();
}

async function loadPhoto(place: number, file: Blob): Promise<void> {
  photos[place] = await decode(file);
  find(`#photo${place} img`).src = URL.createObjectURL(file);
  await compare();
}

/** The pixels as they are in the file: no colour management, no turning, so that they are those the command line sees. */
async function decode(file: Blob): Promise<RgbImage> {
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "none",
    imageOrientation: "none" as "from-image",
  })
    .catch(() => {
      throw new Error("Cannot read the photo: expected a JPEG or PNG image, found something else.");
    });
  const { width, height } = bitmap;
  const context = new page.OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) pixels.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, pixels };
}

/** Takes files that are dropped on an area or chosen in it. */
function accept(area: PageElement, take: (file: File) => void): void {
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    for (const file of event.dataTransfer.files) take(file);
  });
  const input = area.querySelector("input");
  input.addEventListener("change", () => {
    for (const file of input.files) take(file);
  });
}

accept(find("#model"), (file) => next(() => loadModel(file)));
for (const place of [0, 1]) accept(find(`#photo${place}`), (file) => next(() => loadPhoto(place, file)));
threshold.addEventListener("change", () => next(compare));
const query = new URLSearchParams(page.location.search);
next(async () => {
  const backend = await startTensors(query.get("backend") ?? undefined);
  find("#backend").textContent = `Computed by your browser, on ${backend}.`;
  result.dataset.backend = backend;
  const url = query.get("model");
  if (url === null) return compare();
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Cannot load model ${url}: found ${response.status} ${response.statusText}`);
  await loadModel(Object.assign(await response.blob(), { name: url }));
});
