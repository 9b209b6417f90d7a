/** The exact gradient of a bandit's expected reward. */
import { dot } from "./arithmetic.ts";
import type { Bandit } from "./bandit-spec.ts";
import { addScaled, exactGradient, type Setting, zeros } from "./exact.ts";
import type { LayerValues } from "./layout.ts";

/** @param visited called after each state */
export function exactBandit(bandit: Bandit, visited: () => void = () => {}): LayerValues[] {
  const { rewards, rows } = bandit;
  const setting = rows === undefined ? bandit : sideBySide(bandit, rows);
  const { gradient } = exactGradient(setting, (context, shown) => {
    visited();
    const action = shown[shown.length - 1];
    const { values, probabilities } =
      rewards[context][action.length > 1 ? action.indexOf(1) : Number(action[0] > 0)];
    return dot(values, probabilities);
  });
  return rows === undefined ? gradient : gradient.map((layer, l) => sumOfCopies(bandit, l, layer, rows));
}

/**
 * A network that scores one row, as one without shared parameters: a copy of it for every row, side by side, their scores
 * being the logits of one softmax unit.
 */
export function sideBySide({ network, parameters, ...setting }: Setting, rows: number): Setting {
  const last = network.layers.length - 1;
  const layers = network.layers.map((layer, index) =>
    index === last
      ? { ...layer, kind: "softmax" as const, units: 1, choices: rows }
      : { ...layer, units: rows * layer.units },
  );
  const copies = [...Array(rows).keys()];
  const wide = parameters.map(({ weights, bias }, index): LayerValues => {
    const widths = parentWidths({ network, parameters, ...setting }, index);
    return {
      weights: copies.flatMap((copy) =>
        weights.map((row) => {
          let from = 0;
          return widths.flatMap((width) => {
            const own = row.slice(from, from + width);
            from += width;
            return copies.flatMap((other) => (other === copy ? own : own.map(() => 0)));
          });
        }),
      ),
      bias: copies.flatMap(() => bias),
    };
  });
  return { ...setting, network: { ...network, inputs: rows * network.inputs, layers }, parameters: wide };
}

/** The gradient of parameters that all copies share. */
function sumOfCopies(setting: Setting, index: number, wide: LayerValues, rows: number): LayerValues {
  const sum = zeros(setting.parameters[index]);
  const widths = parentWidths(setting, index);
  const height = sum.bias.length;
  for (let copy = 0; copy < rows; copy++) {
    const own = (_: unknown, r: number) => wide.weights[copy * height + r];
    const weights = sum.weights.map(own).map((row) => {
      let from = 0;
      return widths.flatMap((width) => {
        const start = from + copy * width;
        from += rows * width;
        return row.slice(start, start + width);
      });
    });
    addScaled(sum, { weights, bias: wide.bias.slice(copy * height, (copy + 1) * height) }, 1);
  }
  return sum;
}

function parentWidths({ network: { inputs, layers } }: Setting, index: number): number[] {
  const { parents = [index === 0 ? "input" : index - 1] } = layers[index];
  return parents.map((from) => {
    if (from === "input") return inputs;
    const { units, choices = 1 } = layers[from];
    return units * choices;
  });
}
