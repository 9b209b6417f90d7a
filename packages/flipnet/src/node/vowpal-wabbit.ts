/** Logged decisions as Vowpal Wabbit reads them. Costs are rewards with the other sign. */
import type { LoggedDecision } from "../agent/off-policy.ts";

/** For `--cb N`: a line `action:cost:probability | place:value ...` each; actions count from 1. */
export const vowpalWabbitText = (decisions: readonly LoggedDecision[]): string =>
  decisions
    .map(({ context, action, probability, reward }) => {
      const features = Array.from(context).flatMap((x, i) => (x === 0 ? [] : [`${i}:${x}`]));
      return `${action + 1}:${-reward}:${probability} | ${features.join(" ")}\n`;
    })
    .join("");

/**
 * For `--cb_explore_adf --dsjson`: a line of JSON each. The context is the namespace `x`, shared; an action's only feature
 * is its number, in the namespace `i`: `-q xi` makes weights for each of them. What was not allowed is not listed.
 *
 * @param actions how many there are
 */
export const vowpalWabbitJson = (decisions: readonly LoggedDecision[], actions: number): string =>
  decisions
    .map(({ id, context, allowed, action, probability, reward }) => {
      const listed = allowed ?? Array.from({ length: actions }, (_, k) => k);
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
          x: Object.fromEntries(Array.from(context).flatMap((x, i) => (x === 0 ? [] : [[`${i}`, x]]))),
          _multi: listed.map((k) => ({ i: { [k]: 1 } })),
        },
      };
      return `${JSON.stringify(event)}\n`;
    })
    .join("");
