/** A known function to audit estimators on. */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import { createNetwork } from "../network/network.ts";
import { type Activation, logLikelihood } from "../objectives/activations.ts";
import { blackBoxObjective } from "../objectives/black-box.ts";
import { componentsObjective, createReadout } from "../objectives/components.ts";
import { type Objective, sumOf } from "../objectives/objective.ts";
import { countStates } from "./exact.ts";
import { exactFunction } from "./function-exact.ts";
import type { KnownFunction, LinearComponentSpec, TableComponentSpec } from "./function-spec.ts";
import { type ParameterArrays, toArrays, toBlock } from "./layout.ts";
import type { Subject } from "./subject.ts";

/** What a report says of the function itself. */
export interface FunctionAnswers {
  /** Its expectation. */
  value: number;
  /** Weights and bias of each layer. */
  exact: ParameterArrays;
  /** Weights and bias of each linear component. */
  exactComponents: ParameterArrays;
}

const activations: Record<LinearComponentSpec["eta"], Activation> = {
  identity: { value: (l) => l, slope: () => 1 },
  square: { value: (l) => l * l, slope: (l) => 2 * l },
  tanh: { value: Math.tanh, slope: (l) => 1 - Math.tanh(l) ** 2 },
  "log-likelihood": logLikelihood,
};

/** Its linear maps: the network's layers, then the linear components'. */
export function functionSubject(backend: ImmediateBackend, known: KnownFunction): Subject<FunctionAnswers> {
  const { contexts, components, parameters, baseline = "none" } = known;
  const network = createNetwork(backend, known.network);
  network.layers.forEach((layer, l) => {
    backend.write(layer.block, toBlock(parameters[l]));
  });
  const readouts = components.map((one) => {
    if (one.kind === "table") return undefined;
    const { name, reads, values } = one;
    const readout = createReadout(network, name, reads, values.bias.length);
    backend.write(readout.block, toBlock(values));
    return readout;
  });

  /** A table as a function on the host; `seen` are the contexts' numbers, row by row. */
  const tableObjective = (
    { name, reads, values, scalar = false }: TableComponentSpec,
    seen: () => number[],
  ) =>
    blackBoxObjective(
      ({ layers }, out) => {
        seen().forEach((context, b) => {
          let outcome = 0;
          for (const l of reads) {
            const { choices, units, width } = network.layers[l];
            for (let unit = 0; unit < units; unit++) {
              const first = b * width + unit * choices;
              const digit =
                choices === 1 ? layers[l][first] : layers[l].subarray(first, first + choices).indexOf(1);
              outcome = outcome * Math.max(2, choices) + digit;
            }
          }
          out[b] = values[context][outcome];
        });
      },
      { name, reads, differences: !scalar },
    );

  return {
    offers: ["components", "evaluations", "slopes"],
    backend,
    network,
    linears: [...network.layers, ...readouts.filter((readout) => readout !== undefined)],
    states: countStates(known),
    exact(visited) {
      const { value, gradient, components: own } = exactFunction(known, visited);
      const answers = { value, exact: toArrays(gradient), exactComponents: toArrays(own) };
      return { gradient: [...gradient, ...own], answers };
    },
    prepare(estimator, draws, rows) {
      const input = backend.matrix(rows, network.inputs);
      let seen: number[] = Array(rows).fill(0);
      const targets: { readonly matrix: Matrix; readonly values: readonly (readonly number[])[] }[] = [];
      const parts = components.map((one, i): Objective => {
        if (one.kind === "table") return tableObjective(one, () => seen);
        const { target, eta } = one;
        if (target === undefined) return componentsObjective(network, readouts[i]!, activations[eta]);
        if (typeof target !== "object") {
          return componentsObjective(network, readouts[i]!, activations[eta], { target });
        }
        const matrix = backend.matrix(rows, readouts[i]!.width);
        targets.push({ matrix, values: target });
        return componentsObjective(network, readouts[i]!, activations[eta], { target: matrix });
      });
      const prepared = estimator.prepare({
        network,
        input,
        objective: sumOf(...parts),
        baseline: estimator.baseline ? baseline : "none",
        baselineDecay: 0.99,
      });
      return {
        prepared,
        credits: [...prepared.credits, ...prepared.evaluation.credits],
        run() {
          seen = Array.from(draws.choose("context", contexts.length));
          const write = (matrix: Matrix, values: readonly (readonly number[])[]) =>
            backend.write(
              matrix,
              seen.flatMap((c) => values[c]),
            );
          write(input, contexts);
          for (const { matrix, values } of targets) write(matrix, values);
          prepared.sample(draws);
          prepared.credit();
          prepared.evaluation.differentiate();
        },
      };
    },
  };
}
