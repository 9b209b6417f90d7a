/** What the page asks about networks that learn, and what it gets. */
import type { BanditSpec } from "flipnet/internal/audit/bandit-spec";
import type { Listed } from "../audit/question.ts";
import type { Setting } from "./spec.ts";

/** Where two trainings stand at a step, seen on one example of the step's batch. */
export interface Question {
  readonly setting: Setting;
  readonly step: number;
  readonly row: number;
  /** The layer and the place of the coin that is looked at. */
  readonly unit: readonly [number, number];
  /** What the network says everywhere, where there is a plane. */
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
  readonly bit: number;
  readonly weight: number;
  /** How likely what it did was, had the coin been on, and off. */
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
}

/** One training. */
export interface LaneView {
  readonly name: string;
  /** Why it cannot serve; then the rest is empty. */
  readonly refused?: string;
  readonly layers: readonly LayerView[];
  /** [layer] weights [input][unit], one after the other. */
  readonly weights: readonly (readonly number[])[];
  readonly reward: number;
  readonly unit?: UnitView | undefined;
  /** Of every step so far: the part of answers that were right, averaged over some hundred, and ln of the gradient's variance. */
  readonly curve: { readonly right: Float32Array; readonly variance: Float32Array };
  /** [row][column] from the lower left: the mean probability of answering on, and one sample. */
  readonly field?: { readonly mean: Float32Array; readonly sample: Float32Array } | undefined;
  readonly cloud?: Cloud | undefined;
  /** The network as it stands, on the example that is shown, as the audit reads it. */
  readonly spec?: BanditSpec | undefined;
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
  readonly input: readonly number[];
  readonly answer: number;
  readonly lanes: readonly LaneView[];
  /** Estimators that serve where a reward is all that is known. */
  readonly registry: readonly Listed[];
}

/** Points of the field on a side. */
export const side = 33;
