import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { ByteFile } from "../../lib/data/byte_file.ts";
import { decodeUtf8, PickleBytes, unescapeString, unescapeUnicode } from "../../lib/data/pickle_values.ts";
import { join, withFile } from "./pickle_bytes.ts";

Deno.test("unescapeUnicode() follows Python's raw-unicode-escape", () => {
  const cases: [string, string | undefined][] = [
    ["abc\xff", "abcÿ"],
    ["\\u0041\\U00000042", "AB"],
    ["\\\\u0041", "\\\\u0041"],
    ["\\n", "\\n"],
    ["\\", "\\"],
    ["\\u004", undefined],
    ["\\u00g1", undefined],
    ["\\U00110000", undefined],
  ];
  for (const [escaped, text] of cases) assert.equal(unescapeUnicode(join(escaped)), text, escaped);
});

Deno.test("unescapeString() follows Python 2's string escapes", () => {
  const text = (escaped: string) => {
    const bytes = unescapeString(join(escaped));
    return bytes && String.fromCharCode(...bytes);
  };
  assert.equal(text("a\\x41\\101\\0\\n\\\\\\'\\\""), "aAA\0\n\\'\"");
  assert.equal(text("\\x4"), undefined);
  assert.equal(text("\\q"), undefined);
  assert.equal(text("\\"), undefined);
});

Deno.test("PickleBytes decodes UTF-8 text to the bytes it stands for, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const stored = new TextEncoder().encode(String.fromCharCode(...bytes));
      withFile(join("pad", stored), (path) => {
        using file = ByteFile.open(path, "read");
        assert.deepEqual([...new PickleBytes(file, 3, stored.length, "utf-8").read()], [...bytes]);
      });
    }),
    { seed: 21, numRuns: 200 },
  );
  for (const stored of ["\xc4\x80", "\xff", "\xc3", "\xc3A", "\xe2\x82\xac"]) {
    withFile(join(stored), (path) => {
      using file = ByteFile.open(path, "read");
      assert.throws(() => new PickleBytes(file, 0, stored.length, "utf-8").read(), { name: "InputError" });
    });
  }
});

Deno.test("decodeUtf8() refuses what is not UTF-8", () => {
  assert.equal(decodeUtf8(join("\xef\xbb\xbfa")), "\ufeffa");
  assert.equal(decodeUtf8(join("\xff")), undefined);
});
