// What a page loads before it shows something, gzipped. The budget is for a phone: 150 kB.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { places } from "./frame.mjs";

const budget = 150_000;

/** A page, its style sheets and scripts, and what the scripts import at once; neither workers nor what is loaded later. */
function loadedBy(out, page) {
  const found = new Set();
  const follow = (file) => {
    if (found.has(file)) return;
    found.add(file);
    const text = readFileSync(join(out, file), "utf8");
    const next = file.endsWith(".html")
      ? [...text.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path)
      : [...text.matchAll(/(?:^|[;}])import(?:[^"'();]*from)?["'](\.\/[^"']+)["']/g)].map(([, path]) =>
          join(dirname(file), path),
        );
    for (const path of next) follow(path);
  };
  follow(page);
  return [...found];
}

/** Prints it for every page of the playground; throws where one is over the budget. */
export function printWeights(out) {
  for (const [page] of places) {
    const bytes = loadedBy(out, page).reduce(
      (sum, file) => sum + gzipSync(readFileSync(join(out, file))).length,
      0,
    );
    console.log(`${page} loads ${(bytes / 1000).toFixed(1)} kB gzipped before it shows something`);
    if (bytes > budget) throw new Error(`${page} loads ${bytes} bytes; expected at most ${budget}`);
  }
}
