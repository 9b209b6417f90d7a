// Draws docs/figures/server.png: the page of examples/server after some visitors, as Chromium shows it.
//
//     node scripts/server-picture.mjs        Node 22.13 or newer, after npm run build and npm install in examples/server
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "flipnet-picture-"));
const child = spawn(process.execPath, [path("examples/server/server.mjs"), folder, "0"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const line = await new Promise((resolve) => child.stdout.once("data", (text) => resolve(`${text}`)));
const [url] = /http:\S+/.exec(line);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 800, height: 620 } });
  // Who likes bread best, and clicks on nothing else.
  for (let visit = 0; visit < 60; visit++) {
    await page.goto(url);
    const first = page.locator("article.first a");
    if ((await first.textContent()).startsWith("Bread")) await first.click();
  }
  await page.goto(url);
  await page.screenshot({ path: path("docs/figures/server.png") });
} finally {
  await browser.close();
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
