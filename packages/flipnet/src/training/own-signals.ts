/**
 * Signals of units that each have their own (`OwnSignals`), on one row: a layer's traces times its units' signals are what
 * its weights are to learn, and that is what the layers before it are paid for.
 */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import type { OwnSignals } from "../estimators/estimator.ts";
import type { Edge, Layer } from "../network/network.ts";

export interface Signals {
  /**
   * [1, n] a layer's traces, column by column times its units' signals: `delta` for a layer without children, else what
   * `earn` makes of the children's, which come first.
   */
  change(layer: number, delta: number): Matrix;
}

/** @param traces of a row, a block for each layer */
export function prepareSignals(
  backend: ImmediateBackend,
  layers: readonly Layer[],
  traces: readonly Matrix[],
  { earn }: OwnSignals,
): Signals {
  const changes = new Map<Edge, Matrix>();
  const each = layers.map(({ index, block, width, parents, children }) => {
    const rows = block.columns / width;
    const [change, signal] = [backend.matrix(1, block.columns), backend.matrix(1, width)];
    let offset = 0;
    for (const edge of parents) {
      const inputs = edge.weights.rows;
      changes.set(edge, backend.view(change, offset, inputs, width));
      offset += inputs * width;
    }
    return {
      children,
      change,
      signal,
      earned: backend.view(signal, 0, width, 1),
      everyRow: backend.matrix(rows, width),
      from: backend.view(traces[index], 0, rows, width),
      to: backend.view(change, 0, rows, width),
    };
  });
  return {
    change(layer, delta) {
      const { children, change, signal, earned, everyRow, from, to } = each[layer];
      if (children.length === 0) backend.fill(signal, delta);
      for (let i = 0; i < children.length; i++) {
        const { edge } = children[i];
        earn(edge.weights, changes.get(edge)!, earned, i > 0);
      }
      backend.broadcast(signal, everyRow);
      backend.multiply(from, everyRow, to);
      return change;
    },
  };
}
