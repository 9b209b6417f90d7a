/** What the page asks about networks that learn, and what it gets. */
import type { BanditSpec } from "flipnet/internal/audit/bandit-spec";
import type { Listed } from "../audit/question.ts";
import type { Setting } from "./spec.ts";

/** Where two trainings stand at a step, seen on one example of the step's batch. */
export interface Question {
  readonly setting: Setting;
  readonly step: number;
  readonly row: number;
  /** A digit of one's own in the place of the batch's, and which one it is meant to be. */
  readonly own?: { readonly pixels: readonly number[]; readonly means: number } | undefined;
  /** The layer and the place of the coin that is looked at. */
  readonly unit: readonly [number, number];
  /** Whether all is wanted; else what the coins do, for pictures in quick succession. */
  readonly full: boolean;
  /** What the network says everywhere. */
  readonly field: boolean;
  /** 200 gradients beside the exact one, where that is asked for at this step. */
  readonly cloud: boolean;
}

/** One layer on the example that is shown. */
export interface LayerView {
  readonly p: readonly number[];
  readonly bits: readonly number[];
  /** What the estimator credits each coin with. */
  readonly credit: readonly number[];
}

/** What one child says about a coin. */
export interface ChildView {
  /** What it did, in a word. */
  readonly did: string;
  /** How likely that was, had the coin been on, and off. */
  readonly ifOn: number;
  readonly ifOff: number;
}

/** One coin on the example that is shown. */
export interface UnitView {
  readonly prior: number;
  readonly bit: number;
  readonly children: readonly ChildView[];
  /** Given what its children did; without children, given what it did itself. */
  readonly posterior: number;
  readonly credit: number;
  /** Its weights to the pixels of a digit, where it sees them. */
  readonly image?: Float32Array | undefined;
}

/** An episode of a walk: the cell before each step, and the last one; and the step that is shown. */
export interface Walk {
  readonly cells: readonly number[];
  readonly at: number;
}

/** One training. */
export interface LaneView {
  readonly name: string;
  /** Why it cannot serve; then the rest is empty. */
  readonly refused?: string;
  readonly input: readonly number[];
  /** The right answer, where there is one. */
  readonly answer?: number | undefined;
  readonly layers: readonly LayerView[];
  readonly reward: number;
  readonly walk?: Walk | undefined;
  /** The running mean of right answers, or of what episodes earn; absent before the first step. */
  readonly score?: number | undefined;
  /** Absent where it was not asked for. */
  readonly detail?: Detail | undefined;
}

/** What changes slowly, or is read with care. */
export interface Detail {
  /** [layer] weights [input][unit], one after the other; none where the first layer looks at an image. */
  readonly weights: readonly Float32Array[];
  readonly unit?: UnitView | undefined;
  /** Of every step so far: the score, and ln of the gradient's variance. */
  readonly curve: { readonly right: Float32Array; readonly variance: Float32Array };
  readonly field?: Field | undefined;
  readonly cloud?: Cloud | undefined;
  /** The network as it stands, on the example that is shown, as the audit reads it. Absent: there is no one answer. */
  readonly spec?: BanditSpec | undefined;
}

/**
 * What the network says: a mean over passes, and one sample. Of a square, [row][column] from the lower left, how likely it
 * answers on; of a digit, [choice]; of a walk, [cell][move].
 */
export interface Field {
  readonly mean: Float32Array;
  readonly sample: Float32Array;
}

/** Gradients of one example on two axes: along the gradient that is held for the truth, and one across. */
export interface Cloud {
  readonly points: readonly (readonly [number, number])[];
  /** The length of the true gradient, on the first axis. */
  readonly truth: number;
  /** Whether that is exact; else it is the mean of so many of HNCA's. */
  readonly drawn?: number;
}

/** The answer. */
export interface Answer {
  readonly step: number;
  readonly lanes: readonly LaneView[];
  /** Estimators that serve where a reward is all that is known. */
  readonly registry: readonly Listed[];
}

/** Points of the field on a side. */
export const side = 33;
