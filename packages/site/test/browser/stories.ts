// The stories, in a real Chromium.
import { describe, expect, it } from "vitest";
import { audit } from "../../../flipnet/src/audit/audit.ts";
import { threeDigits } from "../../src/shared/numbers.ts";
import { coinsAt } from "../../src/story/spec.ts";
import { numbersOn, type Visit } from "./visit.ts";

/** `site`: asked for once it is built. */
export function storiesInBrowser(site: () => Visit): void {
  describe("the stories", () => {
    it("show the audit's numbers at the weights in the address, and answer once asked", async () => {
      const page = await site().open("stories.html#listens=-3&hears=5.5");
      await page.waitForSelector('[data-number="bias hnca"]');
      const seen = await numbersOn(page);
      const { reinforce, hnca } = audit(coinsAt(-3).bandit, { estimators: ["reinforce", "hnca"] }).estimators;
      expect(seen.get("variance reinforce")).toBe(threeDigits(reinforce.meanVariance));
      expect(seen.get("variance hnca")).toBe(threeDigits(hnca.meanVariance));
      for (const name of ["straight-through", "weight-max"]) {
        const { bias } = audit(coinsAt(5.5).bandit, { estimators: [name] }).estimators[name];
        expect(seen.get(`bias ${name}`)).toBe(threeDigits(bias));
      }
      expect(seen.get("bias hnca")).toBe("0");
      expect(await page.locator("#story-1 .predict p").count()).toBe(0);
      await page.getByRole("button", { name: "Almost always nothing" }).click();
      expect(await page.locator("#story-1 .predict p").textContent()).toContain("Yes.");
      await page.context().close();
    });
  });
}
