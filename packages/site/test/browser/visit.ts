/** The built site in a real Chromium, as a visitor meets it. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { servePlayground } from "../../../cli/src/commands/playground.ts";

const site = resolve(import.meta.dirname, "../..");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Whether there is no browser here. Throws where one has to be. */
export const missing: boolean = (() => {
  if (existsSync(executablePath)) return false;
  const message = `no Chromium at ${executablePath}`;
  if (process.env.REQUIRE_CHROMIUM) throw new Error(message);
  process.stderr.write(`${message}: the site's tests in it are skipped\n`);
  return true;
})();

/** The site under way, and a browser. */
export interface Visit {
  /** Opens a page; what it logs or throws is in `complaints`. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  readonly complaints: string[];
  readonly folder: string;
  close(): Promise<void>;
}

/** Builds the playground's pages and starts a browser; where `SITE_BUILT` is set, takes the whole site as it was built. */
export async function visit(): Promise<Visit> {
  const built = process.env.SITE_BUILT;
  const folder = built ?? (await mkdtemp(join(tmpdir(), "flipnet-site-")));
  if (built === undefined) {
    const configFile = join(site, "vite.config.ts");
    await build({ root: site, configFile, logLevel: "error", build: { outDir: folder } });
  }
  const server: Server = await servePlayground(0, folder);
  const { port } = server.address() as AddressInfo;
  const browser: Browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const complaints: string[] = [];
  return {
    folder,
    complaints,
    async open(path, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning")
          complaints.push(`${path}: ${message.text()}`);
      });
      page.on("pageerror", ({ message }) => complaints.push(`${path}: ${message}`));
      page.on("request", (request) => {
        const { protocol, hostname } = new URL(request.url());
        if (protocol.startsWith("http") && hostname !== "127.0.0.1")
          complaints.push(`${path}: asks ${request.url()}`);
      });
      await page.goto(`http://127.0.0.1:${port}/${path}`);
      return page;
    },
    async close() {
      await browser.close();
      await new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      });
      if (built === undefined) await rm(folder, { recursive: true });
    },
  };
}

/** What the numbers on a page say, by their names. */
export async function numbersOn(page: Page): Promise<Map<string, string>> {
  const found = await page.$$eval("[data-number]", (cells) =>
    cells.map((cell): [string, string] => {
      // Bars and remarks have no text of their own, or a smaller one.
      const text = [...cell.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent);
      return [(cell as HTMLElement).dataset.number!, text.join("").trim()];
    }),
  );
  return new Map(found);
}
