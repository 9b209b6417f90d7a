// The code of coins, in a real Chromium.
import { describe, expect, it } from "vitest";
import { packedDigits } from "../../build/digits.mjs";
import { answerTo } from "../../src/digits/training.ts";
import { unpacked } from "../../src/shared/digits.ts";
import { percent } from "../../src/shared/numbers.ts";
import { numbersOn, type Visit } from "./visit.ts";

/** `site`: asked for once it is built. */
export function digitsInBrowser(site: () => Visit): void {
  describe("a code of coins", () => {
    it("is what the library makes of it in Node, and draws something else once a coin is turned", async () => {
      const page = await site().open("digits.html#epochs=3&coins=6");
      await page.waitForSelector('#code[data-epochs="3"] .coin-button');
      const question = { seed: 1, coins: 6, epochs: 3, image: 700, flip: 1, turned: [] };
      const { elbo, p, bits } = await answerTo(question, unpacked(await packedDigits()).images);
      expect((await numbersOn(page)).get("elbo")).toBe(elbo[2].toFixed(1).replace("-", "−"));
      const coins = await page.$$eval(".coin-button", (buttons) => buttons.map((button) => button.ariaLabel));
      expect(coins).toEqual(
        bits.map((bit, j) => `Coin ${j + 1}, ${bit ? "on" : "off"}, on with ${percent(p[j])}`),
      );
      const drawn = () => page.$eval("#code-picture", (picture) => picture.innerHTML);
      const before = await drawn();
      await page.locator(".coin-button").first().click();
      await page.waitForSelector(".coin-button.is-turned");
      expect(await drawn()).not.toBe(before);
      await page.getByRole("button", { name: "As they fell" }).click();
      await page.waitForFunction(() => document.querySelector(".is-turned") === null);
      await expect.poll(drawn).toBe(before);
      await page.context().close();
    });
  });
}
