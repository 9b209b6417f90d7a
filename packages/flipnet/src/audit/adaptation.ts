/**
 * Two steps of an estimator that remembers: a running baseline, a critic, a scale of its own. Each step sees one example.
 * Whatever happened in the first, the mean of the second must be the exact gradient: what is subtracted is of the past.
 */
import type { Estimator } from "../estimators/estimator.ts";
import { uniformAt } from "../random/threefry.ts";
import { EnumeratedDraws } from "./enumeration.ts";
import type { LayerValues } from "./layout.ts";
import { MomentSums } from "./moments.ts";
import type { Subject } from "./subject.ts";

/** An estimator and the two steps that are to be enumerated for it. */
export interface Steps {
  /** In all outcomes of the first step together; 0 where the estimator remembers nothing. */
  readonly states: number;
  /**
   * The largest bias of the second step of any parameter of the network, over all outcomes of the first.
   * @param exact the exact gradient of each of the subject's linear maps
   * @param advance called with the number of states done
   */
  bias(exact: readonly LayerValues[], advance: (states: number) => void): number;
}

/**
 * Prepares two steps. Parameters of the estimator's own start at numbers between -0.5 and 0.5, and climb by their whole
 * gradient: wherever they are and go, they may not matter.
 */
export function prepareSteps(subject: Subject, estimator: Estimator): Steps {
  const { backend, network } = subject;
  const draws = new EnumeratedDraws();
  const trial = subject.prepare(estimator, draws, 1);
  const { prepared } = trial;
  const { parameters = [], gradients = [] } = prepared;
  const memory = [...Object.values(prepared.state), ...parameters.map(({ block }) => block)];
  const remember = () => memory.map((matrix) => Float64Array.from(backend.readNow(matrix)));
  const recall = (values: readonly Float64Array[]) =>
    memory.forEach((matrix, i) => {
      backend.write(matrix, values[i]);
    });
  const before = remember();
  trial.run();
  recall(before);
  const { states } = draws;

  return {
    states: memory.length === 0 ? 0 : states * (states + 1),
    bias(exact, advance) {
      const linears = network.layers;
      const play = (state: number) => {
        draws.start(state, 1);
        trial.run();
        return draws.weights;
      };
      parameters.forEach(({ block }, i) => {
        const length = block.rows * block.columns;
        backend.write(
          block,
          Float64Array.from({ length }, (_, e) => uniformAt({ k0: i, k1: 0 }, e) - 0.5),
        );
      });
      const start = remember();
      let largest = 0;
      for (let one = 0; one < states; one++) {
        recall(start);
        const [probability] = play(one);
        advance(states + 1);
        if (probability === 0) continue;
        prepared.adapt?.();
        parameters.forEach(({ block }, i) => {
          backend.addScaled(gradients[i], 1, block);
        });
        const after = remember();
        const sums = new MomentSums(backend, linears, exact.slice(0, linears.length));
        for (let two = 0; two < states; two++) {
          recall(after);
          sums.add(trial.credits, play(two));
        }
        for (const { bias } of sums.result()) largest = Math.max(largest, bias);
      }
      recall(before);
      return largest;
    },
  };
}
