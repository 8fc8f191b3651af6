// deno-lint-ignore-file no-console -- a program of its own
/** A rank of `bench dist`, in a process: prints its times as JSON. */
import { averagingSides, type DistInput, timeSides } from "./dist_times.ts";
import { MpiGroup } from "../../lib/dist/mpi_group.ts";
import { checkMpi, startMpi } from "../../lib/dist/mpi_library.ts";

const { count, runs }: DistInput = JSON.parse(Deno.args[0]);
const mpi = startMpi();
const group = await MpiGroup.join({ mpi });
const { ours, copy } = await averagingSides(group, count);
const values = new Float32Array(count);
const inPlace = Deno.UnsafePointer.create(1n);
const bytes = new Uint8Array(values.buffer);
const allreduce = () => {
  const code = mpi.MPI_Allreduce(
    inPlace,
    bytes,
    count,
    mpi.ompi_mpi_float,
    mpi.ompi_mpi_op_sum,
    mpi.ompi_mpi_comm_world,
  );
  checkMpi(mpi, "MPI_Allreduce", code);
};
const times = await timeSides(group, { ours, copy, allreduce }, runs);
await group.close();
if (group.rank === 0) console.log(JSON.stringify(times));
