/** Uniforms that stay when they have drawn a layer: relaxations make their noise of them. It is formed on the host. */
import type { Backend, Matrix } from "../backend/backend.ts";
import type { Law } from "../network/laws.ts";

/**
 * The law of a layer that is drawn from the first B rows of `kept`; all `times B` rows stay, [times B, width], for whoever needs more noise. It
 * cannot be enumerated.
 *
 * @param draw writes the outcome
 * @param redraw writes anew what in these rows would have drawn the outcome as it is, from them
 */
export function keeping(backend: Backend, kept: Matrix, draw: () => void, redraw: () => void): Law {
  const shape = { rows: kept.rows, columns: kept.columns, uniforms: kept };
  const after = (then: () => void) => (uniforms: Matrix) => {
    if (uniforms !== kept) backend.copy(uniforms, kept);
    then();
  };
  return { ...shape, fromUniforms: after(draw), given: { ...shape, fromUniforms: after(redraw) } };
}

/** The largest uniform is 1 less a step. */
export const asUniform = (u: number): number => Math.min(1 - 2 * halfStep, Math.max(0, u));

/** A uniform is a multiple of 2^-24, and may be 0: this is the middle of its step. */
export const halfStep = 2 ** -25;

/** Where a probability is 0 in float32, what could not happen has. */
export const tiny = 1e-30;
