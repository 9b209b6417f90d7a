/** Trains two networks beside each other, step by step and back, while the page goes on. */
import { misfit } from "flipnet/internal/estimators/needs";
import { estimators } from "flipnet/internal/estimators/registry";
import { InputError } from "flipnet/internal/formats/errors";
import { answering } from "../shared/ask.ts";
import { loadDigits } from "../shared/digits.ts";
import { Guessing } from "./guessing.ts";
import { Lane } from "./lane.ts";
import {
  cloudOf,
  inputOf,
  layersOf,
  lookAtOwn,
  prepareField,
  refusedLane,
  rewardOf,
  type Seen,
  seenBy,
  specOf,
  unitOf,
  walkOf,
  weightsOf,
} from "./look.ts";
import type { Answer, Detail, Field, LaneView, Question } from "./question.ts";
import { rowsOf, type Setting, words } from "./spec.ts";

const registry = estimators
  .filter((one) => misfit(one, ["reward"]) === undefined && !one.needs.singleUnit)
  .map(({ name, title, paper, unbiased, why }) => ({ name, title, paper, unbiased, why }));

/** A training and what looks at it; or why there is none. */
type Opened =
  | {
      readonly name: string;
      readonly lane: Lane;
      readonly field: (example: readonly number[]) => Field | undefined;
    }
  | { readonly name: string; readonly refused: string };

let opened: { key: string; lanes: readonly Opened[] } | undefined;

async function open(setting: Setting): Promise<readonly Opened[]> {
  const key = JSON.stringify(setting);
  if (opened?.key === key) return opened.lanes;
  const { task, seed } = setting;
  const digits = task === "digits" ? await loadDigits() : undefined;
  const lanes: Opened[] = [];
  for (const name of setting.estimators) {
    try {
      const lane = await Lane.open(setting, name, digits);
      lanes.push({ name, lane, field: task === "wire" ? () => undefined : prepareField(lane, task, seed) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      lanes.push({ name, refused: error.message });
    }
  }
  opened = { key, lanes };
  return lanes;
}

/** What is the right answer to a row, where there is one. */
function rightAnswer({ task }: Lane, row: number, input: readonly number[]): number | undefined {
  if (task instanceof Guessing) return task.answers[row];
  if (task.play !== undefined) return undefined;
  const bits = input.map((value) => (value + 1) / 2);
  return bits[2 + 2 * bits[0] + bits[1]];
}

/** What is seen of a training where it stands. */
function look(
  { name, lane, field: fieldOf }: Exclude<Opened, { refused: string }>,
  question: Question,
): LaneView {
  const { setting, step, row, own, unit, full, field, cloud } = question;
  const { task, seed } = setting;
  const isImage = task === "digits";
  const walk = task === "walk" ? walkOf(lane, row) : undefined;
  const view = (seen: Seen): LaneView => {
    const layers = layersOf(lane, seen);
    const input = inputOf(lane, seen);
    const answer = own?.means ?? rightAnswer(lane, seen.row, input);
    const wrong = lane.task instanceof Guessing ? lane.task.source.wrong : -1;
    const detail = (): Detail => ({
      weights: weightsOf(lane, isImage),
      unit: unitOf(lane, layers, seen, unit, words[task], isImage),
      curve: {
        right: Float32Array.from(lane.right.slice(0, step)),
        variance: Float32Array.from(lane.variance.slice(0, step)),
      },
      field: field ? fieldOf(input) : undefined,
      cloud: cloud && answer !== undefined ? cloudOf(lane, input, answer, seed, wrong) : undefined,
      spec: answer === undefined ? undefined : specOf(lane, input, answer, wrong),
    });
    return {
      name,
      input,
      answer,
      layers,
      reward: rewardOf(lane, seen),
      walk,
      score: lane.right[step - 1],
      ...(full && { detail: detail() }),
    };
  };
  if (own !== undefined && isImage) return lookAtOwn(lane, own, seed, view);
  return view(seenBy(lane, Math.min(walk?.row ?? row, rowsOf(task) - 1)));
}

answering(async (question: Question): Promise<Answer> => {
  const { setting, step } = question;
  const lanes: LaneView[] = [];
  for (const one of await open(setting)) {
    if ("refused" in one) lanes.push(refusedLane(one.name, one.refused));
    else {
      await one.lane.goTo(step);
      lanes.push(look(one, question));
    }
  }
  return { step, lanes, registry };
});
