// deno-lint-ignore-file no-console -- a command prints
/** `convert`: data sets from one form into another, and a look into them. */
import { Command } from "../lib/deps/commander.ts";
import { inspectSet } from "../lib/data/convert/inspect.ts";
import { packPairs } from "../lib/data/convert/pack_pairs.ts";
import { packRecords } from "../lib/data/convert/pack_records.ts";
import { unpackPairs } from "../lib/data/convert/unpack_pairs.ts";
import { unpackRecords } from "../lib/data/convert/unpack_records.ts";
import { formatReport } from "./inspect_report.ts";
import { EXIT_INPUT, runCommand } from "./program.ts";
import { showProgress } from "./show_progress.ts";

const FORCE = "replace the output when it is there already";

/** The command line. */
function program(): Command {
  const convert = new Command("convert")
    .description("Converts face data sets, and looks into them. Image bytes are never re-encoded.")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
Examples:
  convert.ts rec data/faces_emore data/ms1mv2        train.rec -> images/, label.txt, README.md
  convert.ts bin data/faces_emore data/val           every .bin -> <set>/images/, pair.list, image.list
  convert.ts pack data/my_faces data/my_faces_rec    label.txt or folder of folders -> train.rec, .idx, property
  convert.ts pack-bin data/val/lfw/pair.list lfw.bin
  convert.ts inspect data/faces_emore/lfw.bin --json`,
    );

  convert.command("rec")
    .description("Unpacks a RecordIO training set into images/, label.txt and README.md.")
    .argument("<source>", "a .rec file, or a folder with a train.rec")
    .argument("<out>", "the folder to make")
    .option("--force", FORCE)
    .action((source, out, { force }) => {
      const { images, classes, resumed } = showProgress(
        "images",
        (onProgress) => unpackRecords(source, out, { force, onProgress }),
      );
      console.log(`${out}: ${images} images of ${classes} classes${resumed ? " (continued)" : ""}`);
    });

  convert.command("bin")
    .description("Unpacks verification sets into <set>/images/, pair.list and image.list.")
    .argument("<source>", "a .bin file, or a folder of them")
    .argument("<out>", "the folder to make the sets' folders in")
    .option("--force", FORCE)
    .action((source, out, { force }) => {
      const sets = showProgress("images", (onProgress) => unpackPairs(source, out, { force, onProgress }));
      for (const { name, pairs, skipped } of sets) {
        console.log(`${out}/${name}: ${pairs} pairs${skipped ? " (finished before)" : ""}`);
      }
    });

  convert.command("pack")
    .description("Packs a list or a folder of folders into train.rec, train.idx and property.")
    .argument("<source>", "label.txt, a folder with one, or a folder of folders of images")
    .argument("<out>", "the folder to make the files in")
    .option("--force", FORCE)
    .action((source, out, { force }) => {
      const { images, classes, imageSize, otherSizes } = showProgress(
        "images",
        (onProgress) => packRecords(source, out, { force, onProgress }),
      );
      console.log(`${out}: ${images} images of ${classes} classes, ${imageSize.join("x")}`);
      if (otherSizes > 0) console.log(`${otherSizes} images have another size; training resizes them`);
    });

  convert.command("pack-bin")
    .description("Packs the images of a pair list into a verification set.")
    .argument("<pair-list>", 'lines "image image 0|1", or LFW\'s pairs.txt')
    .argument("<out>", "the .bin file to make")
    .option("--force", FORCE)
    .action((list, out, { force }) => {
      const { pairs, same } = showProgress("images", (onProgress) => packPairs(list, out, { force, onProgress }));
      console.log(`${out}: ${pairs} pairs, ${same} same, ${pairs - same} different`);
    });

  convert.command("inspect")
    .description("Reads and decodes everything: counts, classes, sizes, corrupt images. Exit code 1 if any is bad.")
    .argument("<file>", "a .rec, .bin, label.txt, or a folder of one of these kinds")
    .option("--json", "print JSON")
    .action(async (file, { json }) => {
      const report = await showProgress("images", (onProgress) => inspectSet(file, { onProgress }));
      console.log(json ? JSON.stringify(report, undefined, 2) : formatReport(report));
      if (report.corrupt > 0 || (report.kind === "training set" && report.badLabels > 0)) Deno.exitCode = 1;
    });
  return convert as unknown as Command;
}

if (import.meta.main) {
  // A limit on the size of files is then an error of the write, which is reported, and not the end of the process.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
  await runCommand(async () => {
    if (Deno.args.length > 0) return void await program().parseAsync(Deno.args, { from: "user" });
    program().outputHelp();
    Deno.exit(EXIT_INPUT);
  });
}
