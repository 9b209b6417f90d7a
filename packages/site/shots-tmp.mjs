import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const [folder, ...list] = process.argv.slice(2);
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".bin": "application/octet-stream",
  ".png": "image/png",
};
const html = readFileSync(join(folder, "index.html"), "utf8");
const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html);
const server = createServer((q, r) => {
  const p = new URL(q.url, "http://x").pathname.slice(1) || "index.html";
  try {
    const b = readFileSync(join(folder, p));
    r.writeHead(200, {
      "content-type": types[extname(p)] ?? "text/plain",
      "content-security-policy": policy,
    }).end(b);
  } catch {
    r.writeHead(404).end();
  }
});
await new Promise((d) => server.listen(0, "127.0.0.1", d));
const { port } = server.address();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const one of list) {
  const [path, width, theme, name, wait] = one.split("@");
  const context = await browser.newContext({
    viewport: { width: Number(width), height: 900 },
    colorScheme: theme,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type())) console.log(path, m.text());
  });
  page.on("pageerror", (e) => console.log(path, e.message));
  await page.goto(`http://127.0.0.1:${port}/${path}`);
  await page.waitForTimeout(Number(wait ?? 1500));
  await page.screenshot({ path: `/tmp/site3/${name}.png`, fullPage: true });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) console.log(path, width, "sideways", over);
  await context.close();
}
await browser.close();
server.close();
