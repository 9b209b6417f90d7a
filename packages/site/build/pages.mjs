// The written pages: every Markdown file that the repository has for readers, and the API reference, as HTML, and the index
// that the search reads.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";
import { Marked } from "marked";
import { getHeadingList, gfmHeadingId } from "marked-gfm-heading-id";
import MiniSearch from "minisearch";
import { indexOptions } from "../src/search-options.mjs";
import { escaped, frame, places } from "./frame.mjs";

const root = resolve(import.meta.dirname, "../../..");

/** Files at the root of the repository, and where they stand in the site. */
const others = {
  "README.md": "docs/readme.html",
  "CHANGELOG.md": "docs/changelog.html",
  "CONTRIBUTING.md": "docs/contributing.html",
  "SECURITY.md": "docs/security.html",
};

/** Where a Markdown file of the repository stands in the site; undefined: it does not. */
export function placeOf(file) {
  if (others[file]) return others[file];
  if (/^(docs|api)\/.*\.md$/.test(file)) return file.replace(/\.md$/, ".html");
  const [, name] = /^results\/([\w-]+)\/README\.md$/.exec(file) ?? [];
  return name === undefined ? undefined : `results/${name}.html`;
}

/** The Markdown files in a folder, as paths from where `name` is. */
const markdownIn = (folder, name) =>
  readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(".md"))
    .map((path) => posix.join(name, path.replaceAll("\\", "/")))
    .sort();

const decode = (html) =>
  html
    .replace(/<[^>]*>/g, " ")
    .replace(
      /&(lt|gt|amp|quot|#39);/g,
      (_, name) => ({ lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'" })[name],
    )
    .replace(/\s+/g, " ")
    .trim();

/**
 * Writes all pages into `out`.
 * @param reference folder with the API's Markdown
 * @param head what the pages load, as HTML with `ROOT` for the way to the site's root
 */
export function writePages(out, reference, head) {
  const sources = new Map();
  const own = ["docs", "results"].flatMap((folder) => markdownIn(join(root, folder), folder));
  for (const file of [...own, ...Object.keys(others)])
    if (placeOf(file) !== undefined && existsSync(join(root, file))) sources.set(file, join(root, file));
  for (const file of markdownIn(reference, "api")) sources.set(file, join(reference, relative("api", file)));

  const index = readFileSync(join(root, "docs/index.md"), "utf8");
  const unlisted = own.filter(
    (file) => /^docs\/(?!index\.md)/.test(file) && !index.includes(`(${relative("docs", file)})`),
  );
  if (unlisted.length > 0) throw new Error(`docs/index.md does not name ${unlisted.join(", ")}`);

  const search = new MiniSearch(indexOptions);
  const broken = [];
  for (const [file, path] of sources) {
    const place = placeOf(file);
    const up = relative(dirname(place), ".").replaceAll("\\", "/");
    const toRoot = up === "" ? "./" : `${up}/`;

    /** The address of something that a page links to; undefined where the site does not have it. */
    const addressOf = (href) => {
      if (/^(https?:|mailto:|#)/.test(href)) return href;
      const [to, hash] = href.split("#");
      const target = posix.normalize(posix.join(posix.dirname(file), decodeURI(to)));
      const found = sources.has(target)
        ? placeOf(target)
        : sources.has(`${target}/README.md`)
          ? placeOf(`${target}/README.md`)
          : undefined;
      if (found !== undefined) return `${toRoot}${found}${hash ? `#${hash}` : ""}`;
      if (/\.(svg|png)$/.test(target) && existsSync(join(root, target))) {
        mkdirSync(join(out, dirname(target)), { recursive: true });
        copyFileSync(join(root, target), join(out, target));
        return `${toRoot}${target}`;
      }
      if (!existsSync(join(root, target)) || file.startsWith("api/")) broken.push(`${file}: ${href}`);
      return undefined;
    };
    const marked = new Marked(gfmHeadingId(), {
      renderer: {
        link({ href, tokens }) {
          const text = this.parser.parseInline(tokens);
          const address = addressOf(href);
          // What is in the repository alone is named, but leads nowhere.
          if (address === undefined) return text;
          return `<a href="${address.replaceAll('"', "%22")}">${text}</a>`;
        },
        image({ href, text }) {
          const address = addressOf(href);
          return address === undefined
            ? text
            : `<img src="${address}" alt="${text.replaceAll('"', "&quot;")}" loading="lazy">`;
        },
        // A page of the playground, as in `network.html#task=walk`, is a link where there is a playground.
        codespan({ text }) {
          const code = `<code>${escaped(text)}</code>`;
          return places.some(([page]) => text.split("#")[0] === page)
            ? `<a href="${toRoot}${escaped(text)}">${code}</a>`
            : code;
        },
        // Wide tables and code scroll, and whoever has no mouse has to reach them.
        code({ text, lang }) {
          return `<pre tabindex="0"${lang ? ` data-language="${lang.split(" ")[0]}"` : ""}><code>${escaped(text)}</code></pre>\n`;
        },
        html: ({ text }) => (/^<(\/?a\b|br|!--)/.test(text) ? text : ""),
      },
    });
    const html = marked.parse(readFileSync(path, "utf8"));
    const headings = getHeadingList();
    const title = decode(headings[0]?.text ?? file);
    const description = decode(/<p>(.*?)<\/p>/s.exec(html)?.[1] ?? title).slice(0, 160);
    const main = `<article class="page">\n${html
      .replaceAll("<table>", '<table tabindex="0">')
      // A corner of a table is no header of anything.
      .replace(/<th[^>]*><\/th>/g, "<td></td>")}</article>`;
    mkdirSync(join(out, dirname(place)), { recursive: true });
    const page = frame({
      title,
      description,
      root: toRoot,
      path: place,
      head: head.replaceAll("ROOT", toRoot),
      main,
    });
    writeFileSync(join(out, place), page);

    // A section is what stands below a heading; its text is found by what it says, and by its page.
    const parts = html.split(/<h[1-6] id="([^"]*)">/);
    // Of the reference a page is one thing; its headings are the same on all of them.
    const last = file.startsWith("api/") ? 2 : parts.length;
    for (let i = 1; i < Math.min(last, parts.length); i += 2) {
      const [heading, ...rest] = parts[i + 1].split(/<\/h[1-6]>/);
      search.add({
        id: search.documentCount,
        title: decode(heading),
        section: title,
        url: `${place}${i === 1 ? "" : `#${parts[i]}`}`,
        text: decode(file.startsWith("api/") ? html : rest.join(" ")).slice(0, 1500),
      });
    }
  }
  if (broken.length > 0) throw new Error(`links that lead nowhere:\n${broken.join("\n")}`);
  writeFileSync(join(out, "search.json"), JSON.stringify(search));
  console.log(`${sources.size} pages, ${search.documentCount} sections in the index`);
}
