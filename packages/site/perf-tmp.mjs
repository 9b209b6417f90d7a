import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const [folder, hash] = process.argv.slice(2);
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".bin": "application/octet-stream",
};
const server = createServer((q, r) => {
  const p = new URL(q.url, "http://x").pathname.slice(1);
  try {
    const b = readFileSync(join(folder, p));
    r.writeHead(200, { "content-type": types[extname(p)] ?? "text/plain" }).end(b);
  } catch {
    r.writeHead(404).end();
  }
});
await new Promise((d) => server.listen(0, "127.0.0.1", d));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/network.html#${hash}`);
await page.waitForSelector("#lanes[data-step]");
const session = await page.context().newCDPSession(page);
await session.send("Performance.enable", { timeDomain: "threadTicks" });
const metrics = async () =>
  Object.fromEntries(
    (await session.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]),
  );
await page.evaluate(() => {
  window.pictures = 0;
  new MutationObserver(() => window.pictures++).observe(document.querySelector("#step"), {
    characterData: true,
    subtree: true,
    childList: true,
  });
});
await page.getByRole("button", { name: "Play" }).click();
await page.waitForTimeout(1000);
const before = await metrics();
const n0 = await page.evaluate(() => window.pictures);
const t0 = performance.now();
await page.waitForTimeout(4000);
const after = await metrics();
const n = (await page.evaluate(() => window.pictures)) - n0;
const s = (performance.now() - t0) / 1000;
const per = (k) => (((after[k] - before[k]) * 1000) / n).toFixed(2);
console.log(
  hash,
  `${(n / s).toFixed(1)} pictures/s; main thread CPU per picture: task ${per("TaskDuration")} script ${per("ScriptDuration")} style ${per("RecalcStyleDuration")} layout ${per("LayoutDuration")} ms`,
);
await browser.close();
server.close();
