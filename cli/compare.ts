// deno-lint-ignore-file no-console -- a command prints
/** `compare`: whether two photos show one person. */
import { Command, InvalidArgumentError } from "../lib/deps/commander.ts";
import { readImageFile } from "../lib/data/image_file.ts";
import { compareFaces } from "../lib/eval/compare_faces.ts";
import { landmarksOf, readLandmarkList } from "../lib/eval/landmark_list.ts";
import { loadModel } from "../lib/model/load_model.ts";
import { addModelFlags, modelHints } from "./model_flags.ts";
import { EXIT_INPUT, runCommand } from "./program.ts";

function similarity(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= -1 && value <= 1) return value;
  throw new InvalidArgumentError("Expected a similarity from -1 to 1.");
}

/** The command line. */
function program(): Command {
  const command = new Command("compare")
    .description("Prints how similar two faces, aligned or with --align, are: the cosine between their embeddings.")
    .argument("<a>", "an image")
    .argument("<b>", "another image")
    .requiredOption("--model <path>", "a run's folder, .safetensors, or PyTorch's .pth or .pt")
    .option("--threshold <similarity>", "say whether they are one person: the similarity reaches this", similarity)
    .option("--align <landmarks.txt>", "align faces by five landmarks: 'image x1 y1 … x5 y5' per line")
    .option("--flip", "add the embeddings of the mirrored images, as verify --flip does")
    .option("--json", "print JSON")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
The right threshold depends on the model: verify prints the one for a false accept rate of your choice.

Examples:
  compare.ts ann.jpg bob.jpg --model work_dirs/ms1mv2/exp1 --threshold 0.3
  compare.ts ann.jpg crowd.jpg --align landmarks.txt --model face.safetensors`,
    );
  addModelFlags(command as unknown as Command);
  command.action(async (a, b, options) => {
    const { model: path, threshold, align, flip, json } = options;
    const images = [a, b].map((image) => readImageFile(image, "to compare"));
    const landmarks = align === undefined ? undefined : landmarksOf(readLandmarkList(align), [a, b]);
    using model = await loadModel(path, modelHints(options));
    const result = compareFaces(await model.embed(images, { flip, landmarks, nameOf: (i) => [a, b][i] }), threshold);
    if (json) return console.log(JSON.stringify({ a, b, model: model.path, ...result }));
    console.log(`similarity ${result.similarity.toFixed(4)}, angle ${(180 * result.distance).toFixed(1)} degrees`);
    if (result.same !== undefined) {
      const side = result.same ? "same person: at or above" : "different people: below";
      console.log(`${side} the threshold ${threshold}`);
    }
  });
  return command as unknown as Command;
}

if (import.meta.main) {
  await runCommand(async () => {
    if (Deno.args.length > 0) await program().parseAsync(Deno.args, { from: "user" });
    else program().outputHelp();
    Deno.exit(Deno.args.length > 0 ? 0 : EXIT_INPUT);
  });
}
