/**
 * The exact expectation of a known function and its gradient, by the network's parameters and by the components' own.
 * None of the library's activations: an error there cannot hide here.
 */
import { dot, logSigmoid, sigmoid } from "./arithmetic.ts";
import { addSlope, exactGradient, zeros } from "./exact.ts";
import type { FunctionComponent, KnownFunction, LinearComponentSpec } from "./function-spec.ts";
import type { LayerValues } from "./layout.ts";

/** `eta` and its derivative by the logit. */
const functions: Record<LinearComponentSpec["eta"], (l: number, t: number) => readonly [number, number]> = {
  identity: (l) => [l, 1],
  square: (l) => [l * l, 2 * l],
  tanh: (l) => [2 * sigmoid(2 * l) - 1, 4 * sigmoid(2 * l) * sigmoid(-2 * l)],
  "log-likelihood": (l, t) => [t * logSigmoid(l) + (1 - t) * logSigmoid(-l), t - sigmoid(l)],
};

export interface ExactFunction {
  value: number;
  /** Of the network's layers. */
  gradient: LayerValues[];
  /** Of the linear components, in their order. */
  components: LayerValues[];
}

/** @param visited called after each state */
export function exactFunction(known: KnownFunction, visited: () => void = () => {}): ExactFunction {
  const { network, contexts, components } = known;
  const slopes = new Map(
    components.flatMap((one) => (one.kind === "linear" ? [[one, zeros(one.values)] as const] : [])),
  );

  /** What a layer did: bits, whatever its units show. */
  const bitsOf = (shown: readonly number[]) => shown.map((x) => (x > 0 ? 1 : 0));

  function worth(
    one: FunctionComponent,
    context: number,
    shown: readonly (readonly number[])[],
    reach: number,
  ) {
    if (one.kind === "table") {
      let outcome = 0;
      for (const l of one.reads) {
        const { choices = 2, kind } = network.layers[l];
        const bits = bitsOf(shown[l]);
        const digits =
          kind === "bernoulli" ? bits : bits.flatMap((bit, i) => (bit === 1 ? [i % choices] : []));
        for (const digit of digits) outcome = outcome * choices + digit;
      }
      return one.values[context][outcome];
    }
    const { reads, values, eta, target } = one;
    const x = reads.flatMap((from) => (from === "input" ? contexts[context] : shown[from]));
    const targets =
      target === "input"
        ? contexts[context]
        : typeof target === "number"
          ? bitsOf(shown[target])
          : target?.[context];
    return values.weights.reduce((sum, row, j) => {
      const [value, slope] = functions[eta](values.bias[j] + dot(row, x), targets?.[j] ?? 0);
      addSlope(slopes.get(one)!, j, x, reach * slope);
      return sum + value;
    }, 0);
  }

  const { value, gradient } = exactGradient(known, (context, shown, reach) => {
    visited();
    return components.reduce((sum, one) => sum + worth(one, context, shown, reach), 0);
  });
  return { value, gradient, components: [...slopes.values()] };
}
