// deno-lint-ignore-file no-console -- a command prints
/** `export`: a model in another format. */
import { Command } from "../lib/deps/commander.ts";
import { exportModel } from "../lib/model/export_model.ts";
import { addModelFlags, modelHints } from "./model_flags.ts";
import { EXIT_INPUT, runCommand } from "./program.ts";

/** The command line. */
function program(): Command {
  const command = new Command("export")
    .description("Writes a model as ONNX, safetensors or for PyTorch, by the output's ending.")
    .argument("<model>", "a run's folder, .safetensors, or PyTorch's .pth or .pt")
    .argument("<out>", "the file to write: .onnx, .safetensors or .pth")
    .option("--fold", "take batch-norms into the convolutions beside them (ONNX only)")
    .option("--force", "replace the output when it is there already")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
Examples:
  export.ts work_dirs/ms1mv2/exp1 face.onnx --fold     for ONNX runtimes; input "input" [n, 3, 112, 112], RGB, in [-1, 1]
  export.ts work_dirs/ms1mv2/exp1 face.pth             for torch.load(…, weights_only=True)
  export.ts ms1mv3_arcface_r50.pth face.safetensors    with its name, size and colour order in the metadata`,
    );
  addModelFlags(command as unknown as Command);
  command.action((source, out, options) => {
    const { fold, force } = options;
    const { model, width, imageSize, embeddingSize, bytes } = exportModel(source, out, {
      ...modelHints(options),
      fold,
      force,
    });
    const size = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
    const wide = width === 1 ? "" : `, width ${width}`;
    console.log(
      `${out}: ${model}${wide}, images ${imageSize}x${imageSize} RGB, embeddings of ${embeddingSize}, ${size}`,
    );
  });
  return command as unknown as Command;
}

if (import.meta.main) {
  await runCommand(async () => {
    if (Deno.args.length > 0) return void await program().parseAsync(Deno.args, { from: "user" });
    program().outputHelp();
    Deno.exit(EXIT_INPUT);
  });
}
