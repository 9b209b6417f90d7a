// The playground in a real Chromium: what is on the screen is what the library says.
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { audit } from "../../../flipnet/src/audit/audit.ts";
import type { BanditSpec } from "../../../flipnet/src/audit/bandit-spec.ts";
import type { FunctionSpec } from "../../../flipnet/src/audit/function-spec.ts";
import { threeDigits } from "../../src/shared/numbers.ts";
import { numbersOn, type Visit } from "./visit.ts";

/** `npm run test:site` tries 50, and more of everything else. */
const states = Number(process.env.SITE_STATES ?? 2);

/** The file that a button writes. */
async function written(page: Page, button: string): Promise<string | undefined> {
  const details = page.locator(".share");
  if (!(await details.getAttribute("open").then((open) => open !== null))) await page.click(".share summary");
  const found = page.getByRole("button", { name: button });
  if ((await found.count()) === 0) return undefined;
  const [file] = await Promise.all([page.waitForEvent("download"), found.click()]);
  return readFile(await file.path(), "utf8");
}

/** A generator of states that is the same every time. */
function* random(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const chosen = [
  "reinforce,hnca",
  "straight-through,reinforce-loo,f-hnca",
  "disarm,local-expectation,weight-max,vargrad",
  "hnca:samples=1,weight-max-unbiased,reinmax",
  "nvil,muprop,f-hnca-linear,vimco",
];

/** Every number there, for the estimators of a state, by the audit's own code. */
function expected(
  bandit: BanditSpec,
  known: FunctionSpec | undefined,
  names: readonly string[],
  seen: ReadonlyMap<string, string>,
) {
  const numbers = new Map<string, string>();
  for (const name of names) {
    let found: { spec: BanditSpec | FunctionSpec } | undefined;
    for (const spec of [bandit, known]) {
      if (spec === undefined || found) continue;
      try {
        audit(spec as BanditSpec, { estimators: [name] });
        found = { spec };
      } catch {}
    }
    if (found === undefined) continue;
    const report = audit(found.spec as BanditSpec, { estimators: [name] });
    const one = Object.values(report.estimators)[0];
    numbers.set(`variance ${name}`, threeDigits(one.meanVariance));
    numbers.set(`bias ${name}`, threeDigits(one.bias < 1e-9 ? 0 : one.bias));
    const coins = (arrays: typeof report.exact) => arrays.filter((_, i) => i % 2 === 1).flat() as number[];
    const tell = (what: string, arrays: typeof report.exact) => {
      for (const [coin, value] of coins(arrays).entries())
        numbers.set(`${what} ${name} ${coin}`, threeDigits(value));
    };
    tell("mean", one.mean);
    tell("exact", report.exact);
    tell("coin-variance", one.variance);
  }
  // Worlds: their probabilities and rewards by hand.
  const sigmoid = (l: number) => 1 / (1 + Math.exp(-l));
  const { layers } = bandit;
  for (let world = 0; world < 8; world++) {
    const bits = [(world >> 2) & 1, (world >> 1) & 1, world & 1];
    const before = (coin: number) =>
      layers.length === 3 ? (coin === 0 ? [] : [bits[coin - 1]]) : coin === 2 ? bits.slice(0, 2) : [];
    const flat = layers.flatMap(({ weights, bias }) => bias.map((b, j) => ({ b, w: weights[j] })));
    const probability = flat.reduce((product, { b, w }, coin) => {
      const on = sigmoid(before(coin).reduce((sum, bit, i) => sum + w[i] * bit, b));
      return product * (bits[coin] ? on : 1 - on);
    }, 1);
    if (seen.has("probability 0")) {
      numbers.set(`probability ${world}`, `${(100 * probability).toFixed(1)} %`);
      numbers.set(`reward ${world}`, threeDigits(bandit.reward[0][bits[2]] as number));
    }
  }
  return numbers;
}

/** Digits that rounding may decide either way: both to three digits. */
const close = (one: string, other: string) => {
  const [a, b] = [one, other].map((text) => Number.parseFloat(text.replace("−", "-")));
  return (
    one === other ||
    Math.abs(a - b) <= 1.01e-3 * Math.max(Math.abs(a), 1e-9) ||
    (one.endsWith("%") && Math.abs(a - b) < 0.11)
  );
};

/** `site`: asked for once it is built. */
export function coinsInBrowser(site: () => Visit): void {
  describe("three coins", () => {
    it("show the audit's numbers, in any state", { timeout: 30_000 * states }, async () => {
      const numbers = random(5);
      const next = (from: number, to: number) => (from + (to - from) * numbers.next().value).toFixed(2);
      let compared = 0;
      for (let state = 0; state < states; state++) {
        const names = chosen[state % chosen.length];
        const hash = [
          `shape=${state % 2 ? "chain" : "pair"}`,
          `lean=${[1, 2, 3].map(() => next(-3, 3))}`,
          `weight=${[1, 2].map(() => next(-5, 5))}`,
          `reward=${[1, 2].map(() => next(-2, 2))}`,
          `baseline=${state % 3 ? next(-1, 1) : 0}`,
          `estimators=${names}`,
        ].join("&");
        const page = await site().open(`coins.html#${hash}`);
        await page.waitForSelector("#answers[data-asked]");
        const bandit = await written(page, "Spec for flipnet audit");
        const known = await written(page, "Spec with the reward as a function");
        const seen = await numbersOn(page);
        const specs = [bandit, known].map((text) => text && JSON.parse(text));
        // With a known function alone, probabilities are those of the same coins.
        const coins = specs[0] ?? {
          ...specs[1],
          reward: [
            [
              specs[1].components[0].bias[0],
              specs[1].components[0].bias[0] + specs[1].components[0].weights[0][0],
            ],
          ],
        };
        for (const [name, value] of expected(coins, specs[1], names.split(","), seen)) {
          const shown = seen.get(name);
          expect(shown, `${name} in ${hash}`).toBeDefined();
          expect(close(shown!, value), `${name} in ${hash}: ${shown} for ${value}`).toBe(true);
          compared++;
        }
        await page.context().close();
      }
      expect(compared).toBeGreaterThan(20 * states);
    });

    it("follow a slider that is moved by keys, and write it into the address", async () => {
      const page = await site().open("coins.html");
      await page.waitForSelector("#answers[data-asked]");
      const before = (await numbersOn(page)).get("variance hnca");
      await page.getByRole("slider", { name: "A → C" }).focus();
      for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowRight");
      await page.waitForFunction(() => location.hash.includes("weight=2.5,-0.5"));
      await page.waitForFunction(
        (old) => document.querySelector('[data-number="variance hnca"]')!.textContent !== old,
        before,
      );
      await page.context().close();
    });

    it("take a hostile address for what it is", async () => {
      const page = await site().open(
        "coins.html#lean=<svg/onload=alert(1)>&estimators=constructor,hnca&x=1&seed=%",
      );
      await page.waitForSelector("#answers[data-asked]");
      expect(await page.locator(".notes").textContent()).toContain("for lean; expected 3 numbers");
      expect(await page.locator(".refused").textContent()).toContain('"constructor" is no estimator');
      await page.context().close();
    });
  });

  describe("one coin", () => {
    it("goes forward and back as far, to the same picture", { timeout: 300_000 }, async () => {
      const page = await site().open("index.html#step=3&seed=12");
      await page.waitForSelector("[data-number]");
      const picture = () => page.locator("#coin").evaluate((svg) => svg.outerHTML);
      const first = await picture();
      const flips = states > 2 ? 100 : 10;
      for (let i = 0; i < flips; i++) await page.getByRole("button", { name: "Flip", exact: true }).click();
      expect(await page.locator("#step").textContent()).toBe(`flip ${3 + flips}`);
      const far = await picture();
      for (let i = 0; i < flips; i++)
        await page.getByRole("button", { name: "Back", exact: false }).first().click();
      expect(await picture()).toBe(first);
      await page.context().close();
      // And the address of a later flip is that flip.
      const again = await site().open(`index.html#step=${3 + flips}&seed=12`);
      await again.waitForSelector("[data-number]");
      expect(await again.locator("#coin").evaluate((svg) => svg.outerHTML)).toBe(far);
      await again.context().close();
    });
  });
}
