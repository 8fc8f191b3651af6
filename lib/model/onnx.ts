import { AtomicFile, type AtomicFileOptions } from "../data/atomic_file.ts";
import { InputError } from "../errors.ts";
import { foldBatchNorm, type WeightedPlan } from "./fold_batch_norm.ts";
import { BATCH_NORM_EPSILON, planNetwork, type PlanStep } from "./network_plan.ts";
import { ProtobufMessage } from "./protobuf_message.ts";
import { NORMALIZATION, type StoredModel } from "./read_model.ts";

/** How a model is exported to ONNX. */
export interface OnnxOptions extends AtomicFileOptions {
  /** Takes batch-norms into the convolutions beside them: smaller and faster, the same to rounding. @default false */
  readonly fold?: boolean;
  /** More texts for the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Operator set 13 came with IR version 7: every runtime since early 2021 reads it. */
const OPERATOR_SET = 13, IR_VERSION = 7;
/** Protocol buffers have lengths of 31 bits. */
const MOST_BYTES = 2 ** 31 - 1;
/** TensorProto.DataType.FLOAT */
const FLOAT = 1;

/** AttributeProto.AttributeType */
const ATTRIBUTE = { float: 1, integer: 2, integers: 7 } as const;

/**
 * Writes a model as an ONNX file: input `input` [batch, 3, size, size] float32, RGB, normalised as `(x / 255 - 0.5) / 0.5`; output
 * `embedding` [batch, embeddingSize], not normalised. What the input must be stands in the metadata too: `color_order`,
 * `normalization`, `layout`, `model`, `width`, `image_size`, `embedding_size`, `batch_norm` (kept or folded).
 *
 * @throws {InputError} if the file exists and `force` is not given, cannot be written, or would be over 2 GiB.
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 *
 * @example
 * ```ts ignore
 * import { writeOnnx } from "./onnx.ts";
 * import { readModel } from "./read_model.ts";
 *
 * writeOnnx("face.onnx", readModel("work_dirs/demo/exp1/best_iresnet18.safetensors"), { fold: true });
 * ```
 */
export function writeOnnx(path: string, model: StoredModel, options: OnnxOptions = {}): void {
  const { fold = false, metadata = {}, force } = options;
  const kept: WeightedPlan = { plan: planNetwork(model), state: model.state };
  const weighted = fold ? foldBatchNorm(kept) : kept;
  const facts: Record<string, string> = {
    ...metadata,
    model: model.model,
    width: String(model.width),
    image_size: String(model.imageSize),
    embedding_size: String(model.embeddingSize),
    color_order: "RGB",
    normalization: NORMALIZATION,
    layout: "NCHW",
    input: weighted.plan.input,
    output: weighted.plan.output,
    batch_norm: fold ? "folded" : "kept",
  };
  const message = new ProtobufMessage()
    .integer(1, IR_VERSION)
    .text(2, "centerbias")
    .text(6, `${model.model}: face embeddings; ${inputInWords(model.imageSize)}`)
    .message(7, graph(weighted, model))
    .message(8, new ProtobufMessage().text(1, "").integer(2, OPERATOR_SET));
  for (const [key, value] of Object.entries(facts)) {
    message.message(14, new ProtobufMessage().text(1, key).text(2, value));
  }
  if (message.length > MOST_BYTES) {
    throw new InputError(`Cannot write ${path}: expected a model of less than 2 GiB, found ${message.length} bytes`);
  }
  using file = AtomicFile.create(path, { force });
  for (const piece of message.pieces()) file.write(piece);
  file.commit();
}

function inputInWords(size: number): string {
  return `RGB images [batch, 3, ${size}, ${size}], each value ${NORMALIZATION}`;
}

function graph({ plan, state }: WeightedPlan, { model, imageSize, embeddingSize }: StoredModel): ProtobufMessage {
  const message = new ProtobufMessage();
  const slopes = new Set<string>();
  for (const step of plan.steps) {
    message.message(1, node(step));
    if (step.op === "prelu") slopes.add(`${step.name}.weight`);
  }
  message.text(2, model);
  for (const [name, { shape, data }] of state) {
    // a slope per channel of [batch, channels, height, width]
    message.message(5, tensor(name, slopes.has(name) ? [...shape, 1, 1] : shape, data));
  }
  message.message(11, valueInfo(plan.input, ["batch", 3, imageSize, imageSize], inputInWords(imageSize)));
  message.message(12, valueInfo(plan.output, ["batch", embeddingSize], "embeddings, not normalised"));
  return message;
}

function node(step: PlanStep): ProtobufMessage {
  switch (step.op) {
    case "conv": {
      const inputs = [step.from, `${step.name}.weight`, ...step.bias ? [`${step.name}.bias`] : []];
      return operator("Conv", step.name, inputs, step.to, [
        integers("kernel_shape", [step.size, step.size]),
        integers("strides", [step.stride, step.stride]),
        integers("pads", Array(4).fill(step.pad)),
        integer("group", step.groups),
      ]);
    }
    case "batch_norm": {
      const parts = ["weight", "bias", "running_mean", "running_var"].map((part) => `${step.name}.${part}`);
      return operator("BatchNormalization", step.name, [step.from, ...parts], step.to, [
        float("epsilon", BATCH_NORM_EPSILON),
      ]);
    }
    case "prelu":
      return operator("PRelu", step.name, [step.from, `${step.name}.weight`], step.to);
    case "add":
      return operator("Add", `${step.to}.add`, [step.from, step.other], step.to);
    case "flatten": // [batch, channels, height, width] to [batch, the rest], in that order
      return operator("Flatten", step.to, [step.from], step.to, [integer("axis", 1)]);
    case "linear": {
      const inputs = [step.from, `${step.name}.weight`, ...step.bias ? [`${step.name}.bias`] : []];
      return operator("Gemm", step.name, inputs, step.to, [integer("transB", 1)]);
    }
  }
}

function operator(
  type: string,
  name: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly ProtobufMessage[] = [],
): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const input of inputs) message.text(1, input);
  message.text(2, output).text(3, name).text(4, type);
  for (const attribute of attributes) message.message(5, attribute);
  return message;
}

function float(name: string, value: number): ProtobufMessage {
  return new ProtobufMessage().text(1, name).float(2, value).integer(20, ATTRIBUTE.float);
}

function integer(name: string, value: number): ProtobufMessage {
  return new ProtobufMessage().text(1, name).integer(3, value).integer(20, ATTRIBUTE.integer);
}

function integers(name: string, values: readonly number[]): ProtobufMessage {
  const message = new ProtobufMessage().text(1, name);
  for (const value of values) message.integer(8, value);
  return message.integer(20, ATTRIBUTE.integers);
}

function tensor(name: string, shape: readonly number[], data: Float32Array): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const length of shape) message.integer(1, length);
  return message.integer(2, FLOAT).text(8, name).bytes(
    9,
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}

/** A value that goes in or out; an axis with a name may have any length. */
function valueInfo(name: string, shape: readonly (number | string)[], description: string): ProtobufMessage {
  const dims = new ProtobufMessage();
  for (const length of shape) {
    const dim = new ProtobufMessage();
    dims.message(1, typeof length === "number" ? dim.integer(1, length) : dim.text(2, length));
  }
  const tensorType = new ProtobufMessage().integer(1, FLOAT).message(2, dims);
  return new ProtobufMessage().text(1, name).message(2, new ProtobufMessage().message(1, tensorType)).text(
    3,
    description,
  );
}
