import { expect, test } from "vitest";
import { withActions } from "../../src/agent/actions.ts";
import { createAgent } from "../../src/agent/agent.ts";
import { loadAgent } from "../../src/agent/load.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { InputError } from "../../src/formats/errors.ts";
import { decode } from "../../src/formats/safetensors.ts";
import { numbers } from "../helpers.ts";

const shape = {
  inputs: 2,
  actions: 3,
  hidden: [4, { units: 2, choices: 3 }],
  seed: 4,
  floor: 0.1,
  entropyBonus: 0.01,
};
const context = [0.3, -0.8];

async function learned() {
  const agent = await createAgent(shape, createReferenceBackend());
  for (let n = 0; n < 200; n++) {
    const { id, action } = agent.decide(numbers(n, 2));
    agent.reward(id, action === 1 ? 1 : 0);
  }
  return agent;
}
const load = (bytes: Uint8Array) => loadAgent(bytes, undefined, createReferenceBackend());
const odds = ([a, b]: number[]) => a / b;

test("an action that is new leaves the others as they are to one another", async () => {
  const agent = await learned();
  const bytes = withActions(await agent.save(), [0, 1, 2, "new"]);
  const grown = await load(bytes);
  const [before, after] = [agent, grown].map(
    (one) => one.probabilities(context, { allowed: [0, 1] }).probabilities,
  );
  expect(odds(after)).toBeCloseTo(odds(before), 12);
  expect(grown.probabilities(context).probabilities[3]).toBeGreaterThan(0.1 / 4);
  for (let n = 0; n < 3000; n++) {
    const { id, action } = grown.decide(numbers(n, 2));
    grown.reward(id, action === 3 ? 1 : 0);
  }
  expect(grown.best(context)).toBe(3);
  // Nothing else changes: the same actions give the same file.
  expect(withActions(await agent.save(), [0, 1, 2])).toEqual(await agent.save());
});

test("an action that goes takes its decisions with it, and the others learn as they would have", async () => {
  const agent = await learned();
  const made = Array.from({ length: 30 }, (_, n) => agent.decide(numbers(n, 2), { id: `${n}` }));
  const gone = made.filter(({ action }) => action === 0);
  const stays = made.filter(({ action }) => action !== 0);
  expect(gone.length).toBeGreaterThan(0);
  const less = await load(withActions(await agent.save(), [2, 1]));
  expect(less.pending).toBe(stays.length);
  for (const { id } of gone) expect(() => less.reward(id, 1)).toThrow("no decision");
  // The same reward moves what is shared, the first layer, by the same step.
  const [{ id }] = stays;
  for (const one of [agent, less]) one.reward(id, 1);
  const first = async (one: typeof agent) =>
    decode(await one.save(), "the agent").tensors["layers.0.weights"].data;
  expect(await first(less)).toEqual(await first(agent));
  const [before, after] = [agent, less].map(
    (one) => one.probabilities(context, one === less ? {} : { allowed: [1, 2] }).probabilities,
  );
  expect(after[0] / after[1]).toBeCloseTo(before[2] / before[1], 1);
});

test("actions that cannot be are refused", async () => {
  const bytes = await (await createAgent(shape)).save();
  for (const [actions, message] of [
    [[0, 3], 'actions has 3; expected "new" or one that there was, 0 to 2'],
    [[0, 0], "actions is [0,0]; expected two or more"],
    [[1], "actions is [1]; expected two or more"],
    [["new", "new"], "actions is [new,new]; expected two or more"],
  ] as const) {
    expect(() => withActions(bytes, actions)).toThrow(message);
    expect(() => withActions(bytes, actions)).toThrow(InputError);
  }
});
