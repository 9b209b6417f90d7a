/**
 * f-HNCA with control variates that are linear in the children. What is left of f-HNCA's variance is mostly what children
 * and those below them happened to do, and most of that is of first order. Of a layer with outcome `a`, children `h ~ pi(a)`,
 * and a mean-field pass from the layer on, given what its parents did (`a` at its means `p`, then `hb`, ...), let
 *
 *     V(a, h) = F + u . (h - hb) + (a - p) . d(h),
 *
 * `F` being what the components that children lead to are worth there, `u` their slope by the children, and `d(h)` the
 * coefficients of `a` in those that are linear in it: the decoder's logits of the layer. Then
 *
 *     g = p q (D - Q + M) + (p' - p) (f - V - z - c),    M_i = E[V | a_i on] - E[V | a_i off],
 *
 * with f-HNCA's `D`, the difference that a unit makes to components that are direct only. `M` is exact: a child's mean under
 * a flip comes out of the tables of flips. `a . d(h)` is in `f` as well, so that `f - V` is the same for a unit on and off.
 * `z = sum_m J'_m . (b_m - p_m)` is the first-order effect of what deeper layers do, given what they depend on, each with a
 * mean-field pass of its own. `Q = (H - diag) (a - p)` is the first-order effect of the layer's other units, `H` the Hessian
 * of all that lies downstream at `p`, as far as components know their curvature; of its diagonal only what is cheap.
 *
 * With K samples the children and all below are drawn K times, and the last term is the mean over them; `log P(h | a)` is
 * linear in `h` but for what all share, so that each has its posterior for a product.
 *
 * Unbiased: V's coefficients and H depend on the layer's parents only; E[p' - p] = 0, E[z | what it depends on] = 0, E[a - p] = 0.
 * A layer with several children, which may be each other's, has no such M: there V is F. The expansion about means is
 * MuProp's (Gu, Levine, Sutskever and Mnih 2016), the credit f-HNCA's (Young 2022); the rest was derived here, and
 * whether it is published elsewhere was not searched.
 */
import type { Matrix } from "../backend/backend.ts";
import { descendants, type Layer } from "../network/network.ts";
import { computeScore, createPass, flipTables, forkPass, type Pass, samplePass } from "../network/pass.ts";
import { type Component, placeOf } from "../objectives/objective.ts";
import { prepareChildren } from "./children.ts";
import { defineEstimator } from "./estimator.ts";
import { isFreeOf, type MeanField, prepareMeanField } from "./mean-field.ts";
import { count } from "./options.ts";
import { prepareSignals } from "./signals.ts";

/** f-HNCA less what is linear in the children, and what is known of that. */
export const fHncaLinear = defineEstimator({
  name: "f-hnca-linear",
  title: "f-HNCA with linear control variates",
  paper: "derived here, after Young 2022 (HNCA paper) and Gu, Levine, Sutskever and Mnih 2016",
  unbiased: true,
  why: "f-HNCA, less control variates whose expectations are added exactly",
  needs: { knows: ["components", "evaluations", "slopes"], bernoulli: "all", differences: true },
  baseline: true,
  cost: "f-HNCA + a mean-field pass from each layer on, forward and back twice, and the means of its children under flips",
  options: {
    samples: count({ least: 1, default: 1, says: "samples of each layer's children and of all below them" }),
  },

  prepare(problem, { samples }) {
    const { network, input, objective } = problem;
    const { backend, layers } = network;
    const pass = createPass(network, input);
    const evaluation = objective.prepare(pass);
    const children = prepareChildren(pass);
    const column = () => backend.matrix(input.rows, 1);
    const isFree = (deep: Layer, layer: Layer) =>
      isFreeOf(
        network,
        evaluation.components,
        deep,
        layer,
        layers.filter(({ index }) => descendants(deep).has(index)),
      );

    /** For a layer: those further down than its children whose `z` has nothing to do with what it did. */
    const deeperThan = (layer: Layer) => {
      const below = descendants(layer);
      for (const child of layer.children) below.delete(child.layer.index);
      return layers.filter((deep) => below.has(deep.index) && isFree(deep, layer));
    };
    const deepest = new Set(layers.flatMap(deeperThan));
    const chanceOf = (field: MeanField, { layers }: Pass, { index, width }: Layer): Chance => {
      const score = backend.matrix(input.rows, width);
      const value = column();
      return {
        value,
        score,
        evaluate() {
          computeScore(backend, layers[index], score);
          const slopes = field.slopes.of[index];
          if (slopes !== undefined) backend.rowDots(slopes, score, "real", value, false);
        },
      };
    };
    const fields = layers.map((layer) => prepareMeanField(pass, objective, layer, deepest.has(layer)));
    const chances = layers.map((layer) => chanceOf(fields[layer.index], pass, layer));

    const parts = layers.map((layer) => {
      const { index, width } = layer;
      const matrix = () => backend.matrix(input.rows, width);
      const field = fields[index];
      const { score } = chances[index];
      const child = layer.children.length === 1 ? layer.children[0] : undefined;
      const isMediated = (one: Component) => ["mediated", "both"].includes(placeOf(one, layer));
      const below = descendants(layer);
      const isLinear = ({ linearIn }: Component) =>
        child !== undefined &&
        linearIn?.layer === index &&
        linearIn.parents.every(({ from }) => from === child.layer.index || !below.has(from));
      const expected = field.components.filter(isMediated);
      const predictions = evaluation.components.filter((one) => isMediated(one) && isLinear(one));
      const deep = deeperThan(layer);
      const mean = child && field.means.layers[child.layer.index].bits;
      const slopes = child && field.slopes.of[child.layer.index];

      /** What children and those below did, once. */
      const sample = (number: number) => {
        const own =
          number === 0 ? pass : forkPass(pass, child!.layer, 1 + index * (samples - 1) + number - 1);
        const { components } = number === 0 ? evaluation : objective.prepare(own);
        const mediated = components.filter(isMediated);
        const both = mediated.filter((one) => one.reads.includes(index) && !isLinear(one));
        const ownFields = number === 0 ? fields : [];
        const ownChances = number === 0 ? chances : [];
        if (number > 0) {
          for (const one of deep) {
            ownFields[one.index] = prepareMeanField(own, objective, one, true);
            ownChances[one.index] = chanceOf(ownFields[one.index], own, one);
          }
        }
        const did = child && own.layers[child.layer.index].bits;
        const away = child && backend.matrix(input.rows, child.layer.width);
        const coefficients = matrix();
        const value = column();
        const residual: Component = {
          name: `residual.${index}${number === 0 ? "" : `.${number}`}`,
          reads: [index],
          value,
          evaluate() {
            if (number > 0) {
              for (const component of mediated) component.evaluate();
              for (const one of deep) {
                ownFields[one.index].compute();
                ownChances[one.index].evaluate();
              }
            }
            backend.fill(value, 0);
            for (const component of mediated) backend.addScaled(component.value, 1, value);
            for (const component of expected) backend.addScaled(component.value, -1, value);
            for (const one of deep) backend.addScaled(ownChances[one.index].value, -1, value);
            if (child === undefined) return;
            backend.subtract(mean!, did!, away!);
            backend.rowDots(slopes!, away!, "real", value, true);
            backend.fill(coefficients, 0);
            for (const one of components) {
              if (isMediated(one) && isLinear(one)) one.addDifferences!(layer, coefficients);
            }
            backend.addScaled(coefficients, -2, coefficients);
            backend.rowDots(score, coefficients, "real", value, true);
          },
        };
        return { pass: own, did, both, bothDifference: both.length > 0 ? matrix() : undefined, residual };
      };
      const drawn =
        expected.length === 0
          ? []
          : Array.from({ length: child === undefined ? 1 : samples }, (_, k) => sample(k));
      return {
        layer,
        field,
        child,
        score,
        g: matrix(),
        difference: matrix(),
        shift: matrix(),
        ratio: matrix(),
        away: samples > 1 && child ? backend.matrix(input.rows, child.layer.width) : undefined,
        only: evaluation.components.filter((one) => placeOf(one, layer) === "direct"),
        curvatures: field.components.flatMap(({ reads, curvature }) =>
          reads.includes(index) && curvature !== undefined ? [curvature] : [],
        ),
        addExpectedDifferences: child && prepareExpectedDifferences(layer, child, predictions, slopes!),
        drawn,
      };
    });

    /** Adds M. */
    function prepareExpectedDifferences(
      layer: Layer,
      { layer: child, edge }: Layer["children"][number],
      predictions: readonly Component[],
      slopes: Matrix,
    ): (out: Matrix) => void {
      const outcome = pass.layers[child.index];
      const { bits } = pass.layers[layer.index];
      const { score } = chances[layer.index];
      const value = backend.matrix(input.rows, child.width);
      const through = backend.matrix(input.rows, child.width);
      const constant = backend.matrix(input.rows, layer.width);
      const maps = predictions.flatMap(({ linearIn }) =>
        linearIn!.parents
          .filter(({ from }) => from === child.index)
          .map(({ weights, coding }) => ({
            weights,
            /** How far a child's going on moves a coefficient, in weights. */
            step: () => linearIn!.weight.value * (coding === "plus-minus" ? 2 : 1),
          })),
      );
      const noChanges = maps.length === 0 ? backend.matrix(child.width, layer.width) : undefined;
      return (out) => {
        // u + what the children add to the coefficients of a - p
        backend.copy(slopes, value);
        backend.fill(constant, 0);
        for (const { weights, step } of maps) {
          backend.transposedProduct(score, weights, through, false);
          backend.addScaled(through, step(), value);
          backend.product(outcome.bits, "zero-one", weights, constant);
          backend.addScaled(constant, -step(), out);
          backend.fill(constant, 0);
        }
        for (const prediction of predictions) prediction.addDifferences!(layer, out);
        const tables = flipTables(pass, edge);
        if (noChanges !== undefined) backend.flipMeans(bits, tables, outcome, value, noChanges, 1, out, true);
        maps.forEach(({ weights, step }, i) => {
          if (i > 0) backend.fill(value, 0);
          backend.flipMeans(bits, tables, outcome, value, weights, step(), out, true);
        });
      };
    }

    const residuals = parts.flatMap(({ drawn }) => drawn.map(({ residual }) => residual));
    const signals = prepareSignals(problem, pass, residuals, () => false);
    const signalOf = new Map(
      residuals.map((one) => [one, signals.sum(one.name.replace("residual", "baseline"), [one])!]),
    );

    return {
      pass,
      evaluation,
      credits: parts.map(({ layer, g }) => ({ linear: layer, g, pass })),
      state: signals.state,
      parameters: signals.parameters,
      gradients: signals.gradients,
      sample(draws) {
        samplePass(pass, draws);
        for (const { child, drawn } of parts) {
          for (const { pass: other } of drawn) {
            if (other === pass) continue;
            draws.draw(other.sites[child!.layer.index], other.laws[child!.layer.index]);
            samplePass(other, draws);
          }
        }
      },
      credit() {
        for (const component of evaluation.components) component.evaluate();
        for (const field of fields) field.compute();
        for (const chance of chances) chance.evaluate();
        for (const residual of residuals) residual.evaluate();
        signals.compute();
        for (const part of parts) creditLayer(part);
      },
      adapt: () => signals.adapt(),
    };

    function creditLayer(part: (typeof parts)[number]): void {
      const { layer, field, child, score, g, difference, shift, ratio, only, curvatures, drawn } = part;
      const { p, q, bits } = pass.layers[layer.index];
      // Q
      backend.fill(shift, 0);
      field.addHessianProduct(score, shift);
      backend.fill(difference, 0);
      for (const curvature of curvatures) curvature.addDiagonal(layer, difference);
      backend.multiply(difference, score, difference);
      backend.addScaled(shift, -1, difference);

      for (const component of only) component.addDifferences!(layer, difference);
      part.addExpectedDifferences?.(difference);
      for (const { both, bothDifference } of drawn) {
        if (bothDifference === undefined) continue;
        backend.fill(bothDifference, 0);
        for (const component of both) component.addDifferences!(layer, bothDifference);
        backend.addScaled(bothDifference, 1 / drawn.length, difference);
      }
      backend.localExpectation(p, q, difference, g);

      for (const { pass: other, did, bothDifference, residual } of drawn) {
        const own = children.logLikelihoodRatios(layer);
        let delta = own;
        if (other !== pass) {
          const away = part.away!;
          backend.subtract(did!, pass.layers[child!.layer.index].bits, away);
          backend.transposedProduct(away, child!.edge.weights, shift, false);
          backend.copy(own, ratio);
          backend.addScaled(shift, child!.edge.coding === "plus-minus" ? 2 : 1, ratio);
          delta = ratio;
        }
        backend.posteriorMinusPrior(p, q, delta, shift);
        if (drawn.length > 1) backend.addScaled(shift, 1 / drawn.length - 1, shift);
        backend.addHindsight(shift, signalOf.get(residual)!, q, bits, bothDifference, g);
      }
      evaluation.addDirectGradient(layer, g);
    }
  },
});

/** The first-order effect of what a layer did: its slopes times its score. */
interface Chance {
  /** [B, 1]; 0 where the slopes were not asked for. */
  readonly value: Matrix;
  /** [B, width] */
  readonly score: Matrix;
  evaluate(): void;
}
