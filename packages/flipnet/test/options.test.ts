// An option that is misspelt is refused in one sentence, whatever it is an option of.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  Agent,
  adam,
  audit,
  blackBoxObjective,
  Challenger,
  ContextualBandit,
  checkObjective,
  componentsObjective,
  convolutions,
  createAgent,
  createBanditTraining,
  createControlTraining,
  createDecoder,
  createMultiplexerTraining,
  createNetwork,
  createReadout,
  createReferenceBackend,
  createSequentialAgent,
  createVaeTraining,
  createWasmBackend,
  denseFrontEnd,
  elboObjective,
  entropy,
  evaluatePolicy,
  GridWorld,
  hnca,
  InputError,
  Learner,
  learnFromLog,
  loadModel,
  loadVae,
  Multiplexer,
  networkBaseline,
  nonlinearObjective,
  rectifiedFrontEnd,
  rewardObjective,
  SequentialAgent,
  sgd,
  steppable,
  VariationalAutoEncoder,
} from "../src/index.ts";
import { gymnasium, loadLabelledImages, openAgentLog, saveVersion } from "../src/node/index.ts";
import { openActor, runLearner } from "../src/redis/index.ts";

const backend = createReferenceBackend();
const agent = new Agent(backend, { inputs: 1, actions: 2, hidden: [2] });
const sequential = new SequentialAgent(backend, { inputs: 1, actions: 2 });
const network = createNetwork(backend, {
  inputs: 2,
  inputKind: "bits",
  units: "zero-one",
  layers: [{ kind: "bernoulli", units: 2 }],
});
const input = backend.matrix(1, 2);
const images = {
  shape: [1, 2],
  pixels: 2,
  classes: 2,
  count: 2,
  images: new Uint8Array(4),
  labels: new Uint8Array([0, 1]),
};
const data = { train: images, test: images } as never;
const client = { call: () => Promise.reject(new Error("no command is to be sent")) };
const rule = { estimator: hnca, optimizer: sgd({ learningRate: 0.1 }) };
const spec = {
  inputs: [[1]],
  layers: [{ kind: "bernoulli", weights: [[1]], bias: [0] }],
  rewards: [[0, 1]],
};
const front = () => denseFrontEnd(backend, { inputs: 2, hidden: [], outputs: 1 });

/** What takes each type of options, given one more: by the entry point and the type's name. */
const takers: Record<string, (more: never) => unknown> = {
  "flipnet AgentOptions": (more: object) => createAgent({ inputs: 1, actions: 2, ...more }, backend),
  "flipnet DecideOptions": (more: object) => agent.decide([1], more),
  "flipnet TimeOptions": (more: object) => agent.reward("a", 1, more),
  "flipnet SequentialAgentOptions": (more: object) =>
    createSequentialAgent({ inputs: 1, actions: 2, ...more }, backend),
  "flipnet OutcomeOptions": (more: object) => sequential.reward("a", 1, more),
  "flipnet LearnLoggedOptions": (more: object) =>
    agent.learnLogged({ context: [1], action: 0, probability: 1, reward: 1 }, more),
  "flipnet ProbabilityOptions": (more: object) => agent.probabilities([1], more),
  "flipnet ChallengerOptions": (more: object) => new Challenger(agent, more),
  "flipnet LearnFromLogOptions": (more: object) => learnFromLog(agent, [], more),
  "flipnet EvaluateOptions": (more: object) => evaluatePolicy([], () => [], more),
  "flipnet AuditOptions": (more: object) => audit(spec as never, more),
  "flipnet ExactAuditOptions": (more: object) => audit(spec as never, more as never),
  "flipnet SimulationOptions": (more: object) => audit(spec as never, { simulate: more }),
  "flipnet WasmOptions": (more: object) => createWasmBackend(more),
  "flipnet NetworkBaselineOptions": (more: object) => networkBaseline(more),
  "flipnet ConvolutionOptions": (more: object) =>
    convolutions(backend, { shape: [3, 3], channels: [1], ...more }),
  "flipnet DenseOptions": (more: object) =>
    denseFrontEnd(backend, { inputs: 1, hidden: [], outputs: 1, ...more }),
  "flipnet RectifiedOptions": (more: object) =>
    rectifiedFrontEnd(backend, { inputs: 1, widths: [1], ...more }),
  "flipnet DecoderOptions": (more: object) => createDecoder(network, more),
  "flipnet BlackBoxOptions": (more: object) => blackBoxObjective(() => {}, more),
  "flipnet CheckOptions": (more: object) =>
    checkObjective(network, rewardObjective(backend.matrix(1, 1)), input, more),
  "flipnet ComponentsOptions": (more: object) =>
    componentsObjective(network, createReadout(network, "readout", [0], 1), entropy, more),
  "flipnet ElboOptions": (more: object) => elboObjective(network, more),
  "flipnet NonlinearOptions": (more: object) =>
    nonlinearObjective(network, front(), entropy, { reads: 0, ...more }),
  "flipnet AdamOptions": (more: object) => adam({ learningRate: 0.1, ...more }),
  "flipnet SgdOptions": (more: object) => sgd({ learningRate: 0.1, ...more }),
  "flipnet BanditOptions": (more: object) =>
    new ContextualBandit(backend, data, { batchSize: 1, seed: 0, ...more }),
  "flipnet GridWorldOptions": (more: object) =>
    new GridWorld(backend, { size: 2, horizon: 2, batchSize: 1, steps: 1, recordEvery: 1, seed: 0, ...more }),
  "flipnet MultiplexerOptions": (more: object) =>
    new Multiplexer(backend, { k: 1, batchSize: 1, steps: 1, recordEvery: 1, seed: 0, ...more }),
  "flipnet VaeOptions": (more: object) =>
    new VariationalAutoEncoder(network, data, { batchSize: 1, seed: 0, ...more }),
  "flipnet BanditTrainingOptions": (more: object) =>
    createBanditTraining(backend, data, { ...rule, hidden: [2], ...more }),
  "flipnet MultiplexerTrainingOptions": (more: object) =>
    createMultiplexerTraining(backend, { ...rule, k: 1, steps: 1, ...more }),
  "flipnet VaeTrainingOptions": (more: object) =>
    createVaeTraining(backend, data, { ...rule, hidden: [2], ...more }),
  "flipnet SteppableOptions": (more: object) =>
    steppable(() => ({}) as never, { name: "one", inputs: 1, actions: 2, limit: 1, ...more }),
  "flipnet ModelOptions": (more: object) => loadModel({ config: "{}", checkpoint: new Uint8Array() }, more),
  "flipnet ControlTrainingOptions": (more: object) =>
    createControlTraining(backend, { ...rule, environment: "cart-pole", ...more } as never),
  "flipnet LearnerOptions": (more: object) =>
    new Learner(
      hnca,
      {
        network,
        input,
        objective: rewardObjective(backend.matrix(1, 1)),
        baseline: "none",
        baselineDecay: 0,
      },
      rule.optimizer,
      more,
    ),
  "flipnet/node AgentLogOptions": (more: object) => openAgentLog(join(tmpdir(), "not-written.jsonl"), more),
  "flipnet/node GymnasiumOptions": (more: object) => gymnasium("CartPole-v1", more),
  "flipnet/node VersionOptions": (more: object) => saveVersion(join(tmpdir(), "not-made"), agent, more),
  "flipnet/redis ActorOptions": (more: object) => openActor(client, { name: "a", ...more }),
  "flipnet/redis LearnerOptions": (more: object) =>
    runLearner(client, { name: "a", agent: { inputs: 1, actions: 2 }, ...more }),
  // Options without a name of their own.
  "flipnet loadVae": (more: object) => loadVae(backend, {}, more),
  "flipnet SequentialDecideOptions": (more: object) => sequential.decide([1], more),
  "flipnet SequentialAgent.probabilities": (more: object) => sequential.probabilities([1], more),
  "flipnet takeOver": (more: object) => agent.takeOver({} as never, more),
  "flipnet/node loadLabelledImages": (more: object) => loadLabelledImages(more),
};

test("every type of options that is exported has its taker here", () => {
  for (const [entry, path] of [
    ["flipnet", "index.ts"],
    ["flipnet/node", "node/index.ts"],
    ["flipnet/redis", "redis/index.ts"],
  ]) {
    const source = readFileSync(join(import.meta.dirname, "../src", path), "utf8");
    const types = [...source.matchAll(/\btype (\w+Options)\b/g)].map(([, type]) => `${entry} ${type}`);
    expect(types.filter((type) => !(type in takers))).toEqual([]);
    expect(types.length).toBeGreaterThan(1);
  }
});

test.each(Object.entries(takers))(
  "%s: an option that there is not is refused, and what is none",
  async (_, take) => {
    const misspelt = async () => take({ mispelt: 1 } as never);
    await expect(misspelt).rejects.toThrow(InputError);
    await expect(misspelt).rejects.toThrow(/^mispelt is no option of [^;]+; (expected one of|did you mean) /);
  },
);

test("options that are no object are refused", () => {
  expect(() => agent.decide([1], null as never)).toThrow(
    "the options of decide are null; expected an object",
  );
  expect(() => learnFromLog(agent, [], 3 as never)).toThrow(
    "the options of learnFromLog are 3; expected an object",
  );
});
