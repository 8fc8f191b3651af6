import assert from "node:assert/strict";
import { decodePng } from "../../lib/data/png.ts";
import type { RgbImage } from "../../lib/data/rgb_image.ts";
import { linePlot } from "../../lib/eval/line_plot.ts";
import { plotPng } from "../../lib/eval/plot_png.ts";

const svg = (content: string) => `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20">${content}</svg>`;
const ground = '<rect width="80" height="20" fill="#ffffff"/>';

/** Pixels that are darker than grey. */
function dark({ pixels }: RgbImage): number {
  let count = 0;
  for (let at = 0; at < pixels.length; at += 3) if (pixels[at] < 128) count++;
  return count;
}

Deno.test("plotPng() draws shapes and letters of several scripts, bold ones bolder, at the zoom asked for", async () => {
  const square = decodePng(await plotPng(svg(`${ground}<rect x="4" y="4" width="8" height="8" fill="#0072b2"/>`)));
  assert.deepEqual([square.width, square.height], [160, 40]);
  assert.deepEqual([...square.pixels.subarray((16 * 160 + 16) * 3, (16 * 160 + 16) * 3 + 3)], [0x00, 0x72, 0xb2]);
  assert.equal(dark(square), 256);
  const text = async (words: string, attributes = "") =>
    dark(decodePng(await plotPng(svg(`${ground}<text x="2" y="15" ${attributes}>${words}</text>`), { zoom: 1 })));
  const regular = await text("набор 1e-4", 'font-family="no such font, sans-serif"');
  assert.ok(regular > 60, `${regular}`);
  assert.ok(await text("набор 1e-4", 'font-weight="600"') > 1.2 * regular);
  assert.equal(await text(""), 0);
});

Deno.test("plotPng() gives the same bytes each time, and refuses what is no picture", async () => {
  const plot = linePlot({ x: { label: "x" }, y: { label: "y" }, series: [{ points: [[0, 1], [1, 3]], fill: true }] });
  assert.match(plot, /fill="#0072b2" fill-opacity/);
  const png = await plotPng(plot);
  assert.deepEqual(await plotPng(plot), png);
  const { width, height } = decodePng(png);
  assert.deepEqual([width, height], [1400, 840]);
  await assert.rejects(plotPng("no picture"), /Cannot draw a plot: expected an SVG picture, found .*1:1/);
  await assert.rejects(plotPng(plot, { zoom: 9 }), /a zoom over 0 and at most 8, found 9/);
});
