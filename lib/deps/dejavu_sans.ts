/** DejaVu Sans: a font with Latin, Greek, Cyrillic, Arabic and most signs. Its licence is the SIL Open Font License. */
import metadata from "npm:@fontsource/dejavu-sans@5.3.0/metadata.json" with { type: "json" };

/** What the font is called. */
export const FONT_FAMILY: string = metadata.family;

/** Where the package's regular and bold font files (WOFF2) were put when its modules were loaded. */
export function fontUrls(): string[] {
  return [
    import.meta.resolve("npm:@fontsource/dejavu-sans@5.3.0/files/dejavu-sans-latin-400-normal.woff2"),
    import.meta.resolve("npm:@fontsource/dejavu-sans@5.3.0/files/dejavu-sans-latin-700-normal.woff2"),
  ];
}
