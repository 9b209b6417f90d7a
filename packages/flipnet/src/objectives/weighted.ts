/** Components that count more or less than whole, by a number that may change from step to step. */
import type { Backend, Matrix } from "../backend/backend.ts";
import type { ActivationKernels } from "./activations.ts";

/** What components count. Whoever holds it may change `value`, a finite number, between steps. */
export interface Weight {
  value: number;
}

/** They count whole. */
export const whole: Readonly<Weight> = Object.freeze({ value: 1 });

/** The same kernels, all that they say times the weight; and [B, 1] where the value without it is kept. No weight: as they are. */
export function weighted(
  backend: Backend,
  kernels: ActivationKernels,
  weight: Readonly<Weight> | undefined,
  batchSize: number,
): { readonly kernels: ActivationKernels; readonly unweighted?: Matrix } {
  if (weight === undefined) return { kernels };
  const unweighted = backend.matrix(batchSize, 1);
  return { kernels: weigh(backend, kernels, weight, unweighted), unweighted };
}

function weigh(
  backend: Backend,
  kernels: ActivationKernels,
  weight: Readonly<Weight>,
  unweighted: Matrix,
): ActivationKernels {
  const rooms = new Map<number, Matrix>();
  /** `out +=` what `add` adds, times the weight. Room is made on first use. */
  function addWeighted(out: Matrix, add: (room: Matrix) => void): void {
    const room = rooms.get(out.columns) ?? backend.matrix(out.rows, out.columns);
    rooms.set(out.columns, room);
    backend.fill(room, 0);
    add(room);
    backend.addScaled(room, weight.value, out);
  }
  const { slope, addTargetSlopes, curvature, mixed } = kernels;
  return {
    evaluate(value) {
      kernels.evaluate(unweighted);
      backend.fill(value, 0);
      backend.addScaled(unweighted, weight.value, value);
    },
    addParentDifferences: (edge, out) => addWeighted(out, (room) => kernels.addParentDifferences(edge, room)),
    addTargetDifferences: (out) => addWeighted(out, (room) => kernels.addTargetDifferences(room)),
    ...(slope !== undefined && {
      slope(g, accumulate) {
        if (!accumulate) backend.fill(g, 0);
        addWeighted(g, (room) => slope(room, true));
      },
    }),
    ...(addTargetSlopes !== undefined && {
      addTargetSlopes: (out) => addWeighted(out, addTargetSlopes),
    }),
    ...(curvature !== undefined && {
      curvature(out) {
        backend.fill(out, 0);
        addWeighted(out, curvature);
      },
    }),
    get mixed() {
      return mixed === undefined ? undefined : mixed * weight.value;
    },
  };
}
