/** Settings of experiments in the papers, by name: `flipnet train --preset NAME`. Flags choose the method. */
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";

/** Dong, Mnih and Tucker 2020, the linear auto-encoder of their code: 10^6 steps (D-74). */
const disarmLinear = {
  task: "vae",
  estimator: "disarm",
  hidden: [200],
  batchSize: 50,
  learningRate: 1e-4,
  priorRate: 0.01,
  outputBias: 0.001,
  centred: true,
  entropy: "sampled",
  heldOut: 10_000,
  epochs: 1000,
};

/** The presets. */
export const presets: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  /**
   * HNCA paper, appendix F and figure 5: a Bernoulli layer behind two convolutions. Its methods are `--estimator hnca`
   * and `--estimator reinforce`.
   */
  "hnca-figure-5": {
    task: "bandit",
    convolutions: [16, 16],
    kernelSize: 3,
    hidden: [200],
    units: "plus-minus",
    batchSize: 50,
    learningRate: 1e-4,
    epochs: 100,
  },
  /**
   * Weight Maximization paper, section 6 and figure 1: 4e7 examples. Its five methods are `--estimator reinforce`;
   * `--hidden-rule reinforce`, without and with `--l2 0,1e-4,1e-2`; and `--hidden-rule direct-gradient`, without and
   * with `--l2 0,1e-5,1e-3`. The L2 weights are beside the paper's own updates, hence the scale.
   */
  "weight-max-figure-1": {
    task: "multiplexer",
    k: 5,
    hidden: [64, 32],
    units: "plus-minus",
    batchSize: 128,
    steps: 312_500,
    recordEvery: 2500,
    learningRate: 0.01,
    paperScale: true,
  },
  /** The setting of the paper's sequel (AAAI 2022), whose authors report a mean reward of 0.81 over all episodes (D-37). */
  "weight-max-online": {
    task: "multiplexer",
    estimator: "weight-max",
    k: 4,
    hidden: [64, 32],
    units: "zero-one",
    batchSize: 1,
    steps: 800_000,
    recordEvery: 8000,
    learningRate: [0.01, 0.001, 0.0001],
  },
  "disarm-linear": disarmLinear,
  /** The same with two layers of rectifiers on both sides of the coins. */
  "disarm-nonlinear": { ...disarmLinear, nonlinear: [200, 200] },
  /** Shi et al. 2022, the nonlinear auto-encoder of their code for one layer: 10^6 steps, the prior fixed (D-75). */
  rodeo: {
    task: "vae",
    estimator: "rodeo:samples=3",
    hidden: [200],
    nonlinear: [200, 200],
    batchSize: 100,
    learningRate: 1e-3,
    priorRate: 0,
    entropy: "sampled",
    heldOut: 10_000,
    epochs: 2000,
  },
  /** Shi et al. 2022, the two linear layers of their hierarchical auto-encoder: 10^6 steps, the prior fixed (D-75). */
  hierarchical: {
    task: "vae",
    estimator: "double-cv:samples=3",
    hidden: [200, 200],
    batchSize: 100,
    learningRate: 1e-4,
    priorRate: 0,
    entropy: "sampled",
    heldOut: 10_000,
    epochs: 2000,
  },
};

/** The settings of a preset. @param where what to call it in messages @throws InputError for a name that is none */
export function presetNamed(name: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof name === "string" && Object.hasOwn(presets, name)) return presets[name];
  throw new InputError(
    `${where} is ${JSON.stringify(name)}; ${suggestion(String(name), Object.keys(presets))}`,
  );
}

/** Settings as a file has them, with those of the preset that it names, if any, where it does not say otherwise. */
export function withPreset(
  { preset, ...own }: Readonly<Record<string, unknown>>,
  where: string,
): Record<string, unknown> {
  return preset === undefined ? own : { ...presetNamed(preset, where), ...own };
}
