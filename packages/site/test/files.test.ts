// What the pages write is what the command line reads.

import { describe, expect, it } from "vitest";
import { parseConfig } from "../../cli/src/settings/config.ts";
import { audit } from "../../flipnet/src/audit/audit.ts";
import { parseElboSpec } from "../../flipnet/src/audit/elbo-spec.ts";
import { packedDigits } from "../build/digits.mjs";
import { configOf as configOfCode } from "../src/digits/spec.ts";
import { answerTo } from "../src/digits/training.ts";
import { configOf } from "../src/network/files.ts";
import { type TaskName, tasks, usual } from "../src/network/spec.ts";
import { unpacked } from "../src/shared/digits.ts";

describe("settings for flipnet train", () => {
  it.each(Object.keys(tasks) as TaskName[])("of %s are settings", (task) => {
    const { layers, width, rate } = usual[task];
    const hidden = Array.from({ length: layers }, () => width);
    const estimators = ["hnca", "reinforce"];
    const setting = { task, hidden, estimators, rate: Number(rate), baseline: "none", seed: 2 } as const;
    expect(parseConfig({ ...configOf(setting, 1500) })).toMatchObject({ estimator: "hnca", hidden, seed: 2 });
  });

  it("of a code are settings", () => {
    expect(parseConfig({ ...configOfCode(12, 3) })).toMatchObject({ task: "vae", hidden: [12], seed: 3 });
  });
});

describe("the spec of a code", () => {
  it("is one that the audit reads, in which f-HNCA has no bias", async () => {
    const { images } = unpacked(await packedDigits());
    const question = { seed: 1, coins: 4, epochs: 1, image: 3, flip: 1, turned: [] };
    const { spec } = await answerTo(question, images);
    expect(parseElboSpec(spec).images[0].reduce((a, b) => a + b)).toBeGreaterThan(10);
    expect(audit(spec, { estimators: ["f-hnca"] }).estimators["f-hnca"].bias).toBeLessThan(1e-6);
  });
});
