import assert from "node:assert/strict";
import { duration, Progress, type ProgressWriter } from "../../lib/train/progress.ts";

/** A writer that keeps what is written, and a clock that stands still until it is set. */
function stage(isTerminal: boolean, columns = 120) {
  const state = { text: "", now: 0 };
  const writer: ProgressWriter = { write: (text) => void (state.text += text), isTerminal, columns };
  return { state, writer, clock: () => state.now };
}

/** What a terminal shows after these control characters: enough for a bar and lines above it. */
function screen(text: string): string[] {
  const rows = [""];
  let column = 0;
  // deno-lint-ignore no-control-regex -- terminal control
  for (const [part] of text.matchAll(/\x1b\[\??\d*[a-zA-Z]|[^]/gu)) {
    const row = rows[rows.length - 1];
    if (part === "\r") column = 0;
    else if (part === "\n") [column] = [0, rows.push("")];
    else if (part === "\x1b[2K") rows[rows.length - 1] = "";
    else if (part === "\x1b[K") rows[rows.length - 1] = row.slice(0, column);
    else if (!part.startsWith("\x1b")) {
      rows[rows.length - 1] = row.slice(0, column).padEnd(column) + part + row.slice(column + 1);
      column++;
    }
  }
  return rows;
}

Deno.test("Progress without a terminal writes a line for a loss, at most one per interval", () => {
  const { state, writer, clock } = stage(false);
  using progress = new Progress(writer, { interval: 10, clock });
  progress.start(1000);
  assert.equal(state.text.length, 0);
  state.now = 5_000;
  progress.update({
    step: 50,
    epoch: 1,
    loss: 12.34567,
    t: 0.0123,
    marginMean: 0.4567,
    marginMin: 0.4,
    marginMax: 0.6,
    lr: 0.1,
    imagesPerSecond: 5.25,
  });
  assert.equal(
    state.text,
    "epoch 1  step 50/1000  loss 12.3457  5.3 images/s  1:35 left  t 0.0123  margin 0.457 (0.400 to 0.600)  lr 0.1\n",
  );
  state.now = 14_999;
  progress.update({ step: 100, loss: 11 });
  progress.line("saved");
  state.now = 15_000;
  progress.update({ step: 120 });
  assert.deepEqual(state.text.split("\n").slice(1), ["saved", ""]);
  progress.update({ step: 150, loss: 10 });
  // What was not given stays; time left is by the mean speed since the start.
  assert.match(state.text.split("\n")[2], /^epoch 1 {2}step 150\/1000 {2}loss 10\.0000 .* 1:25 left/);
});

Deno.test("Progress of a resumed run reckons the time left from the steps of this run", () => {
  const { state, writer, clock } = stage(false);
  using progress = new Progress(writer, { clock });
  progress.start(1000, 900);
  state.now = 10_000;
  progress.update({ step: 910, loss: 1 });
  assert.match(state.text, /step 910\/1000 .* 1:30 left/);
});

Deno.test("Progress on a terminal shows a bar in one line, other lines above it, and takes it away", () => {
  const { state, writer, clock } = stage(true, 60);
  const progress = new Progress(writer, { clock });
  progress.start(4);
  progress.update({ step: 2, epoch: 1, loss: 3, t: 0.5, marginMean: 0.4, imagesPerSecond: 100 });
  progress.line("first");
  progress.line("second");
  const rows = screen(state.text);
  assert.deepEqual(rows.slice(0, 2), ["first", "second"]);
  assert.equal(rows.length, 3);
  assert.match(rows[2], /^█{8}░{8} epoch 1 {2}step 2\/4 {2}loss 3\.0000/);
  assert.ok(rows[2].length < 60);
  progress.stop();
  progress.stop();
  assert.deepEqual(screen(state.text), ["first", "second", ""]);
  // Cursor and line wrapping are as before.
  assert.ok(state.text.lastIndexOf("\x1b[?25h") > state.text.lastIndexOf("\x1b[?25l"));
  assert.ok(state.text.lastIndexOf("\x1b[?7h") > state.text.lastIndexOf("\x1b[?7l"));
  progress.line("after");
  assert.deepEqual(screen(state.text), ["first", "second", "after", ""]);
});

Deno.test("duration() in hours, minutes and seconds", () => {
  assert.equal(duration(5), "0:05");
  assert.equal(duration(125.4), "2:05");
  assert.equal(duration(3600 * 12 + 61), "12:01:01");
  assert.equal(duration(-1), "0:00");
});
