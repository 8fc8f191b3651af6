/** A rank of `bench dist`, in a worker. */
import { averagingSides, type DistInput, timeSides } from "./dist_times.ts";
import { serveRank } from "../../lib/dist/serve_rank.ts";

serveRank<DistInput>(async (rank) => {
  const group = await rank.join(undefined);
  return await timeSides(group, await averagingSides(group, rank.input.count), rank.input.runs);
});
