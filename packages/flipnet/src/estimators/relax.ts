/**
 * RELAX (Grathwohl, Choi, Wu, Roeder and Duvenaud 2018): a control variate that is learned, a network `r` of the relaxed units,
 *
 *     g = (f(b) - c(s~)) (b - p) + dc(s)/dl - dc(s~)/dl,     c(s) = eta f(s) + r(x, s),
 *
 * with REBAR's relaxed units, `s` from the noise that draws the bits and `s~` from noise drawn anew given them. `x` is what the
 * layer's parents did; `f` over the components downstream of the layer. Where some of them are known at bits only, or a reward was observed,
 * `c` is the network alone. With `w . h` its output, `h = tanh(a / 2)`, `a = A x + V s + k`,
 *
 *     dr/ds = V^T (w h'),     h' = (1 - h^2) / 2,     h'' = -h h',
 *
 * and `c` learns downhill on the mean of `g^2`, which is what variance can change: its gradient goes through both slopes, and with
 * `u = ds/dl g`, `q = V u` and `m = g . (b - p)` it is that of `q . (w h'(s)) - q~ . (w h'(s~)) - m r(s~)`, u and m held fixed.
 *
 * Unbiased, whatever the network is. Cost: REBAR's, where the objective is relaxed, and a small network, there and back twice; its
 * noise is formed on the host. Differs from the authors (D-73): the temperature is set; deeper layers show means.
 */
import type { Matrix } from "../backend/backend.ts";
import { createLinear } from "../network/network.ts";
import { codingOf, computeLogits, shown } from "../network/pass.ts";
import { defineEstimator } from "./estimator.ts";
import { count, flag, positive } from "./options.ts";
import {
  type ControlVariate,
  type Place,
  prepareRelaxation,
  type Relaxed,
  relaxationOptions,
  relaxedObjective,
} from "./relaxation.ts";

/** `g = (f(b) - c(z~)) (b - p) + dc(z)/dl - dc(z~)/dl`, c a network that learns: Grathwohl et al. 2018, equation 8. */
export const relax = defineEstimator({
  name: "relax",
  title: "RELAX",
  paper: "Grathwohl, Choi, Wu, Roeder and Duvenaud 2018, equation 8",
  unbiased: true,
  why: "what the learned function subtracts is added as its reparameterised gradient",
  needs: { knows: [] },
  baseline: true,
  cost: "forward pass + a network of each layer, forward and back twice; as REBAR where slopes are known",
  options: {
    ...relaxationOptions,
    objective: flag({
      default: true,
      says: "add the relaxed objective to the network, where slopes are known",
    }),
    hidden: count({ least: 1, default: 100, says: "hidden units of the network" }),
    rate: positive({ default: 1e-3, says: "learning rate of network and coefficient" }),
  },

  prepare: (problem, { temperature, start, objective, hidden, rate }) =>
    prepareRelaxation(problem, temperature, (place) => {
      const name = `estimator.relax.${place.layer.index}`;
      const known = objective ? relaxedObjective(place, { name, start, rate }) : undefined;
      const learned = network(place, { name, hidden, rate });
      return known === undefined ? [learned] : [known, learned];
    }),
});

/** `r(x, s)`: one hidden layer over what the layer's parents show and its relaxed units. */
function network(
  { problem, layer, pass, free, given }: Place,
  { name, hidden: H, rate }: { name: string; hidden: number; rate: number },
): ControlVariate {
  const { backend, inputCoding } = problem.network;
  const { width: J, index } = layer;
  const matrix = (columns: number) => backend.matrix(pass.batchSize, columns);
  const read = layer.addsInput
    ? [{ from: -1, coding: inputCoding, rows: pass.features.columns }]
    : layer.parents.map(({ from, coding, weights }) => ({ from, coding, rows: weights.rows }));
  const relaxedUnits = { from: index, coding: "real" as const, rows: J };
  const inner = createLinear(backend, `${name}.hidden`, [...read, relaxedUnits], H);
  const outer = createLinear(backend, `${name}.output`, [{ from: -1, coding: "real", rows: H }], 1);
  const context = { ...inner, parents: inner.parents.slice(0, -1) };
  const V = inner.parents[inner.parents.length - 1].weights;
  const row = backend.view(outer.block, 0, 1, H);

  const gradients = [inner, outer].map(({ block }) => backend.matrix(1, block.columns));
  const [ofInner, ofOuter] = gradients;
  let offset = 0;
  const gradientOf = (rows: number) => {
    const view = backend.view(ofInner, offset, rows, H);
    offset += rows * H;
    return view;
  };
  const ofContext = context.parents.map(({ weights }) => gradientOf(weights.rows));
  const [ofV, ofBias] = [gradientOf(J), gradientOf(1)];
  const [ofRow, ofConstant] = [backend.view(ofOuter, 0, 1, H), backend.view(ofOuter, H, 1, 1)];

  const [base, spread] = [matrix(H), matrix(H)];
  const at = ({ shown, pull, push }: Relaxed) => {
    const [a, y, n, h] = Array.from({ length: 4 }, () => matrix(H));
    /** `w h'`, and dr/dl. */
    const [bent, slopes] = [matrix(H), matrix(J)];
    return {
      shown,
      push,
      h,
      bent,
      slopes,
      run() {
        backend.copy(base, a);
        backend.product(shown, "real", V, a);
        backend.sigmoid(a, y, n);
        backend.subtract(y, n, h);
        backend.meanSlope(spread, y, n, 2, bent);
        backend.transposedProduct(bent, V, slopes, false);
        pull(slopes, slopes);
      },
      /** `h' q`, less `m h`: the gradient by `w`. */
      addOuter(q: Matrix, m: Matrix | undefined, out: Matrix) {
        backend.meanSlope(q, y, n, 2, out);
        if (m === undefined) return;
        backend.scaleRows(h, m, a);
        backend.addScaled(a, 1, out);
      },
    };
  };
  const [one, anew] = [at(free), at(given)];
  const [value, m, slopes] = [matrix(1), matrix(1), matrix(J)];
  const [u, q, credit, room, byWeight] = [matrix(J), matrix(H), matrix(H), matrix(H), matrix(H)];

  /** Adds a point's share to the gradients, `sign` 1 for `s` and -1 for `s~`. */
  function differentiate(point: typeof one, g: Matrix, sign: 1 | -1): void {
    const first = point === one;
    point.push(g, u);
    backend.fill(q, 0);
    backend.product(u, "real", V, q);
    // By the hidden logits: +-(w h'' q) - m w h' = -+(w h' h q) - m w h'.
    backend.multiply(point.bent, point.h, room);
    backend.multiply(room, q, room);
    backend.fill(credit, 0);
    backend.addScaled(room, -sign, credit);
    if (!first) {
      backend.scaleRows(point.bent, m, room);
      backend.addScaled(room, -1, credit);
    }
    backend.outerProduct(point.shown, "real", credit, ofV, !first);
    context.parents.forEach((edge, k) => {
      backend.outerProduct(shown(pass, edge.from), codingOf(pass, edge), credit, ofContext[k], !first);
    });
    backend.columnMeans(credit, ofBias, !first);
    backend.fill(room, 0);
    backend.addScaled(point.bent, sign, room);
    backend.outerProduct(u, "real", room, ofV, true);
    point.addOuter(q, first ? undefined : m, byWeight);
    backend.fill(room, 0);
    backend.addScaled(byWeight, sign, room);
    backend.columnMeans(room, ofRow, !first);
  }

  return {
    value,
    slopes,
    parameters: [inner, outer].map(({ name, block, width }) => ({ name, block, width, rate })),
    gradients,
    evaluate() {
      computeLogits(pass, context, base);
      backend.broadcast(row, spread);
      one.run();
      anew.run();
      backend.broadcast(outer.bias, value);
      backend.rowDots(anew.h, spread, "real", value, true);
      backend.subtract(one.slopes, anew.slopes, slopes);
    },
    learn(g, score) {
      backend.rowDots(g, score, "real", m, false);
      differentiate(one, g, 1);
      differentiate(anew, g, -1);
      backend.columnMeans(m, ofConstant, false);
      backend.addScaled(ofConstant, -2, ofConstant);
      // Uphill on -mean(g^2), from half of what is downhill.
      for (const gradient of gradients) backend.addScaled(gradient, -2 / J - 1, gradient);
    },
  };
}
