// An agent in a loop of one's own learns what `control` learns in the same environment from the same draws.
import { describe, expect, it } from "vitest";
import { Episodes } from "../../src/environments/episodes.ts";
import {
  Agent,
  adam,
  createControlTraining,
  createReferenceBackend,
  createSequentialAgent,
  createWasmBackend,
  DecisionError,
  decodeSafetensors,
  encodeSafetensors,
  hnca,
  InputError,
  loadAgent,
  loadSequentialAgent,
  reinforce,
  SequentialAgent,
  type SequentialAgentOptions,
  sgd,
  straightThrough,
  weightMax,
} from "../../src/index.ts";
import { walk } from "../environments/walk.ts";

type Options = Partial<SequentialAgentOptions> & { atLimit?: "bootstrap" | "end" };

const usual = { hidden: [4, 3], seed: 3, optimizer: sgd({ learningRate: 0.1 }) };

/** The loop that somebody would write, for 40 steps of episodes; `between` may put another agent in the place of this one. */
async function live(
  agent: SequentialAgent,
  atLimit: "bootstrap" | "end",
  between = async (agent: SequentialAgent) => agent,
) {
  const episodes = new Episodes(walk, 1, 3);
  const seen = new Float64Array(2);
  let over = true;
  let ended = 0;
  for (let step = 0; step < 40; step++) {
    if (over) episodes.begin(0);
    episodes.observe(seen);
    const { id, action } = agent.decide(seen);
    agent = await between(agent);
    episodes.step(0, action);
    over = episodes.ended[0] || episodes.cut[0];
    if (over) ended++;
    episodes.observe(seen);
    const terminal = episodes.ended[0] || (episodes.cut[0] && atLimit === "end");
    agent.reward(id, episodes.rewards[0], terminal ? { terminal } : over ? { truncated: seen } : {});
    agent = await between(agent);
  }
  // What the last step has come to.
  if (!over) agent.decide(seen);
  expect(agent).toMatchObject({ version: 40, episodes: ended });
  expect(ended).toBeGreaterThan(3);
  return agent;
}

const tensorsOf = async (agent: SequentialAgent) => {
  const { tensors } = decodeSafetensors(await agent.save(), "the agent");
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith("bits.")));
};

const cases: { name: string; options: Options }[] = [
  { name: "as it comes", options: {} },
  { name: "by episodes, with gamma^t", options: { update: "episode", discountStates: true, atLimit: "end" } },
  { name: "REINFORCE without a critic", options: { estimator: reinforce, critic: "none", gamma: 1 } },
  { name: "straight-through, a linear critic", options: { estimator: straightThrough, critic: "linear" } },
  { name: "Weight Maximization", options: { estimator: weightMax(), traceLambda: 0.9, lastLogit: "fixed" } },
];

describe.each([
  ["the reference", async () => createReferenceBackend()],
  ["portable kernels", () => createWasmBackend({ kernels: "portable" })],
] as const)("on %s", (_, backend) => {
  it.each(cases)(
    "it is the actor-critic of control, bit for bit, saved in the middle of episodes or not: $name",
    async ({ options }) => {
      const { atLimit = "bootstrap", ...given } = options;
      const all = { estimator: hnca, ...usual, ...given };
      const training = createControlTraining(await backend(), {
        ...{ environment: walk, steps: 40, recordEvery: 40, atLimit },
        ...all,
      });
      for await (const record of training.run(1)) expect(record.step).toBe(40);
      const expected = await training.learner.tensors();

      const create = async () => createSequentialAgent({ inputs: 2, actions: 2, ...all }, await backend());
      expect(await tensorsOf(await live(await create(), atLimit))).toEqual(expected);
      const shared = await backend();
      let calls = 0;
      const again = async (agent: SequentialAgent) =>
        ++calls % 7 === 0 ? loadSequentialAgent(await agent.save(), all.optimizer, shared) : agent;
      expect(await tensorsOf(await live(await create(), atLimit, again))).toEqual(expected);
    },
  );
});

describe("a loop of one's own", () => {
  const create = (options: Options = {}) =>
    new SequentialAgent(createReferenceBackend(), { inputs: 2, actions: 3, ...usual, ...options });

  it("learns by Adam with HNCA unless it is told otherwise, and its file says so", async () => {
    const agent = await createSequentialAgent({ inputs: 1, actions: 2 }, createReferenceBackend());
    const { id } = agent.decide([1]);
    agent.reward(id, 1, { terminal: true });
    const again = await loadSequentialAgent(await agent.save(), undefined, createReferenceBackend());
    expect(again).toMatchObject({ steps: 1, version: 1, episodes: 1 });
    const [one, other] = [agent, again].map((agent) => {
      const { id, ...decision } = agent.decide([0.5]);
      return decision;
    });
    expect(other).toEqual(one);
  });

  it("gives the probability that the action was drawn with, and the same for the asking", () => {
    const agent = create({ hidden: [] });
    const { action, probability, step } = agent.decide([1, -1]);
    const { probabilities } = agent.probabilities([1, -1]);
    expect(step).toBe(1);
    expect(probability).toBeCloseTo(probabilities[action], 12);
    expect(agent.best([1, -1])).toBe(probabilities.indexOf(Math.max(...probabilities)));
  });

  it("explores under masks and a floor, and in episodes of one step learns what an agent of single decisions does", async () => {
    const shape = { hidden: [4, 3], actions: 3, inputs: 2, seed: 3, optimizer: usual.optimizer, floor: 0.3 };
    let mine = create({ ...shape, critic: "none" });
    const other = new Agent(createReferenceBackend(), {
      ...{ ...shape, skip: false, units: "zero-one", estimator: hnca, baseline: "none" },
    });
    // The other one begins with the weights of this one.
    const [own, others] = await Promise.all(
      [mine, other].map(async (agent) => decodeSafetensors(await agent.save(), "the agent")),
    );
    const weights = Object.entries(own.tensors).filter(([name]) => name.startsWith("layers."));
    const same = await loadAgent(
      encodeSafetensors({ ...others.tensors, ...Object.fromEntries(weights) }, others.metadata),
      shape.optimizer,
      createReferenceBackend(),
    );
    const law = mine.probabilities([1, 0.5], { allowed: [0, 2] });
    expect(law).toEqual(same.probabilities([1, 0.5], { allowed: [0, 2] }));
    expect(law.probabilities[1]).toBe(0);
    expect(Math.min(law.probabilities[0], law.probabilities[2])).toBeGreaterThan(0.15);
    const masks = [undefined, [0, 2], [1, 2], [1]];
    for (let step = 0; step < 40; step++) {
      const seen = [Math.sin(step), Math.cos(3 * step)];
      const allowed = masks[step % masks.length];
      const options = { id: `${step}`, ...(allowed && { allowed }) };
      const { action, probability, floor } = mine.decide(seen, options);
      expect({ action, probability, floor }).toEqual(
        (({ action, probability, floor }) => ({ action, probability, floor }))(same.decide(seen, options)),
      );
      expect(allowed?.includes(action)).not.toBe(false);
      if (step % 10 === 6) {
        mine = await loadSequentialAgent(await mine.save(), usual.optimizer, createReferenceBackend());
      }
      mine.reward(`${step}`, action - 0.7, { terminal: true });
      same.reward(`${step}`, action - 0.7);
    }
    const { tensors } = decodeSafetensors(await mine.save(), "the agent");
    const theirs = decodeSafetensors(await same.save(), "the agent").tensors;
    for (const [name, before] of weights) {
      const expected = theirs[name].data as Float64Array;
      (tensors[name].data as Float64Array).forEach((x, i) => {
        expect(x).toBeCloseTo(expected[i], 12);
      });
      expect(tensors[name]).not.toEqual(before);
    }
    expect(() => mine.decide([1, 1], { allowed: [] })).toThrow("allowed is []; expected one or more");
    expect(() => create({ estimator: straightThrough, floor: 0.1 })).toThrow("cannot learn under a floor");
    expect(() => create({ estimator: straightThrough }).decide([1, 1], { allowed: [1] })).toThrow(
      "cannot learn under a mask",
    );
  });

  it("says what is not as it should be, and goes on", async () => {
    const agent = create();
    const decide = () => agent.decide([1, 2], { id: "a" });
    expect(() => agent.decide([1])).toThrow("the context has 1 numbers; expected 2");
    expect(() => agent.decide([1, Number.NaN])).toThrow("the context has NaN at place 1; expected a number");
    decide();
    expect(decide).toThrow('there was a decision "a" already; expected an id of its own for each');
    expect(() => agent.decide([1, 2], { id: "b" })).toThrow(
      'the decision "a" has no reward yet; expected reward() or cancel() before the next decide()',
    );
    expect(() => agent.reward("a", Number.NaN)).toThrow("the reward is NaN; expected a number of at most");
    expect(() => agent.reward("a", 1, { terminal: 1 as never })).toThrow(
      "terminal is 1; expected true or false",
    );
    expect(() => agent.reward("a", 1, { truncated: [1] })).toThrow(
      "what was seen where it was truncated has 1 numbers; expected 2",
    );
    expect(() => agent.reward("a", 1, { terminal: true, truncated: [1, 1] })).toThrow(
      "the episode is terminal and truncated; expected one of them",
    );
    expect(() => agent.reward("c", 1)).toThrow(DecisionError);
    expect(() => agent.reward("c", 1)).toThrow('no decision "c" is known');
    agent.reward("a", 1);
    expect(() => agent.reward("a", 1)).toThrow('the decision "a" was rewarded already');
    expect(agent.version).toBe(0);
    agent.decide([0, 0], { id: "b" });
    expect(agent.version).toBe(1);
    agent.cancel();
    expect(() => agent.reward("b", 1)).toThrow('the decision "b" was cancelled already');
    expect(agent).toMatchObject({ version: 1, episodes: 1 });
    expect(() => create({ actions: undefined as never })).toThrow(
      "actions of the agent is missing; expected",
    );
    expect(() => create({ gamma: 2 })).toThrow("gamma of the agent is 2; expected a number from 0 to 1");
    const bytes = await agent.save();
    await expect(loadAgent(bytes)).rejects.toThrow("the file holds no agent");
    await expect(loadSequentialAgent(bytes, adam({ learningRate: 1 }))).rejects.toThrow(
      "the agent was made with another optimizer",
    );
  });

  it("refuses damaged files in a sentence", async () => {
    const agent = create();
    agent.decide([1, 2], { id: "a" });
    const { tensors, metadata } = decodeSafetensors(await agent.save(), "the agent");
    const load = (state: object, more: typeof tensors = {}) =>
      loadSequentialAgent(
        encodeSafetensors(
          { ...tensors, ...more },
          { ...metadata, state: JSON.stringify({ ...JSON.parse(metadata.state), ...state }) },
        ),
        usual.optimizer,
        createReferenceBackend(),
      );
    await expect(load({})).resolves.toMatchObject({ steps: 1 });
    const { last } = JSON.parse(metadata.state);
    for (const wrong of [
      { decided: -1 },
      { learned: 2 },
      { closed: [["a"]] },
      { last: 3 },
      { last: { ...last, context: [1] } },
      { last: { ...last, action: (last.action + 1) % 3 } },
      { last: { ...last, step: 7 } },
    ]) {
      await expect(load(wrong), JSON.stringify(wrong)).rejects.toThrow(InputError);
    }
    const strange = { ...tensors["bits.0"], data: Float64Array.of(1, 0, 0.5, 1) } as never;
    await expect(load({}, { "bits.0": strange })).rejects.toThrow("what its units did are no bits");
    const settings = (sequential: string) =>
      loadSequentialAgent(
        encodeSafetensors(tensors, { ...metadata, sequential }),
        usual.optimizer,
        createReferenceBackend(),
      );
    await expect(settings("null")).rejects.toThrow("its settings are null");
    await expect(settings(metadata.sequential.replace("[4,3]", "[4,1000000000]"))).rejects.toThrow(
      "expected [1000000000,4]",
    );
    await expect(load({ last: undefined })).rejects.toThrow("bits.0, which belongs to nothing");
  });
});
