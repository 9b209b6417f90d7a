// One learner in one world: what it earned, in the mean, of what its actions would earn in expectation.
import { createAgent, createWasmBackend } from "../../packages/flipnet/dist/index.js";

/** `options` beside the shape; `{}`: the defaults. */
export const agentOf = (options) => async (world, seed) => {
  const backend = await createWasmBackend({ kernels: "portable" });
  const agent = await createAgent(
    { inputs: world.inputs, actions: world.actions, seed, ...options },
    backend,
  );
  let id;
  return {
    act(context) {
      const decision = agent.decide(context);
      id = decision.id;
      return decision.action;
    },
    learn: (_, reward) => agent.reward(id, reward),
  };
};

/** Mean expected reward over the first 3,000 visits, the last third, and all. */
export async function play(create, world, seed) {
  const { inputs: d, actions: K, visits, contexts, rewards, expected } = world;
  const learner = await create(world, seed);
  const earned = new Float64Array(visits);
  for (let t = 0; t < visits; t++) {
    const action = learner.act(contexts.subarray(t * d, (t + 1) * d));
    learner.learn(action, rewards[t * K + action]);
    earned[t] = expected[t * K + action];
  }
  return summary(earned);
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

export const summary = (earned) => ({
  first: mean(earned.subarray(0, Math.min(3000, earned.length))),
  last: mean(earned.subarray(Math.floor((2 * earned.length) / 3))),
  all: mean(earned),
});

/** What the best action of each visit earns. */
export function ideal({ actions: K, visits, expected }) {
  const best = Float64Array.from({ length: visits }, (_, t) =>
    Math.max(...expected.subarray(t * K, t * K + K)),
  );
  return summary(best);
}
