// The site as a visitor meets it: built, served as `flipnet playground` serves it, in a real Chromium.
import { afterAll, beforeAll, describe } from "vitest";
import { access } from "./browser/access.ts";
import { coinsInBrowser } from "./browser/coins.ts";
import { digitsInBrowser } from "./browser/digits.ts";
import { networkInBrowser } from "./browser/network.ts";
import { storiesInBrowser } from "./browser/stories.ts";
import { missing, type Visit, visit } from "./browser/visit.ts";

describe.skipIf(missing)("in a browser", () => {
  let site: Visit;
  // One build and one browser for all.
  beforeAll(async () => {
    site = await visit();
  });
  afterAll(async () => {
    await site?.close();
  });

  coinsInBrowser(() => site);
  networkInBrowser(() => site);
  storiesInBrowser(() => site);
  digitsInBrowser(() => site);
  access(() => site);
});
