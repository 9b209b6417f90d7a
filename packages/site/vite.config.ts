import { basename, join } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { packedDigits } from "./build/digits.mjs";
import { frame, places } from "./build/frame.mjs";

const folder = import.meta.dirname;

/** Puts the frame around a page: its file is what is in `<main>`, headed by a title and a description. */
const framed: Plugin = {
  name: "framed",
  transformIndexHtml: {
    order: "pre",
    handler(html, { filename }) {
      const [, title, description, script] = /^<!-- (.*?) \| (.*?) \| (.*?) -->/.exec(html) ?? [];
      const head = [
        '<script type="module" src="/src/site.ts"></script>',
        `<script type="module" src="/src/${script}"></script>`,
      ].join("\n");
      return frame({ title, description, path: basename(filename), head, main: html, wide: true });
    },
  },
};

/** Writes the digits beside the pages. */
const digits: Plugin = {
  name: "digits",
  async generateBundle() {
    this.emitFile({ type: "asset", fileName: "digits.bin", source: await packedDigits() });
  },
};

export default defineConfig({
  root: folder,
  base: "./",
  plugins: [framed, digits],
  resolve: { tsconfigPaths: true },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: "../cli/site",
    emptyOutDir: true,
    manifest: true,
    // A policy without data: for scripts, and pages that work below any path.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The written pages load what all pages have, and nothing else.
    rollupOptions: { input: [...places.map(([name]) => join(folder, name)), join(folder, "src/site.ts")] },
  },
});
