/** WGSL that reads parts of a map [images, height, width, channels in fours] whose places outside are zeros. */

/** A map in a buffer. */
export interface PaddedMap {
  /** The buffer's name. */
  readonly buffer: string;
  readonly height: number;
  readonly width: number;
  /** Vectors of four channels. */
  readonly wide: number;
}

/** A number as a part of a name. */
export const label = (i: number): string => i < 0 ? `m${-i}` : `${i}`;

/**
 * Statements for columns `left` + j of the map, vector `c` of their channels: `okx` + j says whether there is such a column, and `px` + j is
 * its vector within a row, or that of one that there is.
 */
export function paddedColumns(
  { width, wide }: Pick<PaddedMap, "width" | "wide">,
  columns: readonly number[],
): string[] {
  return columns.map((j) => {
    const x = `x${label(j)}`;
    return `let ${x} = left + ${j}; let ok${x} = ${x} >= 0 && ${x} < ${width}; ` +
      `let p${x} = u32(clamp(${x}, 0, ${width - 1})) * ${wide}u + c;`;
  });
}

/**
 * Statements that read rows `top` + i and columns `left` + j of image `image`, vector `c` of their channels, as PREFIXi_j. Where `inside` is
 * given and false all are zeros; `value` changes what is read, but not those zeros.
 */
export function paddedBlock(
  map: PaddedMap,
  prefix: string,
  [rows, columns]: readonly [readonly number[], readonly number[]],
  { inside, value = (loaded) => loaded }: { inside?: string; value?: (loaded: string) => string } = {},
): string[] {
  const { buffer, height, width, wide } = map;
  const lines = paddedColumns(map, columns);
  for (const i of rows) {
    const y = `y${label(i)}`;
    lines.push(
      `let ${y} = top + ${i}; let ok${y} = ${inside ? `${inside} && ` : ""}${y} >= 0 && ${y} < ${height};`,
      `let row${label(i)} = (image * ${height}u + u32(clamp(${y}, 0, ${height - 1}))) * ${width * wide}u;`,
    );
    for (const j of columns) {
      const loaded = value(`${buffer}[row${label(i)} + px${label(j)}]`);
      lines.push(`let ${prefix}${label(i)}_${label(j)} = select(vec4f(), ${loaded}, ok${y} && okx${label(j)});`);
    }
  }
  return lines;
}
