// Draws docs/figures/playground.png: two networks after 400 steps of guessing digits, as the built site shows them. `npm run
// site` first.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { servePlayground } from "../packages/cli/dist/commands/playground.js";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}`);
const state = "task=digits&layers=1&width=16&rate=0.01&step=400&row=23";
const server = await servePlayground(0);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1.5 });
await page.goto(`http://127.0.0.1:${server.address().port}/network.html#${state}`);
await page.waitForSelector('#lanes[data-step="400"] .guesses');
await page.locator("#lanes").screenshot({ path: "docs/figures/playground.png" });
await browser.close();
server.close();
server.closeAllConnections();
