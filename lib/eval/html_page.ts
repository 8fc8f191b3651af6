/** Text as HTML shows it, also within an attribute's quotes. */
export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (letter) => names[letter]);
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; background: #fff; color: #1b1f24; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d0d7de; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #57606a; }
.wide { overflow-x: auto; } .note { color: #57606a; }
.errors { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; } figcaption { font-size: .85rem; }
figure img { width: 112px; height: 112px; object-fit: contain; background: #eaeef2; } svg { max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { body { background: #16191d; color: #e6e9ec; } th, td { border-color: #3b424a; } .note { color: #9aa4ae; }
  svg { background: #fff; } }
`;

/**
 * A whole page in one file: nothing is loaded from anywhere, and a browser is told not to.
 *
 * `body` is HTML; what comes from files must have gone through `escapeHtml`.
 */
export function htmlPage(title: string, body: string): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
}

/** A table; cells are text. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
  return `<div class="wide"><table><thead><tr>${
    cells(head, "th")
  }</tr></thead>\n<tbody>\n${body}\n</tbody></table></div>`;
}
