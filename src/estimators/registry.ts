/** All estimators. Adding one is a file and a line here. */
import { arm } from "./arm.ts";
import { classification } from "./classification.ts";
import { disarm } from "./disarm.ts";
import type { Estimator } from "./estimator.ts";
import { fHnca } from "./f-hnca.ts";
import { hnca } from "./hnca.ts";
import { localExpectation } from "./local-expectation.ts";
import { reinforce } from "./reinforce.ts";
import { reinforceLoo } from "./reinforce-loo.ts";
import { rewardPenalty } from "./reward-penalty.ts";
import { straightThrough } from "./straight-through.ts";
import { vargrad } from "./vargrad.ts";
import { weightMax } from "./weight-max.ts";
import { weightMaxUnbiased } from "./weight-max-unbiased.ts";

/** Every estimator, in the order in which tables list them. */
export const estimators: readonly Estimator[] = [
  reinforce,
  hnca,
  fHnca,
  localExpectation,
  reinforceLoo,
  disarm,
  arm,
  vargrad,
  weightMax,
  weightMaxUnbiased,
  straightThrough,
  classification,
  rewardPenalty,
];

/** The estimator of that name, or undefined. */
export const findEstimator = (name: string): Estimator | undefined =>
  estimators.find((estimator) => estimator.name === name);
