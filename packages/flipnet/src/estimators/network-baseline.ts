/**
 * A baseline that learns: a network from what the network sees to the signal that is to be expected, by least squares
 * (NVIL's input-dependent baseline `C(x)`: Mnih and Gregor 2014, section 2.3). Each signal has one of its own.
 */

import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { denseFrontEnd } from "../front-ends/dense.ts";
import type { FrontEnd, Parameters } from "../front-ends/front-end.ts";
import type { Network } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import type { BaselineRule, PreparedBaseline } from "./baseline.ts";

/** The network, and how it learns. */
export interface NetworkBaselineOptions {
  /** Widths of its hidden layers, the input's side first; default [32]. None: linear in the input. */
  hidden?: readonly number[];
  /** Its learning rate; default 0.001. */
  learningRate?: number;
}

const optionNames: Names<NetworkBaselineOptions> = { hidden: 1, learningRate: 1 };

/**
 * A network as the baseline of every learning signal. It reads the input, or what a front end makes of it, and climbs
 * `-(signal - baseline)^2 / 2`. All estimators of one network share it, whatever their batches.
 *
 * @throws InputError for a rate that is no positive number; once it is prepared, for widths that cannot be
 */
export function networkBaseline(options: NetworkBaselineOptions = {}): BaselineRule {
  refuseUnknown("networkBaseline", optionNames, options);
  const { hidden = [32], learningRate = 1e-3 } = options;
  if (!(Number.isFinite(learningRate) && learningRate > 0)) {
    throw new InputError(`the baseline's learning rate is ${learningRate}; expected a positive number`);
  }
  const networks = new WeakMap<Network, Map<string, FrontEnd>>();

  function networkFor({ network, features }: Pass, name: string): FrontEnd {
    const byName = networks.get(network) ?? new Map<string, FrontEnd>();
    networks.set(network, byName);
    const found =
      byName.get(name) ??
      denseFrontEnd(network.backend, {
        inputs: features.columns,
        hidden,
        outputs: 1,
        name: `estimator.${name}`,
      });
    byName.set(name, found);
    return found;
  }

  return {
    prepare(pass, name): PreparedBaseline {
      const { backend } = pass.network;
      const front = networkFor(pass, name);
      const run = front.prepare(pass.features);
      const error = backend.matrix(pass.batchSize, 1);
      const withRate = (part: Parameters): Parameters => ({ ...part, rate: learningRate });
      return {
        parameters: front.parameters.map(withRate),
        gradients: run.gradients,
        subtract(signal: Matrix, out: Matrix) {
          run.forward();
          backend.subtract(signal, run.output, out);
        },
        adapt(signal: Matrix) {
          backend.subtract(signal, run.output, error);
          run.backward(error);
        },
      };
    },
  };
}
