import { hash32 } from "../../lib/data/random.ts";
import { NpyWriter } from "../../lib/eval/npy.ts";
import { fill } from "../golden/fill.ts";

/** IJB-C: images, templates, subjects, pairs, and how many of those are of one person. */
const IMAGES = 469_375, TEMPLATES = 23_124, SUBJECTS = 3_531, PAIRS = 15_658_489, SAME = 19_557;

/** Length of an embedding. */
const DIM = 512;

/** Lines or rows that are made at once. */
const LINES_AT_ONCE = 65_536, ROWS_AT_ONCE = 1024;

/** How many images and pairs a made-up benchmark has. */
export interface IjbCounts {
  /** Rows of features.npy. */
  readonly images: number;
  /** Templates that they are of. */
  readonly templates: number;
  /** Lines of the list of pairs. */
  readonly pairs: number;
}

/** Writes the lists of a made-up IJB-C and its features, float32 [images, 512], into `folder`; `share` of the real one's size. */
export function writeIjbLists(folder: string, share: number): IjbCounts {
  const [images, templates, pairs] = [IMAGES, TEMPLATES, PAIRS].map((count) => Math.round(share * count));
  const subjects = Math.max(2, Math.round(share * SUBJECTS));
  const templateOf = (i: number) => 1 + (i < templates ? i : hash32(i) % templates);
  const subjectOf = (template: number) => template % subjects;
  const meta = `${folder}/meta/ijbc`;
  Deno.mkdirSync(`${folder}/meta`, { recursive: true });
  writeLines(`${meta}_face_tid_mid.txt`, images, (i) => `${i + 1}.jpg ${templateOf(i)} ${hash32(i + 7) % 140_000}`);
  const points = "38.29 51.69 73.53 51.50 56.02 71.73 41.54 92.36 70.72 92.20";
  writeLines(`${meta}_name_5pts_score.txt`, images, (i) => `${i + 1}.jpg ${points} 0.9${hash32(i) % 10}`);
  const own = Math.max(1, Math.round(share * SAME));
  writeLines(`${meta}_template_pair_label.txt`, pairs, (k) => {
    const first = 1 + Math.floor(k / pairs * templates); // long runs of one template, as in the benchmark
    const hop = subjects * (1 + hash32(k) % Math.max(1, Math.floor(templates / subjects) - 1));
    const second = hash32(k ^ 0x5bd1) % pairs < own ? 1 + (first - 1 + hop) % templates : 1 + hash32(k) % templates;
    return `${first} ${second} ${subjectOf(first) === subjectOf(second) ? 1 : 0}`;
  });
  writeFeatures(`${folder}/features.npy`, images, (i) => subjectOf(templateOf(i)), subjects);
  return { images, templates, pairs };
}

function writeLines(path: string, count: number, line: (i: number) => string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const encoder = new TextEncoder();
  for (let first = 0; first < count; first += LINES_AT_ONCE) {
    let text = "";
    for (let i = first; i < Math.min(first + LINES_AT_ONCE, count); i++) text += line(i) + "\n";
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
  }
}

/** A center for each subject, and much noise. */
function writeFeatures(path: string, images: number, subjectOf: (i: number) => number, subjects: number): void {
  const centers = fill(1, subjects * DIM);
  const noise = fill(2, 1 << 20);
  using file = NpyWriter.create(path, [DIM]);
  const rows = new Float32Array(ROWS_AT_ONCE * DIM);
  for (let first = 0; first < images; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, images - first);
    for (let i = 0; i < count; i++) {
      const center = subjectOf(first + i) * DIM;
      const shift = hash32(first + i) & 0xfffff;
      for (let d = 0; d < DIM; d++) rows[i * DIM + d] = centers[center + d] + 9 * noise[(shift + d) & 0xfffff];
    }
    file.write(rows.subarray(0, count * DIM));
  }
  file.finish();
}
