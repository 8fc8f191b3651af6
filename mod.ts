/**
 * Face-recognition training with center-bias adaptive margins on WebGPU, from an MXNet RecordIO training set to a verified
 * model.
 *
 * @example
 * ```ts ignore
 * import { loadModel, train } from "./mod.ts";
 *
 * const { model } = await train({ data: "faces_emore", val: ["faces_emore/lfw.bin"], batchSize: 128 });
 * using trained = await loadModel(model!);
 * const embeddings = await trained.embed([Deno.readFileSync("a.jpg"), Deno.readFileSync("b.jpg")]);
 * console.log(embeddings.length === 2 * trained.dim);
 * ```
 *
 * @module
 */

// Errors
export { InputError } from "./lib/errors.ts";

// Data: records, pickles, images, sets, batches
export { type PlacedRecord, type RecordAt, RecordReader, type RecordReaderOptions } from "./lib/data/record_reader.ts";
export { RecordWriter, type RecordWriterOptions } from "./lib/data/record_writer.ts";
export { RecordIndex } from "./lib/data/record_index.ts";
export { RecordIndexRows } from "./lib/data/record_index_rows.ts";
export {
  decodeImageRecord,
  encodeImageRecord,
  type ImageRecord,
  type ImageRecordInput,
} from "./lib/data/image_record.ts";
export { type Property, readProperty } from "./lib/data/property.ts";
export { openTrainingSet, type OpenTrainingSetOptions } from "./lib/data/open_training_set.ts";
export type { TrainingSet } from "./lib/data/training_set.ts";
export type { ImageSource } from "./lib/data/image_source.ts";
export { findPairSets } from "./lib/data/find_pair_sets.ts";
export { type PairSet, type PairSetContent, readPairSet, writePairSet } from "./lib/data/pair_set.ts";
export { AtomicFile, type AtomicFileOptions, writeFileAtomic } from "./lib/data/atomic_file.ts";
export { type CodecKind, createCodec, type ImageCodec } from "./lib/data/image_codec.ts";
export type { RgbImage } from "./lib/data/rgb_image.ts";
export type { JpegOptions } from "./lib/data/jpeg_library.ts";
export { decodePng, encodePng } from "./lib/data/png.ts";
export { resizeImage } from "./lib/data/resize.ts";
export {
  type DecodedImage,
  type DecodeOptions,
  ImageDecoder,
  type ImageDecoderOptions,
} from "./lib/data/image_decoder.ts";
export { Sampler, type SamplerOptions } from "./lib/data/sampler.ts";
export { type Batch, type CorruptImage, Loader, type LoaderOptions } from "./lib/data/loader.ts";
export {
  syntheticFace,
  type SyntheticFaceOptions,
  type SyntheticFaces,
  type SyntheticFacesOptions,
  writeSyntheticFaces,
} from "./lib/data/synthetic_faces.ts";
export { type UnpackedRecords, unpackRecords } from "./lib/data/convert/unpack_records.ts";
export { type PackedRecords, packRecords } from "./lib/data/convert/pack_records.ts";
export { type UnpackedPairs, unpackPairs } from "./lib/data/convert/unpack_pairs.ts";
export { type PackedPairs, packPairs } from "./lib/data/convert/pack_pairs.ts";
export {
  type BadImage,
  type ImageFindings,
  type InspectOptions,
  inspectSet,
  type PairSetReport,
  type TrainingSetReport,
} from "./lib/data/convert/inspect.ts";
export { checkData, type CheckDataOptions, type DataCheck } from "./lib/data/check/check_data.ts";
export type { Stage } from "./lib/data/check/find_copies.ts";
export { type Finding, FINDING_KINDS, type FindingKind, type NamedImage } from "./lib/data/check/list_findings.ts";
export type { ClassCounts } from "./lib/data/convert/class_counts.ts";
export type { ConvertOptions, ConvertProgress } from "./lib/data/convert/convert_options.ts";

// Device
export { type Gpu, startWebGPU } from "./lib/gpu/start_webgpu.ts";
export { HostCopy } from "./lib/gpu/host_copy.ts";
export type { Together } from "./lib/gpu/together.ts";
export type { Command, Exchange, RecordedCopies, RecordedStep, Recording } from "./lib/gpu/recording.ts";
export type { AdapterFacts } from "./lib/gpu/adapter.ts";
export { type KernelOutput, KernelRunner, type NewTensor, type TensorRange } from "./lib/gpu/kernel_runner.ts";
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from "./lib/gpu/tensor.ts";
export { type KernelCheck, selfTest, type SelfTestOptions } from "./lib/gpu/self_test.ts";
export { type VulkanDriver, vulkanDrivers } from "./lib/gpu/vulkan_drivers.ts";
export type { VulkanDevice } from "./lib/gpu/vulkan_devices.ts";
export { listAdapters, type ListAdaptersOptions, type ListedAdapter } from "./lib/gpu/list_adapters.ts";
export { adapterMismatch, chooseAdapters } from "./lib/gpu/choose_adapters.ts";
export { selectAdapter } from "./lib/gpu/select_adapter.ts";
export { type AdapterSeat, adapterSeats, seatOfLocalRank } from "./lib/gpu/adapter_seats.ts";
export { KernelProfiler, type KernelTime } from "./lib/gpu/kernel_profiler.ts";
export type { BindingUse, KernelSpec } from "./lib/gpu/kernel_spec.ts";
export { choiceName, type ConvChoice, type KernelFamily } from "./lib/gpu/conv_choice.ts";
export { type AskedPass, ConvChoices } from "./lib/gpu/conv_choices.ts";
export type { ConvLayer, ConvPassName, Size3 } from "./lib/gpu/conv_layer.ts";
export type { DirectSize } from "./lib/gpu/kernels/conv_tiles.ts";
export type { ProductTile } from "./lib/gpu/kernels/matrix_product.ts";
export type { RegisterTile } from "./lib/gpu/kernels/register_product.ts";
export type { WorkgroupTile } from "./lib/gpu/kernels/tiled_product.ts";
export type { WinogradSize } from "./lib/gpu/kernels/winograd.ts";
export { tune, type TunedPass, type TuneOptions } from "./lib/gpu/tuner.ts";
export { askedPasses } from "./lib/nn/asked_passes.ts";

// Groups of ranks
export type { Group } from "./lib/dist/group.ts";
export { GroupFailure } from "./lib/dist/group_failure.ts";
export { soloGroup } from "./lib/dist/solo_group.ts";
export { type LaunchOptions, launchRanks, type RankRun, type Seat } from "./lib/dist/launch_ranks.ts";
export { type Rank, serveRank } from "./lib/dist/serve_rank.ts";
export { MpiGroup, type MpiGroupOptions } from "./lib/dist/mpi_group.ts";
export { localRank } from "./lib/dist/local_rank.ts";

// Networks
export {
  type Backbone,
  type BackboneOptions,
  BACKBONES,
  createBackbone,
  type Precision,
  type SharedStatistics,
} from "./lib/nn/backbone.ts";
export {
  type Initializer,
  type Parameter,
  type ParameterOptions,
  Parameters,
  type StateDict,
  type StateTensor,
  type TableOptions,
} from "./lib/nn/parameters.ts";

// Heads
export { type ClassShare, classShare } from "./lib/head/class_share.ts";
export { createHead, type HeadOptions, HEADS } from "./lib/head/create_head.ts";
export type { CenterBiasOptions } from "./lib/head/center_bias.ts";
export type { ClassUpdate, Head, HeadStep } from "./lib/head/head.ts";

// Training
export { train, type TrainHooks, type TrainResult } from "./lib/train/trainer.ts";
export { parseTrainOptions, type TrainOptions } from "./lib/train/options.ts";
export { type OptionSources, resolveTrainOptions } from "./lib/train/resolve_options.ts";
export { type PresetName, presetOptions, PRESETS } from "./lib/train/presets.ts";
export { learningRate, type ScheduleOptions, type SchedulePosition } from "./lib/train/schedule.ts";
export type { ProgressWriter } from "./lib/train/progress.ts";
export type { BestModel } from "./lib/train/run_state.ts";
export type { StepReading } from "./lib/train/step_readings.ts";
export type { StepMetrics } from "./lib/train/training_step.ts";
export { VERSION } from "./lib/train/version.ts";

// Verification
export {
  evaluatePairs,
  type FoldFigures,
  type PairCurve,
  type PairDistance,
  type PairFigures,
  type PairFold,
  type PairOptions,
  PairProtocol,
  type PairResult,
} from "./lib/eval/pairs.ts";
export {
  type NamedPairResult,
  pairJsonLines,
  type PairRow,
  pairRows,
  pairTable,
  type PairTableOptions,
} from "./lib/eval/pair_table.ts";
export { type SetResult, Validation, type ValidationHooks, type ValidationOptions } from "./lib/eval/validation.ts";
export {
  areaUnderCurve,
  equalErrorRate,
  type RocCurve,
  rocCurve,
  type RocPoint,
  tprAtFpr,
  type TprAtFprOptions,
} from "./lib/eval/roc.ts";
export { scorePairs, type TemplateFeatures, type TemplateImages, TemplatePool } from "./lib/eval/templates.ts";
export { embedImages, type EmbedOptions } from "./lib/eval/embed.ts";
export { analysePairs, type AnalysisOptions, type PairAnalysis } from "./lib/eval/analyse_pairs.ts";
export type { AnalysisRow } from "./lib/eval/analysis_tables.ts";
export type { FairCoinTest } from "./lib/eval/binomial.ts";
export type { Fold } from "./lib/eval/pair_folds.ts";
export { compareModels, type ModelComparison } from "./lib/eval/compare_models.ts";
export type { BootstrapOptions, Interval, PairDraws } from "./lib/eval/pair_bootstrap.ts";
export type { CountedRate, DeployThreshold } from "./lib/eval/deploy_threshold.ts";
export {
  type PairReport,
  pairReport,
  type PairReportFacts,
  type PairReportOptions,
  type ReportedModel,
  type ReportedSet,
} from "./lib/eval/report/pair_report.ts";
export type { PairErrors, SetErrors, WrongPair } from "./lib/eval/report/hardest_errors.ts";
export type { SimilarityHistogram } from "./lib/eval/report/similarity_histogram.ts";
export { type PairReportFiles, writePairReport, type WriteReportOptions } from "./lib/eval/report/write_pair_report.ts";
export { type LinePlot, linePlot, type PlotAxis, type PlotSeries } from "./lib/eval/line_plot.ts";
export { plotPng, type PlotPngOptions } from "./lib/eval/plot_png.ts";

// Models
export { loadModel, type LoadModelOptions, type Model } from "./lib/model/load_model.ts";
export { modelFacts } from "./lib/model/model_facts.ts";
export {
  openSafetensors,
  readSafetensors,
  type Safetensors,
  type SafetensorsFile,
  type SafetensorsOptions,
  type TensorArray,
  type TensorData,
  type TensorDtype,
  type TensorPlace,
  toFloat32,
  writeSafetensors,
} from "./lib/model/safetensors.ts";
export { type ExportedModel, type ExportFormat, exportModel, type ExportOptions } from "./lib/model/export_model.ts";
export { type ColorOrder, type ModelHints, readModel, type StoredModel } from "./lib/model/read_model.ts";
export { type BackboneHints, inferBackbone } from "./lib/model/infer_backbone.ts";
export {
  type NetworkFacts,
  type NetworkPlan,
  planNetwork,
  planShapes,
  type PlanStep,
} from "./lib/model/network_plan.ts";
export { foldBatchNorm, type WeightedPlan } from "./lib/model/fold_batch_norm.ts";
export { type OnnxOptions, writeOnnx } from "./lib/model/onnx.ts";
export { type OnnxFacts, readOnnxMetadata } from "./lib/model/onnx_metadata.ts";
export {
  openTorchCheckpoint,
  readTorchCheckpoint,
  type TorchCheckpoint,
  type TorchTensorInfo,
} from "./lib/model/torch_checkpoint.ts";
export { writeTorchCheckpoint } from "./lib/model/write_torch_checkpoint.ts";
export {
  type NpyArray,
  type NpyArrayOptions,
  type NpyDtype,
  type NpyExpectation,
  type NpyHeader,
  type NpyNumbers,
  type NpyOptions,
  NpyReader,
  NpyWriter,
  readNpy,
  writeNpy,
} from "./lib/eval/npy.ts";
export { decodeBatches, type EmbedSources, type ImageBatches, openEmbedSources } from "./lib/eval/embed_sources.ts";
export { type EmbeddedBatch, embedStream, type EmbedStreamOptions } from "./lib/eval/embed_stream.ts";
export { type LandmarkList, landmarksOf, readLandmarkList } from "./lib/eval/landmark_list.ts";
export { IJB_TARGETS, type IjbSet, type IjbTarget, readIjbSet } from "./lib/eval/ijb/ijb_set.ts";
export type { IjbIdentification, SubjectList } from "./lib/eval/ijb/ijb_identify.ts";
export { type IjbProtocol, readIjbProtocol } from "./lib/eval/ijb/ijb_protocol.ts";
export type { IjbVerification, TemplatePairs } from "./lib/eval/ijb/ijb_verify.ts";
export {
  embedIjb,
  evaluateIjb,
  type IjbEmbeddings,
  type IjbEmbedOptions,
  type IjbEvaluateOptions,
  type IjbFiles,
  type IjbResult,
  writeIjbResult,
} from "./lib/eval/ijb/run_ijb.ts";
export { type EmbeddedFile, embedToFile, type EmbedToFileOptions } from "./lib/eval/embed_to_file.ts";
export { compareFaces, type FaceComparison } from "./lib/eval/compare_faces.ts";
