/** Two networks of coins that learn the same, by the same draws and different rules. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Listed } from "../audit/question.ts";
import { latest } from "../shared/ask.ts";
import { Choice, Notes, Predict, Share, Slider } from "../shared/controls.tsx";
import { openState } from "../shared/state.ts";
import { filesOf } from "./files.ts";
import { CloudPicture, Curves, FieldPicture, NetworkPicture, UnitTable } from "./picture.tsx";
import type { Answer, Cloud, Question } from "./question.ts";
import {
  batchSize,
  fields,
  parts,
  phasesOf,
  rates,
  type Setting,
  says,
  type TaskName,
  tasks,
} from "./spec.ts";

const state = openState(fields);
const { task, layers, width, estimators, rate, baseline, seed, step, phase, row, unit, hide } = state.values;

const setting = (): Setting => ({
  task: task.value,
  hidden: Array.from({ length: layers.value }, () => width.value),
  estimators: estimators.value,
  rate: Number(rate.value),
  baseline: baseline.value,
  seed: seed.value,
});

const answer = signal<{ question: Question; content: Answer } | undefined>(undefined);
/** The last cloud, and the question that it belongs to. */
const cloud = signal<{ key: string; clouds: readonly (Cloud | undefined)[] } | undefined>(undefined);
const cloudWanted = signal(false);
const playing = signal(false);
const speed = signal(1);
const grain = signal(false);
const failed = signal("");

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
worker.addEventListener("error", ({ message }) => {
  playing.value = false;
  failed.value = message || "the training could not be started";
});
const keyOf = ({ setting, step, row }: Question) => JSON.stringify([setting, step, row]);
const ask = latest<Question, Answer>(worker, (content, question) => {
  answer.value = { question, content };
  if (question.cloud) {
    cloud.value = { key: keyOf(question), clouds: content.lanes.map((lane) => lane.cloud) };
    cloudWanted.value = false;
  }
  if (playing.value) requestAnimationFrame(forward);
});
effect(() => {
  ask({
    setting: setting(),
    step: step.value,
    row: row.value,
    unit: unit.value,
    field: !hide.value.includes("field"),
    cloud: cloudWanted.value,
  });
});

const depth = () => layers.value + 1;
/** The last phase: all of a step has been seen. */
const whole = () => depth() + 2;
const phaseNow = () => Math.min(phase.value, whole());

const clamp = (value: number) => Math.max(0, Math.min(fields.step.to, value));
function forward() {
  if (!playing.value) return;
  if (step.value >= fields.step.to) playing.value = false;
  step.value = clamp(step.value + speed.value);
}

function goPhase(by: 1 | -1) {
  playing.value = false;
  const next = phaseNow() + by;
  if (next > whole()) {
    step.value = clamp(step.value + 1);
    phase.value = 0;
  } else if (next < 0) {
    if (step.value === 0) return;
    step.value = clamp(step.value - 1);
    phase.value = fields.phase.to;
  } else phase.value = next === whole() ? fields.phase.to : next;
}

function goStep(by: number) {
  playing.value = false;
  phase.value = fields.phase.to;
  step.value = clamp(step.value + by);
}

function Transport() {
  const names = phasesOf(layers.value);
  return (
    <section class="transport" aria-label="Time">
      <div class="buttons">
        <button
          type="button"
          class="primary"
          onClick={() => {
            playing.value = !playing.value;
            phase.value = fields.phase.to;
            forward();
          }}
        >
          {playing.value ? "Pause" : "Play"}
        </button>
        <button type="button" onClick={() => goStep(-1)} disabled={step.value === 0}>
          ← Step
        </button>
        <button type="button" onClick={() => goStep(1)}>
          Step →
        </button>
        <button type="button" onClick={() => goStep(100)}>
          100 steps →
        </button>
        <button type="button" onClick={() => goStep(-step.value)} disabled={step.value === 0}>
          To the start
        </button>
        <label class="inline">
          Steps a frame{" "}
          <select value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
            {[1, 5, 20, 50].map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </label>
        <span id="step" class="small">
          step {step.value}
        </span>
      </div>
      <div class="buttons">
        <button type="button" onClick={() => goPhase(-1)} aria-label="Slow motion, back">
          ◀ slow
        </button>
        <button type="button" onClick={() => goPhase(1)} aria-label="Slow motion, forward">
          slow ▶
        </button>
        <ol class="phases">
          {names.map((name, i) => (
            <li
              key={name}
              aria-current={i === phaseNow() ? "step" : undefined}
              class={i <= phaseNow() ? "done" : ""}
            >
              {name}
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}

function Settings({ registry }: { registry: readonly Listed[] }) {
  const begin = (change: () => void) => {
    playing.value = false;
    change();
  };
  const list = (name: string) =>
    registry.some((one) => one.name === name) ? registry : [{ name, title: name }, ...registry];
  return (
    <div class="controls">
      <Choice<TaskName>
        label="What is learned"
        value={task.value}
        words={tasks}
        set={(word) => begin(() => (task.value = word))}
      />
      <p class="small">{says[task.value]}</p>
      {estimators.value.map((name, place) => (
        <label key={place} class={`picked method-${place}`}>
          <span class="sr">{place === 0 ? "First rule" : "Second rule"}</span>
          <select
            value={name}
            aria-label={place === 0 ? "First rule" : "Second rule"}
            onChange={({ currentTarget: { value } }) =>
              begin(
                () =>
                  (estimators.value = [
                    ...new Set(estimators.value.map((old, i) => (i === place ? value : old))),
                  ]),
              )
            }
          >
            {list(name).map((one) => (
              <option key={one.name} value={one.name}>
                {one.title}
              </option>
            ))}
          </select>
        </label>
      ))}
      {estimators.value.length === 1 && (
        <button
          type="button"
          onClick={() =>
            begin(
              () =>
                (estimators.value = [
                  estimators.value[0],
                  estimators.value[0] === "reinforce" ? "hnca" : "reinforce",
                ]),
            )
          }
        >
          + one beside it
        </button>
      )}
      <Slider
        label="Hidden layers"
        value={layers.value}
        range={fields.layers}
        step={1}
        show={String}
        set={(value) => begin(() => (layers.value = value))}
      />
      <Slider
        label="Coins in each"
        value={width.value}
        range={fields.width}
        step={1}
        show={String}
        set={(value) => begin(() => (width.value = value))}
      />
      <div class="pairs">
        <label>
          Learning rate{" "}
          <select
            value={rate.value}
            onChange={(event) =>
              begin(() => (rate.value = event.currentTarget.value as (typeof rates)[number]))
            }
          >
            {rates.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Baseline{" "}
          <select
            value={baseline.value}
            onChange={(event) => begin(() => (baseline.value = event.currentTarget.value as "none"))}
          >
            <option value="none">none</option>
            <option value="running-average">running average</option>
          </select>
        </label>
        <label>
          Seed{" "}
          <input
            type="number"
            min={0}
            max={999_999}
            value={seed.value}
            onChange={(event) =>
              begin(() => (seed.value = fields.seed.read(event.currentTarget.value) ?? seed.value))
            }
          />
        </label>
      </div>
    </div>
  );
}

function Page() {
  const now = answer.value;
  const shown = (part: keyof typeof parts) => !hide.value.includes(part);
  const content = now?.content;
  const lanes = content?.lanes.filter(({ refused }) => refused === undefined) ?? [];
  const title = (name: string) => content?.registry.find((one) => one.name === name)?.title ?? name;
  const [l, j] = unit.value;
  const counts = lanes[0]?.layers.map(({ p }) => p.length) ?? [];
  const isNow = now !== undefined && cloud.value?.key === keyOf(now.question);
  return (
    <>
      <Notes notes={state.notes} />
      <Transport />
      <div class="bench">
        <div
          class="lanes"
          id="lanes"
          data-step={content?.step}
          data-asked={now && JSON.stringify(now.question.setting)}
        >
          {content?.lanes.map((lane, i) => (
            <section key={lane.name} class={`lane method-${i}`} aria-label={title(lane.name)}>
              <h2 class="label">
                {title(lane.name)}{" "}
                {lane.curve.right.length > 0 && (
                  <span class="small" data-number={`right ${i}`}>
                    {(100 * lane.curve.right.at(-1)!).toFixed(1)} % right
                  </span>
                )}
              </h2>
              {lane.refused ? (
                <p class="notes">{lane.refused}</p>
              ) : (
                <NetworkPicture
                  id={`network-${i}`}
                  lane={lane}
                  input={content.input}
                  phase={phaseNow()}
                  chosen={unit.value}
                  choose={(one) => (unit.value = one)}
                />
              )}
              {lane.field && shown("field") && (
                <FieldPicture
                  field={lane.field}
                  input={content.input}
                  sample={grain.value}
                  label={`What ${title(lane.name)}'s network says all over the square`}
                />
              )}
            </section>
          ))}
          {failed.value !== "" && <p class="notes">It does not run in this browser: {failed.value}</p>}
          {content === undefined && <p class="small">Starting …</p>}
        </div>
        <Settings registry={content?.registry ?? []} />
      </div>
      <div class="buttons">
        <label class="inline">
          Example of the batch{" "}
          <select value={row.value} onChange={(event) => (row.value = Number(event.currentTarget.value))}>
            {Array.from({ length: batchSize }, (_, i) => (
              <option key={i} value={i}>
                {i + 1}
              </option>
            ))}
          </select>
        </label>
        {content && <span class="small">the right answer is {content.answer}</span>}
        {task.value !== "wire" && shown("field") && (
          <label class="inline">
            <input type="checkbox" checked={grain.value} onChange={() => (grain.value = !grain.value)} /> one
            sample of the field, not its mean
          </label>
        )}
      </div>

      {shown("curves") && lanes.length > 0 && (
        <div class="two">
          <Curves
            title="Right answers, %, a running mean"
            lanes={lanes}
            of={({ curve }) => curve.right}
            domain={[0.4, 1]}
            format={(value) => `${(100 * value).toFixed(1)} %`}
          />
          <Curves
            title="ln of the gradient's variance"
            lanes={lanes}
            of={({ curve }) => curve.variance}
            format={(value) => value.toFixed(2)}
          />
        </div>
      )}

      {shown("unit") && lanes.length > 0 && (
        <section aria-label="One coin">
          <h2>One coin's credit</h2>
          <div class="buttons">
            <label class="inline">
              Layer{" "}
              <select value={l} onChange={(event) => (unit.value = [Number(event.currentTarget.value), 0])}>
                {counts.map((_, place) => (
                  <option key={place} value={place}>
                    {place + 1}
                  </option>
                ))}
              </select>
            </label>
            <label class="inline">
              Coin{" "}
              <select value={j} onChange={(event) => (unit.value = [l, Number(event.currentTarget.value)])}>
                {Array.from({ length: counts[l] ?? 1 }, (_, place) => (
                  <option key={place} value={place}>
                    {place + 1}
                  </option>
                ))}
              </select>
            </label>
            <span class="small">or click one above</span>
          </div>
          <div class="two">
            {lanes.map(
              (lane, i) =>
                lane.unit && (
                  <div key={lane.name}>
                    <h3 class={`method-${i} method-name`}>{title(lane.name)}</h3>
                    <UnitTable unit={lane.unit} reward={lane.reward} method={i} />
                  </div>
                ),
            )}
          </div>
        </section>
      )}

      {shown("cloud") && lanes.length > 0 && (
        <section aria-label="A cloud of gradients">
          <h2>A cloud of gradients</h2>
          <div class="buttons">
            <button
              type="button"
              onClick={() => {
                playing.value = false;
                cloudWanted.value = true;
              }}
            >
              Draw 200 gradients of this example
            </button>
          </div>
          {isNow && <CloudPicture clouds={cloud.value!.clouds} />}
        </section>
      )}

      <Predict
        question="Both networks flip the same coins at the first step. Will they still at the hundredth?"
        answers={["Yes, the draws are the same", "No, their weights have moved apart"]}
        right={1}
      >
        The draws are the same numbers to the end. But a coin is on where its number lies below its
        probability, and the probabilities depend on what each rule has taught its network.
      </Predict>
      <Share
        state={state}
        hide={hide}
        parts={parts}
        files={filesOf(setting(), step.value, lanes)}
        figure="#network-0"
      />
    </>
  );
}

render(<Page />, document.getElementById("app")!);
