// Every page in a real Chromium, narrow and wide, light and dark: for screen readers, for keys, for phones.
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { describe, expect, it } from "vitest";
import { servePlayground } from "../../../cli/src/commands/playground.ts";
import type { Visit } from "./visit.ts";

/** `npm run test:site` tries all pages of the whole site, from 390 to 2,560 pixels. */
const isLong = process.env.SITE_BUILT !== undefined;

const figures = ["index.html", "coins.html", "network.html", "stories.html", "digits.html"];
/** Tasks with pictures of their own. */
const others = [
  "network.html#task=digits&layers=1&width=8&step=20",
  "network.html#task=walk&layers=1&step=20",
];
const written = [
  "docs/index.html",
  "docs/audit.html",
  "docs/cli.html",
  "docs/tutorials/student.html",
  "api/index.html",
  "api/flipnet/functions/audit.html",
];
const themes = ["light", "dark"] as const;
const views = isLong
  ? [...figures, ...others, ...written].flatMap((path) =>
      [390, 768, 1280, 2560].flatMap((width) => themes.map((theme) => ({ path, width, theme }))),
    )
  : figures.map((path, i) => ({ path, width: [390, 1280][i % 2], theme: themes[i % 2] }));

/** Prints how many pictures of two networks of 3 x 20 coins a second has, and what one takes of the page's processor. */
async function timePictures(site: Visit): Promise<void> {
  const page = await site.open("network.html#layers=3&width=20&step=0");
  await page.waitForSelector('#lanes[data-step="0"]');
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const now = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name: string) => metrics.find((one) => one.name === name)!.value;
    const step = Number((await page.locator("#step").textContent())!.replace(/\D/g, ""));
    return { step, at: performance.now(), all: of("TaskDuration"), script: of("ScriptDuration") };
  };
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForTimeout(1000);
  const first = await now();
  await page.waitForTimeout(4000);
  const last = await now();
  const pictures = last.step - first.step;
  const each = (key: "all" | "script") => ((1000 * (last[key] - first[key])) / pictures).toFixed(1);
  process.stdout.write(
    `two networks of 3 x 20 coins: ${((1000 * pictures) / (last.at - first.at)).toFixed(0)} pictures a second, of each ${each("all")} ms of the page's processor, scripts ${each("script")}\n`,
  );
  expect(pictures).toBeGreaterThan(0);
  await page.context().close();
}

/** `site`: asked for once it is built. */
export function access(site: () => Visit): void {
  describe("every page", () => {
    it.each(views)(
      "$path at $width pixels, $theme, has no fault that axe finds and no sideways scroll",
      async ({ path, width, theme }) => {
        const page = await site().open(path, {
          viewport: { width, height: 900 },
          colorScheme: theme,
          reducedMotion: "reduce",
        });
        if (figures.includes(path.split("#")[0])) {
          await page.waitForSelector("[data-number]");
          if (path !== "stories.html") await page.click(".share summary");
        }
        await page.evaluate(axe.source);
        const faults = await page.evaluate(async () => {
          const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
          return violations.flatMap(({ id, nodes }) =>
            nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`),
          );
        });
        expect(faults).toEqual([]);
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        ).toBeLessThanOrEqual(0);
        await page.context().close();
      },
    );

    it.runIf(isLong).each(figures)("%s takes a damaged address for what it is", async (path) => {
      const page = await site().open(
        `${path}#seed=<svg/onload=alert(1)>&step=1e99&hide=__proto__&x=%E0%A4%A&=`,
      );
      await page.waitForSelector("[data-number]");
      expect(await page.locator(".notes").textContent()).toContain("The address says");
      await page.context().close();
    });

    it.runIf(isLong)("works below a path, and finds its parts there", async () => {
      const root = await mkdtemp(join(tmpdir(), "flipnet-below-"));
      await mkdir(join(root, "some"));
      await symlink(site().folder, join(root, "some/where"));
      await copyFile(join(site().folder, "index.html"), join(root, "index.html"));
      const server = await servePlayground(0, root);
      const { port } = server.address() as AddressInfo;
      const page = await site().open("docs/index.html");
      const missing: string[] = [];
      page.on("response", (response) => {
        if (response.status() >= 400) missing.push(response.url());
      });
      for (const path of figures) {
        await page.goto(`http://127.0.0.1:${port}/some/where/${path}`);
        await page.waitForSelector("[data-number]");
      }
      await page.goto(`http://127.0.0.1:${port}/some/where/docs/tutorials/student.html`);
      await page.locator("#search").fill("straight-through");
      await page.locator("#found a").first().click();
      await page.waitForURL(/some\/where\//);
      expect(missing).toEqual([]);
      await page.context().close();
      server.close();
      server.closeAllConnections();
      await rm(root, { recursive: true });
    });

    it.runIf(isLong)("keeps the theme that was chosen", async () => {
      const page = await site().open("network.html", { colorScheme: "light" });
      await page.waitForSelector("[data-number]");
      const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await paper();
      await page.getByLabel("Theme").selectOption("dark");
      const dark = await paper();
      expect(dark).not.toBe(light);
      await page.goto(new URL("docs/index.html", page.url()).href);
      expect(await paper()).toBe(dark);
      await page.context().close();
    });

    it.runIf(isLong)("finds what is searched for, by keys alone", async () => {
      const page = await site().open("docs/audit.html");
      await page.locator("#search").focus();
      await page.keyboard.type("antithetic");
      await page.waitForSelector("#found a");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.waitForURL(/\.html/);
      expect(await page.locator("main").textContent()).toMatch(/antithetic/i);
      await page.context().close();
    });

    it.runIf(isLong)(
      "shows itself soon on a phone, and plays: figures to be read, not to be asked for",
      async () => {
        const page = await site().open("docs/index.html", { viewport: { width: 390, height: 844 } });
        const session = await page.context().newCDPSession(page);
        // A processor a quarter as fast, 1.6 megabits a second, 150 ms there and back.
        await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
        await session.send("Network.emulateNetworkConditions", {
          offline: false,
          latency: 150,
          downloadThroughput: 200_000,
          uploadThroughput: 90_000,
        });
        for (const path of figures) {
          await page.goto(new URL(`/${path}`, page.url()).href);
          const paint = await page.evaluate(
            () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
          );
          process.stdout.write(`${path}: first paint after ${Math.round(paint)} ms as on a phone\n`);
        }
        await page.context().close();
        await timePictures(site());
      },
    );

    it("says nothing on the console, and asks nobody else", () => expect(site().complaints).toEqual([]));
  });
}
