// Builds the site into packages/cli/site, from where it is packed and served: the playground, then the written pages.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "vite";
import { writeReference } from "./api.mjs";
import { writePages } from "./pages.mjs";
import { printWeights } from "./weights.mjs";

const folder = resolve(import.meta.dirname, "..");
const out = resolve(folder, "../cli/site");

await build({ root: folder, configFile: join(folder, "vite.config.ts"), logLevel: "warn" });

// What every page of the playground loads, written pages load too: the style sheet and the search.
const manifest = JSON.parse(readFileSync(join(out, ".vite/manifest.json"), "utf8"));
const { file, css = [] } = manifest["src/site.ts"];
const head = [
  ...css.map((path) => `<link rel="stylesheet" href="ROOT${path}">`),
  `<script type="module" src="ROOT${file}"></script>`,
].join("\n");
rmSync(join(out, ".vite"), { recursive: true });

const reference = mkdtempSync(join(tmpdir(), "flipnet-api-"));
await writeReference(reference);
writePages(out, reference, head);
rmSync(reference, { recursive: true });
printWeights(out);
