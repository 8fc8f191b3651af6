/** Text as HTML shows it, also within an attribute's quotes. */
export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (letter) => names[letter]);
}

/** Plots of `linePlot` keep their white ground in print; on a dark page their ground, grid, letters and darkest lines change. */
const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --strong: #8c959f; --card: #f6f8fa; --link: #0a5ca8; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 1.6rem 1rem 4rem; background: var(--ground); color: var(--ink); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .4rem 0 .6rem; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .6rem; padding-top: .7rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.7rem 0 .5rem; }
p, ul { max-width: 46rem; } a { color: var(--link); } code { font-size: .92em; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem; white-space: nowrap; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { border-bottom: 1px solid var(--strong); font-size: .87rem; vertical-align: bottom; }
tbody th { font-weight: 500; } td small { display: block; color: var(--soft); font-size: .8rem; }
tr.total th, tr.total td { border-top: 1px solid var(--strong); font-weight: 600; } tr.total small { font-weight: 400; }
.wide { overflow-x: auto; } .wide th:first-child { position: sticky; left: 0; background: var(--ground); }
table.facts th, table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; } table.facts th { min-width: 8rem; color: var(--soft); }
.note { color: var(--soft); font-size: .92rem; }
.plot svg { display: block; } .plot > svg { width: 100%; max-width: 1000px; height: auto; } .plot.narrow { display: none; }
.errors { display: grid; grid-template-columns: repeat(auto-fill, minmax(14.7rem, 1fr)); gap: .8rem; padding: 0; margin: .6rem 0; max-width: none; list-style: none; }
.errors li { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .5rem; }
.errors figure { width: min-content; } .errors figure div { display: flex; gap: 4px; }
.errors img { width: 106px; height: 106px; object-fit: contain; background: var(--line); border-radius: 3px; }
figure { margin: 0; } .errors figcaption { font-size: .82rem; line-height: 1.4; margin-top: .3rem; } .errors .note { font-size: inherit; }
.headline { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.1rem 0; padding: 0; max-width: none; list-style: none; }
.headline li { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem 1rem; min-width: 9.5rem; color: var(--soft); font-size: .87rem; }
.headline strong { display: block; font-size: 1.45rem; line-height: 1.3; color: var(--ink); font-variant-numeric: tabular-nums; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; list-style: none; max-width: none; }
summary { cursor: pointer; } dt { font-weight: 600; } dd { margin: 0 0 .5rem; max-width: 46rem; }
@media (max-width: 44rem) {
  body { padding-top: .8rem; } th, td { padding: .3rem .55rem; }
  .plot.broad { display: none; } .plot.narrow { display: block; }
  caption { white-space: normal; }
  .errors { grid-template-columns: repeat(auto-fill, minmax(10.4rem, 1fr)); gap: .6rem; } .errors img { width: 74px; height: 74px; }
  .headline li { flex: 1 1 40%; }
}
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #15181c; --ink: #e6e9ec; --soft: #9ba6b1; --line: #333a42; --strong: #6e7882; --card: #1d2126; --link: #74b4f0; }
  .plot > svg { fill: var(--ink); } .plot > svg > rect:first-child { fill: var(--ground); }
  .plot [stroke="#e3e3e3"] { stroke: #2b3138; } .plot [stroke="#555555"] { stroke: #8b949e; } .plot [stroke="#000000"] { stroke: #f0f3f6; }
  .plot [stroke="#0072b2"] { stroke: #4ba3e3; } .plot [fill="#0072b2"] { fill: #4ba3e3; }
}
@media print { body { max-width: none; } .errors li, .plot, tr { break-inside: avoid; } }
`;

/**
 * A whole page in one file: nothing is loaded from anywhere, and a browser is told not to; no script runs.
 *
 * `body` is HTML; what comes from files must have gone through `escapeHtml`.
 */
export function htmlPage(title: string, body: string): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
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

/** Text in a table, with a smaller note below it. */
export type HtmlCell = string | readonly [text: string, note: string];

/** What a table has besides its cells. */
export interface HtmlTableOptions {
  /** Above it. @default nothing */
  readonly caption?: string;
  /** To find it by; letters, digits and dashes. @default none */
  readonly id?: string;
  /** The last row sums up the others. @default false */
  readonly total?: boolean;
}

/** A table; cells are text, the first of each row names it. One that is broader than the page can be moved sideways, with keys too. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly HtmlCell[])[],
  { caption, id, total = false }: HtmlTableOptions = {},
): string {
  const titles = head.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join("");
  const lines = rows.map((row, r) => {
    const cells = row.map((cell, c) => {
      const content = typeof cell === "string"
        ? escapeHtml(cell)
        : `${escapeHtml(cell[0])}<small>${escapeHtml(cell[1])}</small>`;
      return c === 0 ? `<th scope="row">${content}</th>` : `<td>${content}</td>`;
    });
    return `<tr${total && r === rows.length - 1 ? ' class="total"' : ""}>${cells.join("")}</tr>`;
  });
  const named = caption === undefined ? "" : `<caption>${escapeHtml(caption)}</caption>`;
  const label = escapeHtml(caption ?? `table of ${head[0]}`);
  return `<div class="wide" role="region" aria-label="${label}" tabindex="0"><table${
    id === undefined ? "" : ` id="${id}"`
  }>${named}<thead><tr>${titles}</tr></thead>
<tbody>
${lines.join("\n")}
</tbody></table></div>`;
}

/** Names and what they are, a line each. */
export function htmlFacts(facts: readonly (readonly [name: string, value: string])[], id?: string): string {
  const lines = facts.map(([name, value]) =>
    `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`
  );
  return `<table class="facts"${id === undefined ? "" : ` id="${id}"`}><tbody>\n${lines.join("\n")}\n</tbody></table>`;
}
