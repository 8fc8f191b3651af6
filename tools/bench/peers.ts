import { findTorch, type TorchModel, TorchPeer } from "../peers/torch_peer.ts";
import type { Side } from "./alternate.ts";
import type { BenchOptions } from "./options.ts";
import type { Report } from "./report.ts";
import { torchSide, type TrainingSides } from "./training_sides.ts";

/** PyTorch in a process of its own, where there is a Python that has it and it is wanted; says so where there is none. */
export async function startTorch(
  { torch }: Pick<BenchOptions, "torch">,
  report: Report,
): Promise<TorchPeer | undefined> {
  if (!torch) return undefined;
  const python = await findTorch();
  if (python !== undefined) return new TorchPeer(python);
  report.note("PyTorch: left out, no Python here has it (PYTHON may name one)");
  return undefined;
}

/** PyTorch's side of a training; undefined without it, or where it cannot hold the training. */
export async function torchSideOf(
  peer: TorchPeer | undefined,
  sides: TrainingSides,
  report: Report,
): Promise<{ side: Side; model: TorchModel } | undefined> {
  if (!peer) return undefined;
  try {
    const model = await sides.openTorch(peer);
    return { side: torchSide(peer), model };
  } catch (error) {
    report.note(`PyTorch: left out, ${(error as Error).message}`);
    return undefined;
  }
}
