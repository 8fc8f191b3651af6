import type { ListedAdapter } from "./list_adapters.ts";
import { selectAdapter } from "./select_adapter.ts";
import { InputError } from "../errors.ts";

/** A place for a rank: an adapter that it opens. */
export interface AdapterSeat {
  /** The adapter's name and number, for messages. */
  readonly adapter: string;
  /** The adapter as it is listed. */
  readonly listed: ListedAdapter;
  /** Makes WebGPU take this adapter where it is started next; the result undoes that. */
  readonly select: () => () => void;
}

/**
 * Places for ranks on adapters: `perAdapter` on each, which is more than one in tests and on software adapters only.
 *
 * @example
 * ```ts ignore
 * import { adapterSeats } from "./adapter_seats.ts";
 * import { adapterMismatch, chooseAdapters } from "./choose_adapters.ts";
 *
 * const seats = adapterSeats(chooseAdapters("all"));
 * const confirm = (rank: number, found: AdapterFacts) => adapterMismatch(seats[rank].listed, found);
 * ```
 */
export function adapterSeats(adapters: readonly ListedAdapter[], perAdapter = 1): AdapterSeat[] {
  return adapters.flatMap((listed) =>
    Array.from({ length: perAdapter }, () => ({
      adapter: `adapter ${listed.index}, ${listed.name}`,
      listed,
      select: () => selectAdapter(listed),
    }))
  );
}

/**
 * The seat of a rank that is one of several on its machine.
 *
 * @throws {InputError} if the machine has more ranks than seats.
 */
export function seatOfLocalRank(seats: readonly AdapterSeat[], localRank: number): AdapterSeat {
  const seat = seats[localRank];
  if (seat) return seat;
  throw new InputError(
    `Cannot seat rank ${localRank} of this machine: expected at most ${seats.length} ranks on ${seats.length} places, ` +
      `found ${localRank + 1} or more; start fewer here, or allow more on each adapter by --workers-per-adapter`,
  );
}
