/** All estimators. Adding one is a file and a line here. */
import type { Estimator } from "./estimator.ts";
import { hnca } from "./hnca.ts";
import { fHnca } from "./f-hnca.ts";
import { reinforce } from "./reinforce.ts";

export const estimators: readonly Estimator[] = [reinforce, hnca, fHnca];

/** The estimator of that name, or undefined. */
export const findEstimator = (name: string): Estimator | undefined =>
  estimators.find((estimator) => estimator.name === name);
