/**
 * Undoes the row filters of a PNG, in place.
 *
 * `rows` is [height, 1 + rowBytes]: each row's filter, then its bytes. `pixelBytes` is the distance to the byte "on the
 * left", at least 1.
 *
 * @returns false if a row names a filter that does not exist.
 * @source PNG specification, third edition, 9 Filtering
 */
export function unfilterPng(rows: Uint8Array, rowBytes: number, pixelBytes: number): boolean {
  const stride = rowBytes + 1;
  const above = new Uint8Array(rowBytes);
  for (let start = 0; start < rows.length; start += stride) {
    const row = rows.subarray(start + 1, start + stride);
    const previous = start === 0 ? above : rows.subarray(start - rowBytes, start);
    switch (rows[start]) {
      case 0:
        break;
      case 1:
        for (let i = pixelBytes; i < rowBytes; i++) row[i] += row[i - pixelBytes];
        break;
      case 2:
        for (let i = 0; i < rowBytes; i++) row[i] += previous[i];
        break;
      case 3:
        for (let i = 0; i < rowBytes; i++) {
          row[i] += ((i < pixelBytes ? 0 : row[i - pixelBytes]) + previous[i]) >> 1;
        }
        break;
      case 4:
        for (let i = 0; i < rowBytes; i++) {
          row[i] += i < pixelBytes ? previous[i] : paeth(row[i - pixelBytes], previous[i], previous[i - pixelBytes]);
        }
        break;
      default:
        return false;
    }
  }
  return true;
}

/** Of left, above and above-left: the one nearest to left + above - above-left; ties in that order. */
function paeth(left: number, above: number, corner: number): number {
  const fromLeft = Math.abs(above - corner);
  const fromAbove = Math.abs(left - corner);
  const fromCorner = Math.abs(left + above - 2 * corner);
  if (fromLeft <= fromAbove && fromLeft <= fromCorner) return left;
  return fromAbove <= fromCorner ? above : corner;
}
