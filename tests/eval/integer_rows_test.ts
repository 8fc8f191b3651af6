import assert from "node:assert/strict";
import { readIntegerRows } from "../../lib/eval/integer_rows.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("readIntegerRows() reads columns, however numbers are apart", () =>
  withFolder((folder) => {
    const path = `${folder}/list.txt`;
    const read = (text: string, columns = 3) => {
      Deno.writeTextFileSync(path, text);
      return readIntegerRows(path, columns, "three numbers").map((column) => [...column]);
    };
    assert.deepEqual(read("1 2 3\n4 5 6\n"), [[1, 4], [2, 5], [3, 6]]);
    assert.deepEqual(read("\n 1\t2,3 \r\n\n04  5 2147483647"), [[1, 4], [2, 5], [3, 2147483647]]);
    assert.deepEqual(read(""), [[], [], []]);
    const many = Array.from({ length: 600_000 }, (_, i) => `${i} ${i % 7} ${i % 2}`).join("\n"); // several chunks
    const [first, second, third] = read(many);
    assert.equal(first.length, 600_000);
    assert.ok(first.every((value, i) => value === i && second[i] === i % 7 && third[i] === i % 2));
  }));

Deno.test("readIntegerRows() names the line that is wrong", () =>
  withFolder((folder) => {
    const path = `${folder}/list.txt`;
    for (
      const [text, message] of [
        ["1 2 3\n4 5\n", /list\.txt: expected three numbers on line 2, found 2 numbers/],
        ["1 2 3\n4 5 6 7\n", /on line 2, found more than 3 numbers/],
        ["1 2 3\n4 -5 6\n", /on line 2, found "-"/],
        ["1 2 3\n4 5 six\n", /on line 2, found "s"/],
        ["1 2 2147483648\n", /on line 1, found a number above 2147483647/],
        ["1 2 3\n4", /on line 2, found 1 numbers/],
      ] as const
    ) {
      Deno.writeTextFileSync(path, text);
      assert.throws(() => readIntegerRows(path, 3, "three numbers"), { name: "InputError", message });
    }
    assert.throws(() => readIntegerRows(`${folder}/none`, 3, "three numbers"), /none: no such file/);
  }));
