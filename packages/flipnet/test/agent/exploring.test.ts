// Floors, masks and clipped rewards of an agent.
import { expect, test } from "vitest";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { loadAgent } from "../../src/agent/load.ts";
import { floorAt, settingsOf } from "../../src/agent/settings.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { decode, encode } from "../../src/formats/safetensors.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { numbers } from "../helpers.ts";

const shape = { inputs: 2, actions: 4, hidden: [5], seed: 3 };
const context = [0.4, -1];

/** Learns that the first action is best, so well that nothing else is tried any more; then the second one is. */
async function relearn(floor: number, seed: number): Promise<number> {
  const backend = await createWasmBackend({ kernels: "portable" });
  const fresh = await createAgent({ inputs: 2, actions: 4, hidden: [2], skip: false, floor, seed }, backend);
  const { tensors, metadata } = decode(await fresh.save(), "the agent");
  // Two coins choose among four actions: of the logits one is 60, two are 0, one is -60. The coins are as good as certain.
  tensors["layers.0.weights"].data.fill(0 as never);
  tensors["layers.0.bias"].data.set([12, 12]);
  tensors["layers.1.weights"].data.set([30, 30, 30, -30, -30, 30, -30, -30]);
  const agent = await loadAgent(encode(tensors, metadata), undefined, backend);
  expect(Math.max(...agent.probabilities(context).probabilities)).toBeCloseTo(1 - floor + floor / 4, 5);
  let clicks = 0;
  for (let visit = 0; visit < 5000; visit++) {
    const { id, action } = agent.decide(context);
    agent.reward(id, action === 1 ? 1 : 0);
    if (visit >= 4500) clicks += action === 1 ? 1 : 0;
  }
  return clicks / 500;
}

test("with a floor an agent that was certain finds the new best action within 5,000 visits, without one it never does", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const most = 1 - 0.1 + 0.1 / 4;
    expect(await relearn(0.1, seed), `seed ${seed}`).toBeGreaterThan(0.9 * most);
  }
  expect(await relearn(0, 0)).toBe(0);
});

test("a floor falls as it is told", () => {
  const { settings } = settingsOf({ inputs: 1, actions: 2, floor: { from: 0.5, to: 0.1, halfLife: 100 } });
  expect([0, 100, 300].map((n) => floorAt(settings, n))).toEqual([0.5, 0.30000000000000004, 0.2]);
});

test("every probability is at least the floor's share", async () => {
  const agent = await createAgent({ ...shape, floor: 0.2 }, createReferenceBackend());
  for (let n = 0; n < 200; n++) {
    const { id, action, probability, floor } = agent.decide(numbers(n, 2, -9, 9), { allowed: [0, 3] });
    expect([0, 3]).toContain(action);
    expect(probability).toBeGreaterThanOrEqual(0.1);
    expect(floor).toBe(0.2);
    agent.reward(id, action === 0 ? 1 : 0);
  }
  const { probabilities } = agent.probabilities(context, { allowed: [1, 3] });
  expect([probabilities[0], probabilities[2]]).toEqual([0, 0]);
  expect(Math.min(probabilities[1], probabilities[3])).toBeGreaterThanOrEqual(0.1);
  expect(agent.best(context, { allowed: [2] })).toBe(2);
});

test("what was allowed is kept with a decision that waits", async () => {
  const options = { ...shape, floor: 0.1, lateRewards: "redone", pull: 0.2 } as const;
  const agent = await createAgent(options, createReferenceBackend());
  const made = Array.from({ length: 20 }, (_, n) =>
    agent.decide(numbers(n, 2), { id: `${n}`, allowed: [n % 4, 3 - (n % 4)] }),
  );
  const copy = await loadAgent(await agent.save(), undefined, createReferenceBackend());
  for (const one of [agent, copy]) {
    for (const { id, action } of [...made].reverse()) one.reward(id, action);
  }
  const saved = async (one: Agent) => decode(await one.save(), "the agent").tensors;
  expect(await saved(copy)).toEqual(await saved(agent));
});

test("masks and a bonus are the reference's in float32", async () => {
  const options = { ...shape, hidden: [5, { units: 2, choices: 3 }], floor: 0.1, entropyBonus: 0.3 };
  const weights = await Promise.all(
    [createReferenceBackend(), await createWasmBackend({ kernels: "portable" })].map(async (backend) => {
      const agent = await createAgent({ ...options, optimizer: sgd({ learningRate: 0.1 }) }, backend);
      for (let n = 0; n < 50; n++) {
        const { id, action } = agent.decide(numbers(n, 2), { allowed: [n % 4, (n + 1) % 4] });
        agent.reward(id, action === 0 ? 1 : 0);
      }
      return decode(await agent.save(), "the agent").tensors["layers.1.weights"].data;
    }),
  );
  const worst = Math.max(
    ...Array.from(weights[0], (value, e) => Math.abs(Number(value) - Number(weights[1][e]))),
  );
  expect(worst).toBeLessThan(1e-5);
});

test("rewards are clipped to their range", async () => {
  const weights = await Promise.all(
    [1e6, 2].map(async (reward) => {
      const agent = await createAgent({ ...shape, rewardRange: [0, 2] }, createReferenceBackend());
      agent.reward(agent.decide(context).id, reward);
      agent.act(context);
      agent.learn(reward);
      return decode(await agent.save(), "the agent").tensors;
    }),
  );
  expect(weights[0]).toEqual(weights[1]);
});

test("what cannot be is refused", async () => {
  const agent = await createAgent(shape);
  expect(() => agent.decide(context, { allowed: [] })).toThrow(
    "allowed is []; expected one or more different actions",
  );
  expect(() => agent.decide(context, { allowed: [4] })).toThrow(
    "allowed has 4; expected numbers of actions, 0 to 3",
  );
  expect(() => agent.best(context, { allowed: [1, 1] })).toThrow("allowed is [1,1]; expected");
  await expect(createAgent({ ...shape, floor: -0.1 })).rejects.toThrow(
    "floor of the agent is -0.1; expected a number from 0 to 1",
  );
  await expect(createAgent({ ...shape, rewardRange: [1, 0] })).rejects.toThrow(
    "rewardRange of the agent is [1,0]",
  );
  await expect(createAgent({ ...shape, floor: 0.1, estimator: weightMax() })).rejects.toThrow(
    "weight-max cannot learn under a floor",
  );
  const other = await createAgent({ ...shape, estimator: weightMax() });
  expect(() => other.decide(context, { allowed: [1] })).toThrow(
    "weight-max cannot learn under a mask of actions",
  );
});
