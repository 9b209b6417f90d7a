/** Logged decisions as Vowpal Wabbit reads them. Costs are rewards with the other sign. */
import type { LoggedDecision } from "../agent/off-policy.ts";
import { InputError } from "../formats/errors.ts";

/** For `--cb N`: a line `action:cost:probability | place:value ...` each; actions count from 1. */
export const vowpalWabbitText = (decisions: readonly LoggedDecision[]): string =>
  decisions
    .map(({ id, context, actions, action, probability, reward }) => {
      if (actions !== undefined) {
        throw new InputError(
          `the decision ${id} has actions with features; expected vowpalWabbitJson for these`,
        );
      }
      const features = Array.from(context).flatMap((x, i) => (x === 0 ? [] : [`${i}:${x}`]));
      return `${action + 1}:${-reward}:${probability} | ${features.join(" ")}\n`;
    })
    .join("");

/**
 * For `--cb_explore_adf --dsjson`: a line of JSON each. The context is the namespace `x`, shared; an action's only feature
 * is its number, in the namespace `i`: `-q xi` makes weights for each of them. What was not allowed is not listed. Where
 * actions have features, these are their namespace `i`.
 *
 * @param count how many actions there are; of no account where they have features
 */
export const vowpalWabbitJson = (decisions: readonly LoggedDecision[], count: number): string =>
  decisions
    .map(({ id, context, allowed, actions, action, probability, reward }) => {
      const listed = allowed ?? Array.from({ length: actions?.length ?? count }, (_, k) => k);
      const chosen = listed.indexOf(action);
      const others = listed.flatMap((_, place) => (place === chosen ? [] : [place + 1]));
      const event = {
        _label_cost: reward === 0 ? 0 : -reward,
        _label_probability: probability,
        _label_Action: chosen + 1,
        _labelIndex: chosen,
        ...(id !== undefined && { EventId: id }),
        a: [chosen + 1, ...others],
        c: {
          x: named(context),
          _multi: listed.map((k) => ({ i: actions === undefined ? { [k]: 1 } : named(actions[k]) })),
        },
      };
      return `${JSON.stringify(event)}\n`;
    })
    .join("");

/** Numbers by their places, without zeros. */
const named = (numbers: ArrayLike<number>): Record<string, number> =>
  Object.fromEntries(Array.from(numbers).flatMap((x, i) => (x === 0 ? [] : [[`${i}`, x]])));
