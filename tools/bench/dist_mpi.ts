// deno-lint-ignore-file no-console -- a program of its own
/** A rank of `bench dist`, in a process: the first prints the times as JSON. */
import { averagingSides, type DistInput, timeSides } from "./dist_times.ts";
import { MpiGroup } from "../../lib/dist/mpi_group.ts";

const { count, runs }: DistInput = JSON.parse(Deno.args[0]);
const group = await MpiGroup.join();
const { ours, copy } = await averagingSides(group, count);
// What is compared with: MPI's own, which the group does without.
const { MPI_Allreduce, ompi_mpi_float, ompi_mpi_op_sum, ompi_mpi_comm_world } = Deno.dlopen("libmpi.so.40", {
  MPI_Allreduce: { parameters: ["pointer", "buffer", "i32", "pointer", "pointer", "pointer"], result: "i32" },
  ompi_mpi_float: { type: "pointer" },
  ompi_mpi_op_sum: { type: "pointer" },
  ompi_mpi_comm_world: { type: "pointer" },
}).symbols;
const inPlace = Deno.UnsafePointer.create(1n);
const bytes = new Uint8Array(4 * count);
const allreduce = () => {
  const code = MPI_Allreduce(inPlace, bytes, count, ompi_mpi_float, ompi_mpi_op_sum, ompi_mpi_comm_world);
  if (code !== 0) throw new Error(`MPI_Allreduce failed with code ${code}`);
};
const times = await timeSides(group, { ours, copy, allreduce }, runs);
await group.close();
if (group.rank === 0) console.log(JSON.stringify(times));
