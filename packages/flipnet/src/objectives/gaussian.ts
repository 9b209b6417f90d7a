/**
 * The log-likelihood of numbers that a network sees, under independent normal distributions whose means are linear in what
 * layers show:
 *
 *     f = sum_j -(x_j - mu_j)^2 / (2 v_j) - log(2 pi v_j) / 2,   mu = W m + b,   v_j = floor + (1 - floor) sigmoid(s_j).
 *
 * Of standardised numbers, whose variance is 1, `v` is the part of the variance that is left unexplained. It is learned as
 * one number a column. The floor keeps the density of a column of few values from growing without end.
 * A mean that moves by `d` is worth `d (x - mu) / v - d^2 / (2 v)`: two products a layer, and no call a unit.
 */
import { immediate, type Matrix } from "../backend/backend.ts";
import { chosenAt } from "../network/choice-laws.ts";
import type { Edge, Layer, Linear, Network } from "../network/network.ts";
import { type Credit, computeLogits, type Pass } from "../network/pass.ts";
import { type InputColumns, inputColumns } from "./input-columns.ts";
import type { Objective } from "./objective.ts";
import { prepareAdditions } from "./what-if.ts";

/** A deviation of 3 % of a column's own. */
const floor = 1e-3;

const sigmoid = (s: number): number => 1 / (1 + Math.exp(-s));

/** The variance of a column, from the number that is learned for it. */
export const varianceOf = (s: number): number => floor + (1 - floor) * sigmoid(s);

/** What is predicted, and by what. */
export interface GaussianOptions {
  readonly name: string;
  /** Means. */
  readonly mean: Linear;
  /** `s`: a bias without weights. */
  readonly spread: Linear;
  /** Columns of the input, one for each mean. */
  readonly columns: readonly number[];
  /** For each of them the column that is 1 where it has no value, and then counts nothing; -1: it always has one. */
  readonly missing?: readonly number[];
}

/** The log-likelihood as one component. */
export function gaussianObjective(
  network: Network,
  { name, mean, spread, columns, missing = columns.map(() => -1) }: GaussianOptions,
): Objective {
  const reads = mean.parents.map(({ from }) => from).filter((from) => from >= 0);
  reads.sort((a, b) => a - b);
  return {
    linears: [mean, spread],
    prepare(pass) {
      const { backend } = network;
      const { batchSize } = pass;
      const width = columns.length;
      const perNumber = () => backend.matrix(batchSize, width);
      const value = backend.matrix(batchSize, 1);
      const target = inputColumns(pass, columns);
      const weigh = prepareWeights(pass, missing);
      const variances = prepareVariances(spread, pass);
      /** The residual, the precision where there is a value, the slope by the mean; all [B, width]. */
      const [residual, precision, slope] = [perNumber(), perNumber(), perNumber()];
      const credits: Credit[] = [
        { linear: mean, g: perNumber(), pass },
        { linear: spread, g: perNumber(), pass },
      ];
      const differences = prepareDifferences(pass, precision, slope);
      const slopes = new Map<number, Matrix>();
      return {
        credits,
        components: [
          {
            name,
            reads,
            value,
            evaluate() {
              target.read();
              weigh.read();
              variances.read();
              computeLogits(pass, mean, residual);
              backend.subtract(target.numbers, residual, residual);
              backend.broadcast(variances.precision, precision);
              backend.multiply(precision, weigh.numbers, precision);
              backend.multiply(precision, residual, slope);
              backend.rowDots(residual, slope, "real", value, false);
              backend.addScaled(value, -1.5, value); // -1/2 of it
              backend.product(weigh.numbers, "real", variances.logDensity, value);
            },
            addDifferences(layer, out) {
              differences(mean.parents.find(({ from }) => from === layer.index)!, layer, out);
            },
            addSlopes({ index, width }, out) {
              const edge = mean.parents.find(({ from }) => from === index)!;
              const through = slopes.get(index) ?? backend.matrix(batchSize, width);
              slopes.set(index, through);
              backend.transposedProduct(slope, edge.weights, through, false);
              backend.addScaled(through, stepOf(edge), out);
            },
          },
        ],
        addDirectGradient() {},
        differentiate(weights) {
          const [{ g: byMean }, { g: bySpread }] = credits;
          backend.copy(slope, byMean);
          // ds: (precision r^2 - 1) precision dv/ds / 2, where there is a value
          backend.multiply(residual, slope, bySpread);
          backend.subtract(bySpread, weigh.numbers, bySpread);
          backend.broadcast(variances.slope, variances.each);
          backend.multiply(bySpread, variances.each, bySpread);
          if (weights === undefined) return;
          for (const { g } of credits) backend.scaleRows(g, weights, g);
        },
      };
    },
  };
}

/** What a mean moves by, as a multiple of its weight, where a unit's bit goes from 0 to 1. */
const stepOf = ({ coding }: Edge): number => (coding === "plus-minus" ? 2 : 1);

/** 1 where there is a value, else 0; [B, columns]. */
function prepareWeights(pass: Pass, missing: readonly number[]): InputColumns {
  const { backend } = pass.network;
  const places = missing.flatMap((column, j) => (column < 0 ? [] : [[column, j] as const]));
  const numbers = backend.matrix(pass.batchSize, missing.length);
  backend.fill(numbers, 1);
  if (places.length === 0) return { numbers, read() {} };
  const flags = inputColumns(
    pass,
    places.map(([column]) => column),
  );
  const less = backend.matrix(places.length, missing.length);
  const values = new Float32Array(places.length * missing.length);
  places.forEach(([, j], k) => {
    values[k * missing.length + j] = -1;
  });
  backend.write(less, values);
  return {
    numbers,
    read() {
      flags.read();
      backend.fill(numbers, 1);
      backend.product(flags.numbers, "real", less, numbers);
    },
  };
}

/** What follows from `s`, one number a column: there are so few that the host computes them. */
function prepareVariances({ bias }: Linear, { network, batchSize }: Pass) {
  const backend = immediate(network.backend);
  const { columns } = bias;
  const [s, inverse, density, half] = [0, 1, 2, 3].map(() => new Float64Array(columns));
  const [precision, slope] = [0, 1].map(() => backend.matrix(1, columns));
  const logDensity = backend.matrix(columns, 1);
  return {
    /** [1, columns] 1 / v */
    precision,
    /** [1, columns] (dv/ds) / (2 v) */
    slope,
    /** [columns, 1] -log(2 pi v) / 2 */
    logDensity,
    /** [B, columns] room */
    each: backend.matrix(batchSize, columns),
    read() {
      backend.readNow(bias, s);
      for (let j = 0; j < columns; j++) {
        const part = sigmoid(s[j]);
        const v = varianceOf(s[j]);
        inverse[j] = 1 / v;
        density[j] = -0.5 * Math.log(2 * Math.PI * v);
        half[j] = ((1 - floor) * part * (1 - part)) / (2 * v);
      }
      backend.write(precision, inverse);
      backend.write(logDensity, density);
      backend.write(slope, half);
    },
  };
}

/** `Component.addDifferences`, from the precision and the slope by the mean of every number. */
function prepareDifferences(pass: Pass, precision: Matrix, slope: Matrix) {
  const backend = immediate(pass.network.backend);
  const { batchSize } = pass;
  const additionTo = prepareAdditions(backend, batchSize);
  const rooms = new Map<Edge, { squares: Matrix; quadratic: Matrix; signed: Matrix }>();

  /** On less off is `step slope . w`, and half of `step^2 precision . w^2` more where it is on, as much less where it is off. */
  function coins(edge: Edge, { index, width }: Layer, out: Matrix): void {
    const { weights } = edge;
    let room = rooms.get(edge);
    if (room === undefined) {
      const [quadratic, signed] = [0, 1].map(() => backend.matrix(batchSize, width));
      room = { squares: backend.matrix(weights.rows, weights.columns), quadratic, signed };
      rooms.set(edge, room);
    }
    const { squares, quadratic, signed } = room;
    const step = stepOf(edge);
    backend.transposedProduct(slope, weights, signed, false);
    backend.addScaled(signed, step, out);
    backend.multiply(weights, weights, squares);
    backend.transposedProduct(precision, squares, quadratic, false);
    backend.multiply(pass.layers[index].bits, quadratic, signed);
    backend.addScaled(signed, step ** 2, out);
    backend.addScaled(quadratic, -(step ** 2) / 2, out);
  }

  const numbers = new Map<Edge, Record<"bits" | "weights" | "p" | "g", Float64Array>>();

  /** Each choice less the one made, of softmax units: `d = w of the one - w of the other`. */
  function dice(edge: Edge, { index, width, choices }: Layer, out: Matrix): void {
    const columns = slope.columns;
    let room = numbers.get(edge);
    if (room === undefined) {
      const [bits, weights, p, g] = [
        batchSize * width,
        width * columns,
        batchSize * columns,
        batchSize * columns,
      ].map((length) => new Float64Array(length));
      room = { bits, weights, p, g };
      numbers.set(edge, room);
    }
    const { bits, weights, p, g } = room;
    backend.readNow(pass.layers[index].bits, bits);
    backend.readNow(edge.weights, weights);
    backend.readNow(precision, p);
    backend.readNow(slope, g);
    const { numbers: gains, addTo } = additionTo(width);
    for (let e = 0; e < bits.length; e++) {
      const i = e % width;
      const unit = i - (i % choices);
      const made = unit + chosenAt(bits, e - (i % choices), choices);
      let gain = 0;
      for (let j = 0, at = Math.floor(e / width) * columns; j < columns; j++, at++) {
        const d = weights[i * columns + j] - weights[made * columns + j];
        gain += d * (g[at] - 0.5 * p[at] * d);
      }
      gains[e] = gain;
    }
    addTo(out);
  }

  return (edge: Edge, layer: Layer, out: Matrix): void =>
    layer.kind === "softmax" ? dice(edge, layer, out) : coins(edge, layer, out);
}
