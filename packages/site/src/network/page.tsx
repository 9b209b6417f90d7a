/** Two networks of coins that learn the same, by the same draws and different rules. */
import { batch, computed, effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Listed } from "../audit/question.ts";
import { latest } from "../shared/ask.ts";
import { Choice, Notes, Predict, Share, Slider } from "../shared/controls.tsx";
import { DigitPad } from "../shared/digit.tsx";
import { signed } from "../shared/numbers.ts";
import { openState } from "../shared/state.ts";
import { filesOf } from "./files.ts";
import {
  BoardPicture,
  CloudPicture,
  Curves,
  type Detailed,
  FieldPicture,
  GuessPicture,
  NetworkPicture,
  UnitTable,
} from "./picture.tsx";
import type { Answer, Cloud, LaneView, Question } from "./question.ts";
import {
  batchSize,
  board,
  fields,
  isPlane,
  parts,
  phasesOf,
  rates,
  type Setting,
  says,
  type TaskName,
  tasks,
  usual,
  words,
} from "./spec.ts";

const state = openState(fields);
const { task, layers, width, estimators, rate, baseline, seed, step, phase, row, unit, drawn, means, hide } =
  state.values;
const isShown = (part: keyof typeof parts) => !hide.value.includes(part);

const setting = (): Setting => ({
  task: task.value,
  hidden: Array.from({ length: layers.value }, () => width.value),
  estimators: estimators.value,
  rate: Number(rate.value),
  baseline: baseline.value,
  seed: seed.value,
});

/** The coin that is looked at, where there is such a one; else the last of its layer. */
const looked = computed((): readonly [number, number] => {
  const outputs = words[task.value].length === 2 ? 1 : words[task.value].length;
  const l = Math.min(unit.value[0], layers.value);
  return [l, Math.min(unit.value[1], (l < layers.value ? width.value : outputs) - 1)];
});

const answer = signal<{ question: Question; content: Answer } | undefined>(undefined);
/** The last one with all of its details, for what is not drawn sixty times a second. */
const whole = signal<{ question: Question; content: Answer } | undefined>(undefined);
/** The last cloud, and the question that it belongs to. */
const cloud = signal<{ key: string; clouds: readonly (Cloud | undefined)[] } | undefined>(undefined);
const cloudWanted = signal(false);
const playing = signal(false);
const speed = signal(1);
const grain = signal(false);
const failed = signal("");

/** What is read with care, in every sixth picture while the coins flash. */
const detailEvery = 6;
/** Pictures of who would rather have no motion. */
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const calmEvery = 500;
let pictures = 0;

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
worker.addEventListener("error", ({ message }) => {
  playing.value = false;
  failed.value = message || "the training could not be started";
});
const keyOf = ({ setting, step, row, own }: Question) => JSON.stringify([setting, step, row, own]);
const ask = latest<Question, Answer>(worker, (content, question) =>
  batch(() => {
    answer.value = { question, content };
    if (question.full) whole.value = answer.value;
    if (question.cloud) {
      cloud.value = { key: keyOf(question), clouds: content.lanes.map(({ detail }) => detail?.cloud) };
      cloudWanted.value = false;
    }
  }),
);
effect(() => {
  const full = !playing.value || pictures++ % detailEvery === 0;
  const isOwn = task.value === "digits" && drawn.value.length > 0;
  ask({
    setting: setting(),
    step: step.value,
    row: row.value,
    own: isOwn ? { pixels: drawn.value, means: means.value } : undefined,
    unit: looked.value,
    full,
    field: isShown("field"),
    cloud: cloudWanted.value,
  });
});

const depth = () => layers.value + 1;
/** The last phase: all of a step has been seen. */
const end = () => depth() + 2;
const phaseNow = () => Math.min(phase.value, end());

const clamp = (value: number) => Math.max(0, Math.min(fields.step.to, value));

/** One picture, then the next, as long as it plays: the worker goes on while the page draws what came last. */
function play(last: number) {
  requestAnimationFrame((now) => {
    if (!playing.value) return;
    const isDue = !calm.matches || now - last >= calmEvery;
    if (!isDue || answer.value?.question.step !== step.value) return play(last);
    // As fast as for everyone, in fewer pictures.
    const by = calm.matches ? 30 * speed.value : speed.value;
    step.value = clamp(step.value + by);
    if (step.value >= fields.step.to) playing.value = false;
    play(now);
  });
}

function goPhase(by: 1 | -1) {
  playing.value = false;
  const next = phaseNow() + by;
  if (next > end()) {
    step.value = clamp(step.value + 1);
    phase.value = 0;
  } else if (next < 0) {
    if (step.value === 0) return;
    step.value = clamp(step.value - 1);
    phase.value = fields.phase.to;
  } else phase.value = next === end() ? fields.phase.to : next;
}

function goStep(by: number) {
  playing.value = false;
  phase.value = fields.phase.to;
  step.value = clamp(step.value + by);
}

const StepCount = () => (
  <span id="step" class="small">
    step {step.value}
  </span>
);
const atStart = computed(() => step.value === 0);

/** Estimators that can serve here. */
const registry = computed(() => whole.value?.content.registry ?? []);
const title = (name: string) => registry.value.find((one) => one.name === name)?.title ?? name;

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
            play(performance.now());
          }}
        >
          {playing.value ? "Pause" : "Play"}
        </button>
        <button type="button" onClick={() => goStep(-1)} disabled={atStart.value}>
          ← Step
        </button>
        <button type="button" onClick={() => goStep(1)}>
          Step →
        </button>
        <button type="button" onClick={() => goStep(100)}>
          100 steps →
        </button>
        <button type="button" onClick={() => goStep(-step.value)} disabled={atStart.value}>
          To the start
        </button>
        <label class="inline">
          Steps a picture{" "}
          <select value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
            {[1, 5, 20, 50].map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </label>
        <StepCount />
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

function Settings() {
  const begin = (change: () => void) => {
    playing.value = false;
    change();
  };
  const all: readonly Pick<Listed, "name" | "title">[] = registry.value;
  const list = (name: string) =>
    all.some((one) => one.name === name) ? all : [{ name, title: name }, ...all];
  return (
    <div class="controls">
      <Choice<TaskName>
        label="What is learned"
        value={task.value}
        words={tasks}
        set={(word) =>
          begin(() =>
            batch(() => {
              task.value = word;
              layers.value = usual[word].layers;
              width.value = usual[word].width;
              rate.value = usual[word].rate;
              step.value = usual[word].step;
              row.value = usual[word].row;
              unit.value = fields.unit.default;
            }),
          )
        }
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
        set={(value) =>
          begin(() =>
            batch(() => {
              layers.value = value;
              unit.value = [0, 0];
            }),
          )
        }
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

const isDetailed = (lane: LaneView | undefined): lane is Detailed => lane?.detail !== undefined;
const detailedLanes = computed(() => (whole.value?.content.lanes ?? []).filter(isDetailed));

/** Both networks. */
function Lanes() {
  const now = whole.value;
  const content = now?.content;
  return (
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
            {lane.score !== undefined && (
              <span class="small" data-number={`right ${i}`}>
                {scoreText(now!.question.setting.task, lane.score)}
              </span>
            )}
          </h2>
          {lane.refused && <p class="notes">{lane.refused}</p>}
          <Network place={i} />
          <Says lane={lane} method={i} task={now!.question.setting.task} />
        </section>
      ))}
      {failed.value !== "" && <p class="notes">It does not run in this browser: {failed.value}</p>}
      {content === undefined && <p class="small">Starting …</p>}
    </div>
  );
}

/** One of them, as often as its coins have been flipped. */
function Network({ place }: { place: number }) {
  const still = whole.value?.content.lanes[place];
  const lane = answer.value?.content.lanes[place];
  if (lane === undefined || !isDetailed(still)) return null;
  return (
    <NetworkPicture
      id={`network-${place}`}
      task={whole.value!.question.setting.task}
      lane={lane.layers.length === still.layers.length ? lane : still}
      still={still}
      phase={phaseNow()}
      chosen={looked.value}
      choose={(one) => (unit.value = one)}
    />
  );
}

const scoreText = (task: TaskName, score: number) =>
  task === "walk" ? `an episode earns ${signed(score)}` : `${(100 * score).toFixed(1)} % right`;

/** What a network says beyond the one answer that is shown. */
function Says({ lane, method, task }: { lane: LaneView; method: number; task: TaskName }) {
  const field = lane.detail?.field;
  if (field === undefined || !isShown("field")) return null;
  const name = title(lane.name);
  if (isPlane(task)) {
    const label = `What ${name}'s network says all over the square`;
    return <FieldPicture field={field} input={lane.input} sample={grain.value} label={label} />;
  }
  if (task === "digits")
    return <GuessPicture field={field} answer={lane.answer} method={method} names={words[task]} />;
  if (lane.walk === undefined) return null;
  const { cells, at } = lane.walk;
  const label = `How likely ${name}'s network moves each way in each cell. The episode goes through the cells ${cells.map((cell) => cell + 1).join(", ")}; shown is its step ${at + 1}.`;
  return <BoardPicture field={field} walk={lane.walk} label={label} />;
}

/** Which example is shown. */
function Example() {
  const lane = detailedLanes.value[0];
  const isWalk = task.value === "walk";
  const isOwn = task.value === "digits" && drawn.value.length > 0;
  const episode = row.value % board.episodes;
  const time = Math.floor(row.value / board.episodes);
  return (
    <div class="buttons">
      {isWalk ? (
        <>
          <label class="inline">
            Episode{" "}
            <select
              value={episode}
              onChange={({ currentTarget }) => (row.value = Number(currentTarget.value))}
            >
              {Array.from({ length: board.episodes }, (_, i) => (
                <option key={i} value={i}>
                  {i + 1}
                </option>
              ))}
            </select>
          </label>
          <button type="button" disabled={time === 0} onClick={() => (row.value -= board.episodes)}>
            ← move
          </button>
          <button
            type="button"
            disabled={
              time + 1 >= Math.max(0, ...detailedLanes.value.map(({ walk }) => walk?.cells.length ?? 0))
            }
            onClick={() => (row.value += board.episodes)}
          >
            move →
          </button>
          <span class="small">step {time + 1} of the episode</span>
        </>
      ) : (
        !isOwn && (
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
        )
      )}
      {lane?.answer !== undefined && <span class="small">the right answer is {lane.answer}</span>}
      {isPlane(task.value) && isShown("field") && (
        <label class="inline">
          <input type="checkbox" checked={grain.value} onChange={() => (grain.value = !grain.value)} /> one
          sample of the field, not its mean
        </label>
      )}
    </div>
  );
}

/** A digit of one's own, in the place of the example. */
function Own() {
  if (task.value !== "digits" || !isShown("draw")) return null;
  const isOwn = drawn.value.length > 0;
  return (
    <section aria-label="A digit of your own">
      <h2>A digit of your own</h2>
      <p class="small">
        Draw with a pointer, Shift rubs out; or with the arrow keys and the space bar. Both networks look at
        it as they stand, and learn nothing from it.
      </p>
      <div class="own">
        <DigitPad values={drawn.value} set={(values) => (drawn.value = values)} />
        <div>
          <label class="inline">
            It is meant to be{" "}
            <select
              value={means.value}
              onChange={({ currentTarget }) => (means.value = Number(currentTarget.value))}
            >
              {words.digits.map((name, digit) => (
                <option key={name} value={digit}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <div class="buttons">
            <button
              type="button"
              disabled={isOwn || whole.value === undefined}
              onClick={() =>
                batch(() => {
                  const [lane] = whole.value!.content.lanes;
                  drawn.value = [...lane.input];
                  means.value = lane.answer ?? 0;
                })
              }
            >
              Begin with the digit shown
            </button>
            <button type="button" disabled={!isOwn} onClick={() => (drawn.value = [])}>
              Back to the batch
            </button>
          </div>
        </div>
      </div>
    </section>
  );
}

function Details() {
  const lanes = detailedLanes.value;
  if (lanes.length === 0) return null;
  const isWalk = task.value === "walk";
  const [l, j] = looked.value;
  const counts = lanes[0].layers.map(({ p }) => p.length);
  const isNow = whole.value !== undefined && cloud.value?.key === keyOf(whole.value.question);
  return (
    <>
      {isShown("curves") && (
        <div class="two">
          <Curves
            title={isWalk ? "What an episode earns, a running mean" : "Right answers, %, a running mean"}
            lanes={lanes}
            titleOf={title}
            of={({ curve }) => curve.right}
            domain={isWalk ? [-0.8, 1] : [task.value === "digits" ? 0 : 0.4, 1]}
            format={(value) => scoreText(task.value, value)}
            tick={isWalk ? String : (value) => String(Math.round(100 * value))}
          />
          <Curves
            title="ln of the gradient's variance"
            lanes={lanes}
            titleOf={title}
            of={({ curve }) => curve.variance}
            format={(value) => value.toFixed(2)}
          />
        </div>
      )}

      {isShown("unit") && (
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
              {l === counts.length - 1 && counts[l] > 1 ? "Choice" : "Coin"}{" "}
              <select value={j} onChange={(event) => (unit.value = [l, Number(event.currentTarget.value)])}>
                {Array.from({ length: counts[l] ?? 1 }, (_, place) => (
                  <option key={place} value={place}>
                    {l === counts.length - 1 && counts[l] > 1 ? words[task.value][place] : place + 1}
                  </option>
                ))}
              </select>
            </label>
            <span class="small">or click one above</span>
          </div>
          <div class="two">
            {lanes.map(
              ({ name, detail, reward }, i) =>
                detail.unit && (
                  <div key={name}>
                    <h3 class={`method-${i} method-name`}>{title(name)}</h3>
                    <UnitTable unit={detail.unit} reward={reward} method={i} />
                  </div>
                ),
            )}
          </div>
        </section>
      )}

      {isShown("cloud") && !isWalk && (
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
            {cloudWanted.value && <span role="status">Drawing …</span>}
          </div>
          {isNow && <CloudPicture clouds={cloud.value!.clouds} />}
        </section>
      )}
    </>
  );
}

/** What leaves the page. */
const Shared = () => (
  <Share
    state={state}
    hide={hide}
    parts={parts}
    files={filesOf(setting(), () => step.value, detailedLanes.value)}
    figure="#network-0"
  />
);

const Page = () => (
  <>
    <Notes notes={state.notes} />
    <Transport />
    <div class="bench">
      <Lanes />
      <Settings />
    </div>
    <Example />
    <Own />
    <Details />
    <Predict
      question="Both networks flip the same coins at the first step. Will they still at the hundredth?"
      answers={["Yes, the draws are the same", "No, their weights have moved apart"]}
      right={1}
    >
      The draws are the same numbers to the end. But a coin is on where its number lies below its probability,
      and the probabilities depend on what each rule has taught its network.
    </Predict>
    <Shared />
  </>
);

render(<Page />, document.getElementById("app")!);
