import assert from "node:assert/strict";
import { csvCell } from "../../lib/data/csv_cell.ts";

Deno.test("csvCell() quotes what would end a cell or be computed", () => {
  const cells = {
    "": "",
    "a b": "a b",
    'a,"b"': '"a,""b"""',
    "a\nb": '"a\nb"',
    "@x": "'@x",
    "-1.5": "-1.5",
    "-x": "'-x",
  };
  for (const [text, cell] of Object.entries(cells)) assert.equal(csvCell(text), cell);
});
