/** All estimators. Adding one is a file and a line here. */
import { arm } from "./arm.ts";
import { disarm } from "./disarm.ts";
import type { Estimator } from "./estimator.ts";
import { fHnca } from "./f-hnca.ts";
import { hnca } from "./hnca.ts";
import { reinforce } from "./reinforce.ts";
import { reinforceLoo } from "./reinforce-loo.ts";
import { vargrad } from "./vargrad.ts";

export const estimators: readonly Estimator[] = [reinforce, hnca, fHnca, reinforceLoo, disarm, arm, vargrad];

/** The estimator of that name, or undefined. */
export const findEstimator = (name: string): Estimator | undefined =>
  estimators.find((estimator) => estimator.name === name);
