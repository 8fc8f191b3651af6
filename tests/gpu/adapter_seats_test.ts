import assert from "node:assert/strict";
import { adapterSeats, seatOfLocalRank } from "../../lib/gpu/adapter_seats.ts";
import type { ListedAdapter } from "../../lib/gpu/list_adapters.ts";
import { InputError } from "../../lib/errors.ts";

const ADAPTERS = ["a", "b"].map((name, index): ListedAdapter => ({
  index,
  name,
  type: "discrete",
  vendor: 1,
  device: index,
  memory: 1,
  manifest: `${name}.json`,
  env: { CENTERBIAS_TEST_SEAT: name },
}));

Deno.test("adapterSeats() has as many places on each adapter as are asked for, and each selects its own", () => {
  assert.deepEqual(adapterSeats(ADAPTERS).map(({ adapter }) => adapter), ["adapter 0, a", "adapter 1, b"]);
  const seats = adapterSeats(ADAPTERS, 2);
  const selected = seats.map(({ select }) => {
    const restore = select();
    const name = Deno.env.get("CENTERBIAS_TEST_SEAT");
    restore();
    assert.equal(Deno.env.get("CENTERBIAS_TEST_SEAT"), undefined);
    return name;
  });
  assert.deepEqual(selected, ["a", "a", "b", "b"]);
});

Deno.test("seatOfLocalRank() refuses a rank that has no place on its machine", () => {
  const seats = adapterSeats(ADAPTERS);
  assert.equal(seatOfLocalRank(seats, 1), seats[1]);
  assert.throws(() => seatOfLocalRank(seats, 2), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /^Cannot seat rank 2 of this machine: expected at most 2 ranks [^\n]*$/);
    return true;
  });
});
