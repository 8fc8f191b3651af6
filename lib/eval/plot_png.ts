import { InputError } from "../errors.ts";

/** How a picture becomes pixels. */
export interface PlotPngOptions {
  /** Pixels of the PNG per pixel of the picture. @default 2, sharp on fine screens and in print */
  readonly zoom?: number;
}

/** Draws SVG pictures with fonts of its own. */
type Rasteriser = (svg: string, zoom: number) => Uint8Array;

let opened: Promise<Rasteriser> | undefined;

/**
 * The PNG file of a plot: of an SVG picture with lines and text and no other files.
 *
 * Drawn by resvg as WebAssembly, which is loaded at the first call (2.5 MB, and the font's 0.5 MB). It does the whole of static SVG,
 * and needs no native library and no permission but to read its file. A plot takes some tenths of a second, most of them to unpack the font.
 * WebAssembly does not see the fonts of the system: text is set in DejaVu Sans, whatever family the picture asks for, so that a plot has
 * the same pixels on every machine. It was chosen for its letters (Latin, Greek, Cyrillic, Arabic: names of sets are anyone's) and
 * its digits of one width; Lato, a tenth as large and unpacked at once, has Latin only.
 *
 * @throws {InputError} (as a rejection) if the picture is no SVG, or the packages' files may not be read.
 *
 * @example
 * ```ts
 * import { linePlot } from "./line_plot.ts";
 * import { plotPng } from "./plot_png.ts";
 *
 * const png = await plotPng(linePlot({ x: { label: "step" }, y: { label: "loss" }, series: [{ points: [[0, 2], [9, 1]] }] }));
 * console.assert(png[1] === 0x50 && png[2] === 0x4e && png[3] === 0x47);
 * ```
 */
export async function plotPng(svg: string, { zoom = 2 }: PlotPngOptions = {}): Promise<Uint8Array> {
  if (!(zoom > 0 && zoom <= 8)) {
    throw new InputError(`Cannot draw a plot: expected a zoom over 0 and at most 8, found ${zoom}`);
  }
  opened ??= openRasteriser();
  const draw = await opened;
  return draw(svg, zoom);
}

async function openRasteriser(): Promise<Rasteriser> {
  const { initWasm, Resvg, resvgWasmUrl } = await import("../deps/resvg.ts");
  const { FONT_FAMILY, fontUrls } = await import("../deps/dejavu_sans.ts");
  const fontBuffers = fontUrls().map(packageFile);
  await initWasm(packageFile(resvgWasmUrl()));
  const families = { defaultFontFamily: FONT_FAMILY, sansSerifFamily: FONT_FAMILY };
  return (svg, zoom) => {
    let picture: InstanceType<typeof Resvg>;
    try {
      picture = new Resvg(svg, { font: { fontBuffers, ...families }, fitTo: { mode: "zoom", value: zoom } });
    } catch (error) {
      throw new InputError(`Cannot draw a plot: expected an SVG picture, found ${error}`);
    }
    const image = picture.render();
    try {
      return image.asPng();
    } finally {
      image.free();
      picture.free();
    }
  };
}

/** A file of an npm package, where Deno keeps it. */
function packageFile(address: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(new URL(address));
  } catch (error) {
    throw new InputError(
      `Cannot draw a plot: expected to read ${address}, found ${
        (error as Error).message.split("\n", 1)[0]
      }; run with --allow-read`,
      { cause: error },
    );
  }
}
