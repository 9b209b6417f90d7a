/** What every page has: its looks, the theme, and the search, whose index is fetched when somebody first wants it. */
import "./style.css";
import { themed } from "./shared/themed.ts";

const box = document.querySelector<HTMLElement>("[data-search]")!;
const input = box.querySelector("input")!;
const list = box.querySelector<HTMLElement>("#found")!;
const root = box.dataset.search!;

/** What the index says of a page. */
interface Hit {
  readonly title: string;
  readonly section: string;
  readonly url: string;
}

let search: Promise<(words: string) => readonly Hit[]> | undefined;

async function load() {
  const [{ default: MiniSearch }, { indexOptions }, response] = await Promise.all([
    import("minisearch"),
    import("./search-options.mjs"),
    fetch(`${root}search.json`),
  ]);
  const index = MiniSearch.loadJSON(await response.text(), indexOptions);
  return (words: string) => index.search(words) as unknown as readonly Hit[];
}

async function show() {
  const words = input.value.trim();
  if (words === "") {
    list.hidden = true;
    return;
  }
  search ??= load();
  let hits: readonly Hit[];
  try {
    hits = (await search)(words).slice(0, 12);
  } catch {
    search = undefined;
    list.hidden = false;
    list.textContent = "The index cannot be read.";
    return;
  }
  // Somebody may have typed on.
  if (words !== input.value.trim()) return;
  list.hidden = false;
  list.replaceChildren(
    ...hits.map(({ title, section, url }) => {
      const link = document.createElement("a");
      link.href = root + url;
      const page = document.createElement("small");
      page.textContent = section;
      link.append(title, page);
      return link;
    }),
  );
  if (hits.length === 0) list.textContent = `Nothing about “${words}”.`;
}

input.addEventListener("focus", () => {
  search ??= load();
  search.catch(() => {});
});
input.addEventListener("input", () => void show());
box.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    input.value = "";
    list.hidden = true;
    input.focus();
  }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const links = [input, ...list.querySelectorAll("a")];
    const place = links.indexOf(document.activeElement as HTMLAnchorElement);
    const next = links[place + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

/** The theme: the system's, or one of one's own, which this browser keeps; `theme.js` sets it before anything is painted. */
const theme = document.querySelector<HTMLSelectElement>("#theme")!;
const page = document.documentElement;
theme.value = page.dataset.theme ?? "";
theme.hidden = false;
theme.addEventListener("change", () => {
  if (theme.value === "") delete page.dataset.theme;
  else page.dataset.theme = theme.value;
  try {
    localStorage.setItem(themed, theme.value);
  } catch {
    // Where nothing may be kept it holds for this page.
  }
  dispatchEvent(new Event(themed));
});
