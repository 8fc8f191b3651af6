import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { decodeImageRecord, encodeImageRecord, imageRecordId, isRangeRecord } from "../../lib/data/image_record.ts";

Deno.test("encodeImageRecord() lays out header, labels and image", () => {
  const bytes = encodeImageRecord({ label: [1, -2], id: 258, id2: 2n ** 63n, image: Uint8Array.of(9) });
  assert.deepEqual(
    [...bytes],
    [...[2, 0, 0, 0], ...[0, 0, 0, 0], ...[2, 1, 0, 0, 0, 0, 0, 0], ...[0, 0, 0, 0, 0, 0, 0, 128]]
      .concat([...[0, 0, 128, 63], ...[0, 0, 0, 192], 9]),
  );
});

Deno.test("decodeImageRecord() gives back what encodeImageRecord() was given", () => {
  const labels = fc.array(fc.float({ noNaN: true }), { maxLength: 5 });
  fc.assert(
    fc.property(
      labels,
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.uint8Array({ maxLength: 20 }),
      (label, id, image) => {
        const record = decodeImageRecord(
          encodeImageRecord({ label: label.length === 1 ? label[0] : label, id, image }),
        );
        assert.equal(record.flag, label.length === 1 ? 0 : label.length);
        assert.deepEqual([...record.labels], label.length === 0 ? [0] : label);
        assert.equal(record.id, id);
        assert.deepEqual([...record.image], [...image]);
      },
    ),
    { seed: 31 },
  );
});

Deno.test("decodeImageRecord() refuses a payload that is too short for what it says", () => {
  const bytes = encodeImageRecord({ label: [1, 2], image: Uint8Array.of(1, 2, 3) });
  for (let length = 0; length < 32; length++) {
    assert.throws(() => decodeImageRecord(bytes.subarray(0, length), "key 4"), {
      name: "InputError",
      message: /key 4/,
    });
  }
  bytes.fill(255, 0, 4);
  assert.throws(() => decodeImageRecord(bytes), /expected 4294967295 labels after its header, found room for 2/);
});

Deno.test("imageRecordId() and isRangeRecord() tell records apart", () => {
  assert.equal(imageRecordId(encodeImageRecord({ label: 0, id: 2 ** 40 + 3 })), 2 ** 40 + 3);
  assert.equal(imageRecordId(encodeImageRecord({ label: 0, id: 2n ** 60n })), undefined);
  assert.equal(imageRecordId(new Uint8Array(23)), undefined);
  assert.ok(isRangeRecord(decodeImageRecord(encodeImageRecord({ label: [5, 9] }))));
  assert.ok(!isRangeRecord(decodeImageRecord(encodeImageRecord({ label: [5, 9], image: Uint8Array.of(1) }))));
});
