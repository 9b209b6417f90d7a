// That a comparison with another revision can take the steps of today's library: every kind of row, on small networks.
import { expect, test } from "vitest";
import { stepOf } from "../../bench/against.mjs";
import * as flipnet from "../../packages/flipnet/src/index.ts";
import { easyImages } from "../../packages/flipnet/test/helpers.ts";

const images = easyImages(60);
const options = { kernels: "portable", data: { train: images, test: images } };

test.each([
  { training: { task: "bandit", estimator: { name: "hnca" }, hidden: [4] } },
  { training: { task: "vae", estimator: { name: "disarm", resample: "fresh" }, hidden: [4, 3] } },
  {
    training: {
      task: "multiplexer",
      estimator: { name: "weight-max", hiddenRule: "direct-gradient" },
      k: 1,
      batchSize: 1,
      steps: 1e9,
    },
  },
  { agent: { estimator: "hnca", inputs: 3, actions: 2 } },
  { agent: { estimator: "reinforce", inputs: 3, actions: 2, inputKind: "bits", rows: 4 } },
])("steps of $training.task $agent.estimator can be taken", async (row) => {
  const step = await stepOf(flipnet, row, options);
  for (let n = 0; n < 3; n++) step!();
});

test("an estimator that a library does not have has no step", async () => {
  const row = { training: { task: "bandit", estimator: { name: "nobody's" }, hidden: [4] } };
  expect(await stepOf(flipnet, row, options)).toBeUndefined();
});
