import { type Command, InvalidArgumentError, Option } from "../lib/deps/commander.ts";
import type { ColorOrder, ModelHints } from "../lib/model/read_model.ts";
import { BACKBONES } from "../lib/nn/backbone.ts";

const GROUP = "Models that do not say what they are:";

/** Flags that say which backbone a file holds, where it and its shapes do not. */
export function addModelFlags(command: Command): void {
  const number = (text: string) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("expected a number");
    return value;
  };
  const options = [
    new Option("--backbone <name>", "the network").choices([...BACKBONES]),
    new Option("--width <n>", "multiplier of its channels").argParser(number),
    new Option("--image-size <n>", "height and width of its images").argParser(number),
    new Option("--embedding-size <n>", "length of its embeddings").argParser(number),
    new Option("--color-order <order>", "order of the colours it was trained on").choices(["RGB", "BGR"]),
  ];
  for (const option of options) command.addOption(option.helpGroup(GROUP));
}

/** What the flags of `addModelFlags` say. */
export function modelHints(options: Record<string, unknown>): ModelHints {
  const { backbone, width, imageSize, embeddingSize, colorOrder } = options;
  return {
    backbone: backbone as string | undefined,
    width: width as number | undefined,
    imageSize: imageSize as number | undefined,
    embeddingSize: embeddingSize as number | undefined,
    colorOrder: colorOrder as ColorOrder | undefined,
  };
}
