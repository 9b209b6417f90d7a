// Draws docs/figures/playground.png: two networks after 600 steps, as the built site shows them. `npm run site` first.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { servePlayground } from "../packages/cli/dist/commands/playground.js";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}`);
const server = await servePlayground(0);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.goto(`http://127.0.0.1:${server.address().port}/network.html#step=600`);
await page.waitForSelector('#lanes[data-step="600"]');
await page.locator("#lanes").screenshot({ path: "docs/figures/playground.png" });
await browser.close();
server.close();
server.closeAllConnections();
