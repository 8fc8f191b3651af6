import assert from "node:assert/strict";
import { formatProperty, readProperty } from "../../lib/data/property.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("readProperty() reads classes, height, width", () =>
  withFolder((folder) => {
    const path = `${folder}/property`;
    assert.equal(readProperty(path), undefined);
    for (const text of ["85742,112,96", "85742, 112, 96\r\n\n"]) {
      Deno.writeTextFileSync(path, text);
      assert.deepEqual(readProperty(path), { classes: 85742, height: 112, width: 96 });
    }
    assert.equal(formatProperty(readProperty(path)!), "85742,112,96\n");
  }));

Deno.test("readProperty() refuses anything else", () =>
  withFolder((folder) => {
    const path = `${folder}/property`;
    const faults: [string, RegExp][] = [
      ["", /property: expected "classes,height,width", each at least 1, found ""/],
      ["0,112,112", /found zero classes/],
      ["5,0,112", /found images of 0x112/],
      ["5,112", /found "5,112"/],
      ["-5,112,112", /found "-5,112,112"/],
      ["1e3,112,112", /found "1e3/],
      ["5,112,112,3", /found "5,112,112,3"/],
      ["1,".repeat(4000), /found more than 4096 bytes/],
    ];
    for (const [text, message] of faults) {
      Deno.writeTextFileSync(path, text);
      assert.throws(() => readProperty(path), { name: "InputError", message }, text.slice(0, 20));
    }
  }));
