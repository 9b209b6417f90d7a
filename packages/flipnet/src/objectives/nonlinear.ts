/**
 * Function components `eta(h(x))` behind a differentiable network `h` that reads what one layer did: a nonlinear decoder,
 * say. Its parameters learn by their direct gradient, whatever the estimator.
 *
 * What one flipped unit changes goes through all of `h` (HNCA paper, section 3): there is no short cut as there is for
 * `eta(w . x + b)`. So by default estimators see one number. With `differences` f-HNCA takes the exact expectation over
 * every unit all the same, at one forward pass of `h` for every unit: local expectation gradients.
 */

import { immediate, type Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { FrontEnd } from "../front-ends/front-end.ts";
import type { Network } from "../network/network.ts";
import { type Activation, scalarKernels } from "./activations.ts";
import { type ComponentsOptions, findTarget, layersOf } from "./components.ts";
import type { Component, Objective } from "./objective.ts";
import { weighted } from "./weighted.ts";
import { prepareAdditions, whatIf } from "./what-if.ts";

/** What the components are beside their network. */
export interface NonlinearOptions extends ComponentsOptions {
  /** The layer whose bits the network reads, 0 or 1 whatever their coding. */
  reads: number;
  /** Whether f-HNCA may ask what each unit is worth, one forward pass a unit; default: components are one number. */
  differences?: boolean;
}

const optionNames: Names<NonlinearOptions> = { reads: 1, differences: 1, name: 1, target: 1, weight: 1 };

/**
 * The sum over the outputs of `front` of `eta(output, target)`, as an objective.
 *
 * @throws InputError for a layer or a target that is not there or does not fit
 */
export function nonlinearObjective(
  network: Network,
  front: FrontEnd,
  eta: Activation,
  options: NonlinearOptions,
): Objective {
  refuseUnknown("nonlinearObjective", optionNames, options);
  const { reads, differences = false, target, weight } = options;
  const { name = front.parameters[0]?.name ?? "nonlinear" } = options;
  const layer = network.layers[reads];
  if (layer === undefined) throw new InputError(`"${name}" reads layer ${reads}; ${layersOf(network)}`);
  if (front.inputs !== layer.width) {
    throw new InputError(
      `"${name}" takes ${front.inputs} numbers; expected ${layer.width}, as layer ${reads} shows`,
    );
  }
  const learns = eta.learns ?? eta.slope !== undefined;
  const { targetLayer, targetOf } = findTarget(network, name, front.outputs, target, [reads]);

  return {
    linears: [],
    fronts: learns ? [front] : [],
    prepare(pass) {
      const { backend } = network;
      const { bits } = pass.layers[reads];
      const value = backend.matrix(pass.batchSize, 1);
      const credit = backend.matrix(pass.batchSize, front.outputs);
      /** A pass of the network over `input`, and what `eta` makes of it. */
      const run = (input: Matrix) => {
        const frontPass = front.prepare(input);
        const logits = frontPass.output;
        const site = { pass, parents: [], layer: undefined, logits, target: targetOf(pass), targetLayer };
        const own = eta.kernels?.(site) ?? scalarKernels(eta, site);
        return { frontPass, ...weighted(backend, own, weight, pass.batchSize) };
      };
      const { frontPass, kernels, unweighted } = run(bits);
      const component: Component = {
        name,
        reads: [reads, ...(targetLayer === undefined ? [] : [targetLayer.index])],
        value,
        ...(unweighted && { unweighted }),
        evaluate() {
          frontPass.forward();
          kernels.evaluate(value);
        },
        ...(differences && { addDifferences: prepareDifferences() }),
        ...(kernels.slope !== undefined &&
          (targetLayer === undefined || kernels.addTargetSlopes !== undefined) && { addSlopes }),
      };

      let inputCredit: Matrix | undefined;
      function addSlopes({ index }: { index: number }, out: Matrix): void {
        if (index !== reads) {
          kernels.addTargetSlopes!(out);
          return;
        }
        inputCredit ??= backend.matrix(pass.batchSize, front.inputs);
        kernels.slope!(credit, false);
        frontPass.backward(credit, inputCredit);
        backend.addScaled(inputCredit, 1, out);
      }

      function prepareDifferences(): NonNullable<Component["addDifferences"]> {
        const backend = immediate(network.backend);
        const numbers = (m: Matrix) => new Float64Array(m.rows * m.columns);
        const input = backend.matrix(pass.batchSize, front.inputs);
        const again = run(input);
        const tried = backend.matrix(pass.batchSize, 1);
        const [did, before, after] = [bits, value, tried].map(numbers);
        const worth = prepareAdditions(backend, pass.batchSize)(front.inputs);
        return ({ index }, out) => {
          if (index !== reads) return kernels.addTargetDifferences(out);
          backend.readNow(bits, did);
          backend.readNow(value, before);
          const tryBits = () => {
            backend.write(input, did);
            again.frontPass.forward();
            again.kernels.evaluate(tried);
            return backend.readNow(tried, after);
          };
          whatIf(layer, did, before, tryBits, worth.numbers);
          worth.addTo(out);
        };
      }

      return {
        components: [component],
        addDirectGradient() {},
        credits: [],
        fronts: learns ? [frontPass] : [],
        differentiate(weights) {
          if (!learns) return;
          kernels.slope!(credit, false);
          if (weights !== undefined) backend.scaleRows(credit, weights, credit);
          frontPass.backward(credit);
        },
      };
    },
  };
}
