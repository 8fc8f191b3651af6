// deno-lint-ignore-file no-console -- a program of its own
/** A rank of an MPI job on the adapter of its local rank: `mpi_adapter_program.ts COUNT`. Prints its adapter's driver and its results. */
import { averageOnAdapter, loadedDrivers } from "./adapter_step.ts";
import { localRank } from "../../lib/dist/local_rank.ts";
import { MpiGroup } from "../../lib/dist/mpi_group.ts";
import { adapterSeats, seatOfLocalRank } from "../../lib/gpu/adapter_seats.ts";
import { chooseAdapters } from "../../lib/gpu/choose_adapters.ts";

const group = await MpiGroup.join({ timeout: 60 });
// Not undone: the process has one adapter.
seatOfLocalRank(adapterSeats(chooseAdapters("all")), localRank()!).select();
const averaged = await averageOnAdapter(group, Number(Deno.args[0]));
await group.close();
console.log(`rank ${group.rank}: ${loadedDrivers().join(" ")}: ${averaged.join(" ")}`);
