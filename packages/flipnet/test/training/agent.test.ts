import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { createAgent, loadAgent } from "../../src/training/agent.ts";
import { numbers } from "../helpers.ts";

/** Which of three stretches the first feature lies in. */
const best = ([x]: number[]) => (x < -0.3 ? 0 : x < 0.3 ? 1 : 2);
const contexts = Array.from({ length: 4000 }, (_, i) => numbers(i, 2));

test("an agent learns from single rewards", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, seed: 1 });
  const rewards = contexts.map((context) => {
    const reward = agent.act(context) === best(context) ? 1 : 0;
    agent.learn(reward);
    return reward;
  });
  const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
  expect(mean(rewards.slice(0, 200))).toBeLessThan(0.6);
  expect(mean(rewards.slice(-500))).toBeGreaterThan(0.85);
});

test("batches of any size share what was learned", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, seed: 1, hidden: [16] });
  let right = 0;
  for (let i = 0, size = 1; i + size <= contexts.length; i += size, size = 1 + (i % 7)) {
    const batch = contexts.slice(i, i + size);
    const rewards: number[] = agent.actBatch(batch).map((action, b) => (action === best(batch[b]) ? 1 : 0));
    agent.learnBatch(rewards);
    if (i >= 3500) right += rewards.reduce((a, b) => a + b, 0) / 500;
  }
  expect(right).toBeGreaterThan(0.7);
});

test("a saved agent goes on exactly where it was", async () => {
  for (const backend of [createReferenceBackend(), undefined]) {
    const agent = await createAgent({ inputs: 2, actions: 3, seed: 2 }, backend);
    const live = (one: typeof agent, from: number, to: number) =>
      contexts.slice(from, to).map((context) => {
        const action = one.act(context);
        one.learn(action === best(context) ? 1 : 0);
        return action;
      });
    live(agent, 0, 300);
    const copy = await loadAgent(await agent.save(), undefined, backend);
    expect(live(copy, 300, 600)).toEqual(live(agent, 300, 600));
  }
});

test("what cannot be is refused with the offending value", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, inputKind: "bits", estimator: reinforce });
  expect(() => agent.act([1])).toThrow("context 0 has 1 numbers; expected 2");
  expect(() => agent.act([1, 0.5])).toThrow("context 0 has 0.5 at place 1; expected 0 or 1");
  expect(() => agent.learn(1)).toThrow("there are 1 rewards; expected 0");
  agent.act([1, 0]);
  expect(() => agent.learn(Number.NaN)).toThrow("reward 0 is NaN; expected a finite number");
  agent.learn(1);
  await expect(createAgent({ inputs: 2, actions: 1 })).rejects.toThrow("1 choices; expected at least 2");
  await expect(createAgent({ inputs: 2, actions: 2, hidden: [0] })).rejects.toThrow("0 units");
  await expect(loadAgent(new Uint8Array(5))).rejects.toThrow();
  await expect(loadAgent(await agent.save(), sgd({ learningRate: 1 }))).rejects.toThrow(
    'made with another optimizer: its name was "adam", and is "sgd" here',
  );
});
