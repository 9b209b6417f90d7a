/** Trains two networks beside each other, step by step and back, while the page goes on. */
import { misfit } from "flipnet/internal/estimators/needs";
import { estimators } from "flipnet/internal/estimators/registry";
import { InputError } from "flipnet/internal/formats/errors";
import { answering } from "../shared/ask.ts";
import { Lane } from "./lane.ts";
import { cloudOf, layersOf, prepareField, refusedLane, specOf, unitOf, weightsOf } from "./look.ts";
import { classOf } from "./plane.ts";
import type { Answer, LaneView, Question } from "./question.ts";
import type { Setting } from "./spec.ts";

const registry = estimators
  .filter((one) => misfit(one, ["reward"]) === undefined && !one.needs.singleUnit)
  .map(({ name, title, paper, unbiased, why }) => ({ name, title, paper, unbiased, why }));

/** A training and what looks at it; or why there is none. */
type Opened =
  | { readonly name: string; readonly lane: Lane; readonly field: () => LaneView["field"] }
  | { readonly name: string; readonly refused: string };

let opened: { key: string; lanes: readonly Opened[] } | undefined;

async function open(setting: Setting): Promise<readonly Opened[]> {
  const key = JSON.stringify(setting);
  if (opened?.key === key) return opened.lanes;
  const lanes: Opened[] = [];
  for (const name of setting.estimators) {
    try {
      const lane = await Lane.open(setting, name);
      const field = setting.task === "wire" ? () => undefined : prepareField(lane, setting.seed);
      lanes.push({ name, lane, field });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      lanes.push({ name, refused: error.message });
    }
  }
  opened = { key, lanes };
  return lanes;
}

/** What is the right answer to an input, as the page shows it. */
function rightAnswer({ task }: Setting, input: readonly number[]): number {
  if (task !== "wire") return classOf(task, input[0], input[1]);
  const bits = input.map((value) => (value + 1) / 2);
  return bits[2 + 2 * bits[0] + bits[1]];
}

answering(async ({ setting, step, row, unit, field, cloud }: Question): Promise<Answer> => {
  const lanes: LaneView[] = [];
  let input: number[] = [];
  for (const one of await open(setting)) {
    if ("refused" in one) {
      lanes.push(refusedLane(one.name, one.refused));
      continue;
    }
    const { lane } = one;
    await lane.goTo(step);
    const { network, estimator } = lane.learner;
    const stored = lane.backend
      .readNow(lane.task.input)
      .subarray(row * network.inputs, (row + 1) * network.inputs);
    input = Array.from(stored, (value) => (network.inputCoding === "plus-minus" ? 2 * value - 1 : value));
    const answer = rightAnswer(setting, input);
    const layers = layersOf(lane, row);
    const [reward] = estimator.evaluation.components.map(({ value }) => lane.backend.readNow(value)[row]);
    lanes.push({
      name: one.name,
      layers,
      weights: weightsOf(lane),
      reward,
      unit: unitOf(lane, layers, row, unit),
      curve: {
        right: Float32Array.from(lane.right.slice(0, step)),
        variance: Float32Array.from(lane.variance.slice(0, step)),
      },
      field: field ? one.field() : undefined,
      cloud: cloud ? cloudOf(lane, input, answer, setting.seed) : undefined,
      spec: specOf(lane, input, answer),
    });
  }
  return { step, input, answer: rightAnswer(setting, input), lanes, registry };
});
