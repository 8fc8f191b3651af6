import { ALIGNED_LANDMARKS } from "../../../lib/data/align_face.ts";
import { createCodec } from "../../../lib/data/image_codec.ts";
import { syntheticFace } from "../../../lib/data/synthetic_face.ts";

/** Subjects, templates of each, images of each template. */
export const SUBJECTS = 6, TEMPLATES = 2, IMAGES = 2;

/** Subject of template `t`, numbered from 1. */
export const subjectOf = (t: number) => Math.floor((t - 1) / TEMPLATES);

/** Where image `i`'s face lies in it. */
export const placeOf = (i: number) => [10 + 3 * (i % 5), 8 + 2 * (i % 7)];

const WIDTH = 150, HEIGHT = 140;

/**
 * A benchmark as IJB-B or IJB-C has it, in `root`: synthetic faces somewhere in grey images, all pairs of templates, and the lists of
 * 1:N. The first template of a subject is in a gallery (three subjects each), the second is a probe.
 */
export async function writeSyntheticIjb(root: string, target: "IJBB" | "IJBC" = "IJBC"): Promise<void> {
  for (const folder of ["meta", "loose_crop"]) Deno.mkdirSync(`${root}/${folder}`, { recursive: true });
  using codec = await createCodec("wasm");
  const images: string[] = [], landmarks: string[] = [], pairs: string[] = [];
  for (let template = 1, i = 0; template <= SUBJECTS * TEMPLATES; template++) {
    for (let k = 0; k < IMAGES; k++, i++) {
      const name = `${i + 1}.jpg`;
      const [dx, dy] = placeOf(i);
      const face = syntheticFace({ identity: subjectOf(template), sample: i, variation: 0.2 });
      const pixels = new Uint8Array(WIDTH * HEIGHT * 3).fill(120);
      for (let y = 0; y < 112; y++) {
        pixels.set(face.subarray(y * 336, (y + 1) * 336), ((y + dy) * WIDTH + dx) * 3);
      }
      Deno.writeFileSync(
        `${root}/loose_crop/${name}`,
        codec.encodeJpeg({ width: WIDTH, height: HEIGHT, pixels }, { quality: 95 }),
      );
      const media = template * 10 + (template % 2 === 0 ? k : 0);
      images.push(`${name} ${template} ${media}`);
      const points = ALIGNED_LANDMARKS.map((value, at) => (value + (at % 2 === 0 ? dx : dy)).toFixed(4));
      landmarks.push(`${name} ${points.join(" ")} ${(0.8 + 0.02 * (i % 10)).toFixed(2)}`);
    }
    for (let other = 1; other < template; other++) {
      pairs.push(`${other} ${template} ${subjectOf(other) === subjectOf(template) ? 1 : 0}`);
    }
  }
  const meta = (name: string, lines: string[]) =>
    Deno.writeTextFileSync(`${root}/meta/${target.toLowerCase()}_${name}`, `${lines.join("\n")}\n`);
  meta("face_tid_mid.txt", images);
  meta("name_5pts_score.txt", landmarks);
  meta("template_pair_label.txt", pairs);
  const letter = target === "IJBB" ? "S" : "G";
  const rows = (subjects: number[], nth: number) => [
    "TEMPLATE_ID,SUBJECT_ID,FILENAME",
    ...subjects.flatMap((s) => [0, 1].map((k) => `${s * TEMPLATES + 1 + nth},person${s},img/${k}.jpg`)),
  ];
  meta(`1N_gallery_${letter}1.csv`, rows([0, 1, 2], 0));
  meta(`1N_gallery_${letter}2.csv`, rows([3, 4, 5], 0));
  meta("1N_probe_mixed.csv", rows([0, 1, 2, 3, 4, 5], 1));
}
