/** `lambda`, the share of the penalty in reward-penalty rules (Weight Maximization paper, equations 6 and 7). */
import { InputError } from "../formats/errors.ts";
import { number } from "./options.ts";

/** The option; rules that penalise cannot do without it. */
export const lambdaOption = number({
  from: 0,
  to: 1,
  default: undefined,
  says: "reward-penalty rules: the share of the penalty",
});

/** Throws `InputError` where it is missing. */
export function requireLambda(lambda: number | undefined): number {
  if (lambda !== undefined) return lambda;
  throw new InputError(
    "reward-penalty needs lambda, the share of the penalty; expected a number from 0 to 1",
  );
}
