import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { HostCopy } from "../../lib/gpu/host_copy.ts";
import { launchRanks } from "../../lib/dist/launch_ranks.ts";
import { mpirun } from "../mpirun.ts";
import { alternate } from "./alternate.ts";
import type { DistInput, DistTimes } from "./dist_times.ts";
import { sideFigures, spread } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";
import type { Report } from "./report.ts";

/**
 * Averaging parameters over ranks: in workers with shared memory and in processes with Open MPI, against a plain copy of as many bytes by
 * every rank at once and against MPI_Allreduce; and how long the same bytes take from the adapter and to it. `gb_per_second` is the bytes
 * of one rank's numbers by the time of the average.
 */
export async function benchDist(gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const { ranks, floats: count, runs } = options;
  const what = `${count} floats`;
  const add = (name: string, times: DistTimes) => {
    const sides = Object.entries(times).map(([side, list]) => [side, { times: list, seconds: 0 }] as const);
    const { median } = spread(times.ours);
    report.add(`dist ${name}`, {
      ...sideFigures(new Map(sides)),
      gb_per_second: 4 * count / 1e6 / median,
    });
  };
  {
    const seats = Array.from({ length: ranks }, (_, k) => ({ adapter: `worker ${k}` }));
    const url = new URL("./dist_rank.ts", import.meta.url);
    using run = launchRanks<DistTimes>(url, { seats, input: { count, runs } satisfies DistInput });
    const [times] = await run.results;
    add(`workers ${what}, ${ranks} ranks`, times);
  }
  const job = await runJob({ count, runs }, ranks);
  if (typeof job === "string") report.note(`Open MPI: left out, ${job}`);
  else add(`mpi ${what}, ${ranks} ranks`, job);
  for (const [name, times] of Object.entries(await timeTransfers(gpu, count, runs))) add(`${name} ${what}`, times);
}

/** Times of an MPI job on this machine, or why there are none. */
async function runJob(input: DistInput, ranks: number): Promise<DistTimes | string> {
  const program = new URL("./dist_mpi.ts", import.meta.url);
  try {
    const { success, stdout, stderr } = await mpirun(ranks, program, [JSON.stringify(input)]).output();
    const text = new TextDecoder();
    if (success) return JSON.parse(text.decode(stdout));
    return `its job failed: ${
      text.decode(stderr).trim().split("\n").find((line) => /error/i.test(line)) ?? "no reason told"
    }`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "there is no mpirun (Debian: openmpi-bin)";
  }
}

/** Milliseconds of the numbers from the adapter into shared memory and back, as an average has them. */
async function timeTransfers({ device }: Gpu, count: number, runs: number): Promise<Record<string, DistTimes>> {
  const size = 4 * count;
  const shared = new Float32Array(new SharedArrayBuffer(size));
  const usage = GPUBufferUsage;
  const buffer = device.createBuffer({ size, usage: usage.COPY_SRC | usage.COPY_DST });
  const copy = new HostCopy(device, [size]);
  const run = async () => {
    await copy.exchange([buffer], shared, () => Promise.resolve());
    await device.queue.onSubmittedWorkDone();
  };
  try {
    const sides = await alternate([{ name: "there and back", run }], { runs });
    return Object.fromEntries([...sides].map(([name, { times }]) => [name, { ours: times }]));
  } finally {
    copy.dispose();
    buffer.destroy();
  }
}
