// Networks that learn, in a real Chromium.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { packedDigits } from "../../build/digits.mjs";
import { Lane } from "../../src/network/lane.ts";
import { layersOf, lookAtOwn, seenBy, unitOf } from "../../src/network/look.ts";
import { fields, type Setting, words } from "../../src/network/spec.ts";
import { unpacked } from "../../src/shared/digits.ts";
import { percent, threeDigits } from "../../src/shared/numbers.ts";
import { readHash } from "../../src/shared/state.ts";
import { numbersOn, type Visit } from "./visit.ts";

/** `npm run test:site` goes further. */
const isLong = process.env.SITE_BUILT !== undefined;

const small: Setting = {
  task: "xor",
  hidden: [4, 4],
  estimators: ["reinforce", "hnca"],
  rate: 0.03,
  baseline: "running-average",
  seed: 3,
};

/** Waits until the page shows a step. */
const shows = (page: Page, step: number) => page.waitForSelector(`#lanes[data-step="${step}"]`);

/** `site`: asked for once it is built. */
export function networkInBrowser(site: () => Visit): void {
  describe("in a browser", () => {
    it("shows the numbers that the library has in Node, and goes forward and back to the same", {
      timeout: 300_000,
    }, async () => {
      const hash = "layers=2&width=4&baseline=running-average&seed=3&step=30&row=5&unit=1.2";
      const page = await site().open(`network.html#${hash}`);
      await shows(page, 30);
      const seen = await numbersOn(page);
      for (const [place, name] of small.estimators.entries()) {
        const lane = await Lane.open(small, name);
        await lane.goTo(30);
        const looked = seenBy(lane, 5);
        const unit = unitOf(lane, layersOf(lane, looked), looked, [1, 2], words.xor)!;
        expect(seen.get(`right ${place}`)).toBe(`${(100 * lane.right[29]).toFixed(1)} % right`);
        expect(seen.get(`prior ${place}`)).toBe(percent(unit.prior));
        expect(seen.get(`posterior ${place}`)).toBe(percent(unit.posterior));
        expect(seen.get(`credit ${place}`)).toBe(threeDigits(unit.credit));
      }
      const picture = () => page.$eval("#lanes", (lanes) => lanes.innerHTML);
      const before = await picture();
      const steps = isLong ? 100 : 5;
      for (let i = 1; i <= steps; i++) {
        await page.getByRole("button", { name: "Step →", exact: true }).click();
        await shows(page, 30 + i);
      }
      expect(await picture()).not.toBe(before);
      for (let i = steps - 1; i >= 0; i--) {
        await page.getByRole("button", { name: "← Step", exact: true }).click();
        await shows(page, 30 + i);
      }
      expect(await picture()).toBe(before);
      // Slow motion, over the edge of a step and back.
      const phases = async () => [
        await page.locator(".phases [aria-current]").textContent(),
        await page.locator("#step").textContent(),
      ];
      const first = await phases();
      for (let i = 0; i < 8; i++) await page.getByRole("button", { name: "Slow motion, forward" }).click();
      await shows(page, 32);
      for (let i = 0; i < 8; i++) await page.getByRole("button", { name: "Slow motion, back" }).click();
      await shows(page, 30);
      expect(await phases()).toEqual(first);
      expect(await picture()).toBe(before);
      await page.context().close();
    });

    it("guesses a digit that is drawn by keys, and shows what the library makes of it", async () => {
      const page = await site().open("network.html#task=digits&layers=1&width=4&rate=0.01&step=20&unit=0.2");
      await shows(page, 20);
      await page.getByRole("application").focus();
      for (const key of ["Space", "ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown"])
        await page.keyboard.press(key);
      await page.getByLabel("It is meant to be").selectOption("1");
      await page.waitForFunction(() => /drawn=\w+&means=1/.test(location.hash));
      const { drawn, means } = readHash(fields, new URL(page.url()).hash).values;
      expect(drawn.reduce((sum, bit) => sum + bit, 0)).toBe(3);
      const seen = await numbersOn(page);
      const setting: Setting = {
        ...small,
        task: "digits",
        hidden: [4],
        rate: 0.01,
        baseline: "none",
        seed: 1,
      };
      const digits = unpacked(await packedDigits());
      for (const [place, name] of setting.estimators.entries()) {
        const lane = await Lane.open(setting, name, digits);
        await lane.goTo(20);
        const unit = lookAtOwn(lane, { pixels: drawn, means }, 1, (own) =>
          unitOf(lane, layersOf(lane, own), own, [0, 2], words.digits),
        )!;
        expect(seen.get(`prior ${place}`)).toBe(percent(unit.prior));
        expect(seen.get(`posterior ${place}`)).toBe(percent(unit.posterior));
        expect(seen.get(`credit ${place}`)).toBe(threeDigits(unit.credit));
      }
      await page.context().close();
    });

    it("walks an episode, move by move", async () => {
      const page = await site().open("network.html#task=walk&layers=1&width=4&rate=0.01&step=10");
      await shows(page, 10);
      const walker = () => page.$eval(".board .walker", ({ outerHTML }) => outerHTML);
      const before = await walker();
      const forward = page.getByRole("button", { name: "move →" });
      for (let i = 0; i < 4 && (await walker()) === before; i++) {
        await forward.click();
        await page.getByText(`step ${i + 2} of the episode`).waitFor();
        await expect
          .poll(() => page.$eval(".board", ({ ariaLabel }) => ariaLabel))
          .toContain(`step ${i + 2}.`);
      }
      expect(await walker()).not.toBe(before);
      await page.context().close();
    });

    it("plays, and draws a cloud", async () => {
      const page = await site().open("network.html#width=3&step=0");
      await shows(page, 0);
      await page.getByRole("button", { name: "Play" }).click();
      await page.waitForFunction(
        () => Number(document.querySelector<HTMLElement>("#lanes")!.dataset.step) > 20,
      );
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Draw 200 gradients" }).click();
      await page.waitForSelector("#cloud-picture .dot");
      expect(await page.locator("#cloud-picture .dot").count()).toBe(400);
      await page.context().close();
      expect(site().complaints).toEqual([]);
    });
  });
}
