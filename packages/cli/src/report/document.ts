/** A page as blocks, and what becomes of them: HTML that needs nothing else, and Markdown. */

/** Text is plain, but for `code` in backticks and links to files beside the page, as in Markdown. */
export type Block =
  | { kind: "heading"; level: 1 | 2 | 3; text: string }
  | { kind: "text"; text: string; style?: "quiet" | "notice" }
  | { kind: "list"; items: readonly string[]; numbered?: boolean }
  /** All columns but the first `words` hold numbers. */
  | { kind: "table"; head: readonly string[]; rows: readonly (readonly string[])[]; words: number }
  /** `svg` is a whole document, and stands in `file` beside the page too; `links` are other files beside it. */
  | { kind: "figure"; file: string; svg: string; alt: string; links: readonly string[] }
  | { kind: "code"; lines: readonly string[] }
  /** Shown on demand. */
  | { kind: "folded"; summary: string; blocks: readonly Block[] };

/** One HTML file without scripts and without links to anything that it needs; a comment stands at its head. */
export function toHtml(title: string, blocks: readonly Block[], comment: string, refresh?: number): string {
  return `<!doctype html>
<!-- ${comment} -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="flipnet">${refresh === undefined ? "" : `\n<meta http-equiv="refresh" content="${refresh}">`}
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${blocks.map(html).join("\n")}
</main>
</body>
</html>
`;
}

function html(block: Block, index: number): string {
  switch (block.kind) {
    case "heading":
      return `<h${block.level}>${inline(block.text)}</h${block.level}>`;
    case "text":
      return `<p${block.style ? ` class="${block.style}"` : ""}>${inline(block.text)}</p>`;
    case "list": {
      const tag = block.numbered ? "ol" : "ul";
      return `<${tag}>\n${block.items.map((item) => `<li>${inline(item)}</li>`).join("\n")}\n</${tag}>`;
    }
    case "table": {
      const row = (cells: readonly string[], tag: string) =>
        `<tr>${cells.map((cell, i) => `<${tag}${i < block.words ? ' class="words"' : ""}>${inline(cell)}</${tag}>`).join("")}</tr>`;
      return `<div class="table"><table>\n<thead>${row(block.head, "th")}</thead>\n<tbody>\n${block.rows
        .map((cells) => row(cells, "td"))
        .join("\n")}\n</tbody>\n</table></div>`;
    }
    case "figure": {
      const links = [block.file, ...block.links].map((file) => `<a href="${file}">${file}</a>`).join(" · ");
      return `<figure>${apart(block.svg, `f${index}-`)}<figcaption>${links}</figcaption></figure>`;
    }
    case "code":
      return `<pre>${escapeHtml(block.lines.join("\n"))}</pre>`;
    case "folded":
      return `<details><summary>${inline(block.summary)}</summary>\n${block.blocks.map(html).join("\n")}\n</details>`;
  }
}

/** Figures on one page must not share the ids of their clip paths. */
const apart = (svg: string, prefix: string) =>
  svg.replace(/\bid="/g, `id="${prefix}`).replace(/url\(#/g, `url(#${prefix}`);

const inline = (text: string) =>
  escapeHtml(text)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\[([^\]]+)\]\(([\w.-]+)\)/g, '<a href="$2">$1</a>');

const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The same for who reads on a git host; figures are files beside it. */
export function toMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(markdown).join("\n\n")}\n`;
}

function markdown(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `${"#".repeat(block.level)} ${escapeMarkdown(block.text)}`;
    case "text":
      return block.style === "notice" ? `**${escapeMarkdown(block.text)}**` : escapeMarkdown(block.text);
    case "list":
      return block.items
        .map((item, i) => `${block.numbered ? `${i + 1}.` : "-"} ${escapeMarkdown(item)}`)
        .join("\n");
    case "table": {
      const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
      const cells = (row: readonly string[]) =>
        line(row.map((cell) => escapeMarkdown(cell).replaceAll("|", "\\|")));
      const rule = line(block.head.map((_, i) => (i < block.words ? "---" : "--:")));
      return [cells(block.head), rule, ...block.rows.map(cells)].join("\n");
    }
    case "figure":
      return `![${escapeMarkdown(block.alt).replace(/[[\]]/g, "\\$&")}](${block.file})`;
    case "code": {
      const text = block.lines.join("\n");
      // Longer than any that is in it.
      const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
      return [`${fence}sh`, text, fence].join("\n");
    }
    case "folded":
      return `<details><summary>${inline(block.summary)}</summary>\n\n${block.blocks.map(markdown).join("\n\n")}\n\n</details>`;
  }
}

/** Of what could be a tag, emphasis, a link that does not lead to a file beside the page, or another line. */
const escapeMarkdown = (text: string) =>
  text
    .split(/(`[^`]+`)/)
    .map((part, i) =>
      i % 2 === 1 ? part : part.replace(/[<*_\\]|\[(?![^\]]+\]\([\w.-]+\))/g, "\\$&").replace(/\s+/g, " "),
    )
    .join("");

const STYLE = `
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --paper: #fff; --rule: #d1d9e0; --shade: #f6f8fa;
  --link: #0a5ab4; --notice: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #9aa4af; --paper: #14181d; --rule: #333c46;
  --shade: #1d232a; --link: #6cb6ff; --notice: #3a3010; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.75rem 0 0.5rem; }
p, ul, ol { margin: 0.5rem 0 1rem; max-width: 48rem; }
ul, ol { padding-left: 1.25rem; }
a { color: var(--link); }
.quiet, figcaption { color: var(--quiet); font-size: 0.875rem; }
.notice { background: var(--notice); border-left: 4px solid #e69f00; padding: 0.5rem 0.75rem; }
figure { margin: 1.25rem 0; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 600px; max-width: 760px; height: auto; background: #fff; border-radius: 6px; }
figcaption { margin-top: 0.25rem; }
.table { overflow-x: auto; margin: 0.5rem 0; }
table { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.5rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top; }
td { white-space: nowrap; }
td:first-child { white-space: normal; min-width: 11rem; }
th { vertical-align: bottom; border-bottom: 2px solid var(--rule); }
.words { text-align: left; padding-left: 0; }
th:first-child, td:first-child { padding-left: 0; }
code, pre { font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre { background: var(--shade); padding: 0.75rem 1rem; border-radius: 6px; overflow-x: auto; }
summary { cursor: pointer; font-weight: 600; margin: 1rem 0; }
@media print {
  :root { color-scheme: light; --ink: #000; --quiet: #444; --paper: #fff; --rule: #999; --shade: #fff; --link: #000;
    --notice: #fff; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--rule); }
  .table { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: 0.15rem 0.3rem; }
  td:first-child { min-width: 0; }
}
`;
