import assert from "node:assert/strict";
import { checkGoldenFile, goldenFiles } from "../../tools/golden/check_folder.ts";
import { withFolder } from "../temporary_folder.ts";

const GOLDEN = "tests/golden";

for (const file of goldenFiles(GOLDEN)) {
  Deno.test(`every number of ${file.path.split("/").at(-1)} (${file.kind}) is within its bound`, async () => {
    const rows = await checkGoldenFile(file);
    assert.ok(rows.length > 10);
    assert.deepEqual(rows.filter(({ ok }) => !ok), []);
  });
}

async function parity(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "tools/parity.ts", ...args],
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("parity finds golden files by what is in them, and leaves other JSON alone", async () => {
  await withFolder(async (folder) => {
    Deno.copyFileSync(`${GOLDEN}/pair_protocol.json`, `${folder}/anything.json`);
    Deno.writeTextFileSync(`${folder}/package.json`, "{}");
    Deno.writeTextFileSync(`${folder}/README.md`, "no golden numbers");
    const { code, out } = await parity(folder);
    assert.equal(code, 0);
    assert.match(out, /anything\.json \(pairs\)/);
    assert.match(out, /\d+ quantities in 1 file: \d+ within their bound, 0 outside/);
    assert.doesNotMatch(out, /package/);
  });
});

Deno.test("parity --json is one document; a number that is off is outside, exit code 1", async () => {
  await withFolder(async (folder) => {
    const golden = JSON.parse(Deno.readTextFileSync(`${GOLDEN}/pair_protocol.json`));
    golden.cases[0].cosine.accuracy_mean += 1e-6;
    Deno.writeTextFileSync(`${folder}/pairs.json`, JSON.stringify(golden));
    const { code, out } = await parity(folder, "--json");
    assert.equal(code, 1);
    const report = JSON.parse(out);
    assert.equal(report.rows.length, report.quantities);
    const outside = report.rows.filter(({ ok }: { ok: boolean }) => !ok);
    assert.equal(report.outside, 1);
    assert.match(outside[0].quantity, /cosine accuracy$/);
  });
});

Deno.test("parity finds numbers of the head that are off", async () => {
  await withFolder(async (folder) => {
    const golden = JSON.parse(Deno.readTextFileSync(`${GOLDEN}/center_bias_head.json`));
    golden.cases.splice(1);
    // Both precisions alike: PyTorch's own error stays what it was.
    for (const [, step] of [golden.cases[0].float64, golden.cases[0].float32]) {
      step.total_loss *= 1 + 1e-4;
      step.grad_weight.value[2] += 1e-3 * step.grad_weight.l2;
      step.center.l2 *= 1 + 1e-4;
    }
    Deno.writeTextFileSync(`${folder}/head.json`, JSON.stringify(golden));
    const { code, out } = await parity(folder, "--only", "head");
    assert.equal(code, 1);
    const summary = out.split("within their bound")[1];
    for (const what of ["step 1 loss", "step 1 gradient of weight", "step 1 center"]) assert.ok(summary.includes(what));
    assert.match(summary, /^, 3 outside/);
  });
});

Deno.test("parity: one line and exit code 2 for what it cannot check", async () => {
  await withFolder(async (folder) => {
    const refused = async (pattern: RegExp, ...args: string[]) => {
      const { code, err } = await parity(...args);
      assert.equal(code, 2, err);
      assert.match(err, /^error: [^\n]*\n$/);
      assert.match(err, pattern);
    };
    await refused(/expected golden files \(\.json\), found none among 0 \.json files/, folder);
    await refused(/missing: expected a folder of golden files/, `${folder}/missing`);
    Deno.writeTextFileSync(`${folder}/head.json`, '{"cases": [');
    await refused(/head\.json: expected JSON/, folder);
    Deno.writeTextFileSync(`${folder}/head.json`, '{"cases": [{"classes": 3, "float64": []}]}');
    await refused(/head\.json: it is a golden file of kind head, but at cases\.0\.dim/, folder);
    await refused(/--only/, folder, "--only", "nothing");
    await refused(/missing required argument/);
  });
});
