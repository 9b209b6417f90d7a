/** Three coins, eight worlds: the audit as a picture. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Answer, Found, Listed, Question } from "../audit/question.ts";
import { latest } from "../shared/ask.ts";
import { Choice, type Exported, Notes, Predict, Share, Slider } from "../shared/controls.tsx";
import { Bar, Coin } from "../shared/figures.tsx";
import { percent, sigmoid, signed, threeDigits } from "../shared/numbers.ts";
import { openState } from "../shared/state.ts";
import { coinsOf, fields, parts, shapes } from "./spec.ts";

const state = openState(fields);
const { shape, lean, weight, reward, baseline, estimators, hide } = state.values;
const names = ["A", "B", "C"];

const coins = () =>
  coinsOf({
    shape: shape.value,
    lean: lean.value,
    weight: weight.value,
    reward: reward.value,
    baseline: baseline.value,
  });

/** The newest answer, with what it answers. */
const answer = signal<{ question: Question; content: Answer } | undefined>(undefined);
const failed = signal("");
const worker = new Worker(new URL("../audit/worker.ts", import.meta.url), { type: "module" });
worker.addEventListener("error", ({ message }) => {
  failed.value = message || "the audit could not be started";
});
const ask = latest<Question, Answer>(worker, (content, question) => {
  answer.value = { question, content };
});
effect(() => ask({ ...coins(), estimators: estimators.value }));

const changed = (values: readonly number[], place: number, value: number) =>
  values.map((old, i) => (i === place ? value : old));

/** Who listens to whom. */
const edges = () =>
  shape.value === "pair"
    ? [
        { from: 0, to: 2 },
        { from: 1, to: 2 },
      ]
    : [
        { from: 0, to: 1 },
        { from: 1, to: 2 },
      ];

/** The coins and who listens to whom; arrows are as thick as their weights. */
function Diagram() {
  const places =
    shape.value === "pair"
      ? [
          { x: 80, y: 60 },
          { x: 80, y: 190 },
          { x: 280, y: 125 },
        ]
      : [
          { x: 70, y: 125 },
          { x: 195, y: 125 },
          { x: 320, y: 125 },
        ];
  return (
    <svg class="figure" id="diagram" viewBox="0 0 440 250" role="img" aria-label={describe()}>
      {edges().map(({ from, to }, i) => {
        const [start, end] = [places[from], places[to]];
        const length = Math.hypot(end.x - start.x, end.y - start.y);
        const [ux, uy] = [(end.x - start.x) / length, (end.y - start.y) / length];
        const value = weight.value[i];
        const x = (start.x + end.x) / 2;
        const y = (start.y + end.y) / 2;
        return (
          <g key={i}>
            <line
              class={value < 0 ? "edge less" : "edge more"}
              x1={start.x + ux * 30}
              y1={start.y + uy * 30}
              x2={end.x - ux * 32}
              y2={end.y - uy * 32}
              stroke-width={1 + 1.6 * Math.abs(value)}
            />
            <text class="edge-weight" x={x} y={y - 12 - Math.abs(value)}>
              {signed(value)}
            </text>
          </g>
        );
      })}
      {places.map(({ x, y }, coin) => (
        <g key={coin}>
          <clipPath id={`level-${coin}`}>
            <rect x={x - 30} y={y + 28 - 56 * sigmoid(lean.value[coin])} width={60} height={60} />
          </clipPath>
          <circle class="coin-back" cx={x} cy={y} r={28} />
          <circle class="coin-level" cx={x} cy={y} r={28} clip-path={`url(#level-${coin})`} />
          <circle class="coin-rim" cx={x} cy={y} r={28} />
          <text class="coin-letter" x={x} y={y}>
            {names[coin]}
          </text>
        </g>
      ))}
      <text class="figure-note" x={shape.value === "pair" ? 320 : 360} y={112}>
        {`on: ${threeDigits(reward.value[1])}`}
      </text>
      <text class="figure-note" x={shape.value === "pair" ? 320 : 360} y={146}>
        {`off: ${threeDigits(reward.value[0])}`}
      </text>
    </svg>
  );
}

const describe = () =>
  `Three coins. ${edges()
    .map(({ from, to }, i) => `${names[to]} listens to ${names[from]} with weight ${weight.value[i]}`)
    .join("; ")}. C earns ${reward.value[1]} where it is on and ${reward.value[0]} where it is off.`;

function Controls() {
  return (
    <div class="controls">
      <Choice label="Shape" value={shape.value} words={shapes} set={(word) => (shape.value = word)} />
      <h2 class="label">Weights</h2>
      {edges().map(({ from, to }, i) => (
        <Slider
          key={`${from}${to}`}
          label={`${names[from]} → ${names[to]}`}
          value={weight.value[i]}
          range={{ from: -6, to: 6, digits: 2 }}
          set={(value) => (weight.value = changed(weight.value, i, value))}
        />
      ))}
      <h2 class="label">Each coin's leaning</h2>
      {names.map((name, coin) => (
        <Slider
          key={name}
          label={name}
          value={lean.value[coin]}
          range={{ from: -4, to: 4, digits: 2 }}
          set={(value) => (lean.value = changed(lean.value, coin, value))}
        />
      ))}
      {!hide.value.includes("rewards") && (
        <>
          <h2 class="label">Reward and baseline</h2>
          {[1, 0].map((on) => (
            <Slider
              key={on}
              label={on ? "C is on" : "C is off"}
              value={reward.value[on]}
              range={{ from: -3, to: 3, digits: 2 }}
              set={(value) => (reward.value = changed(reward.value, on, value))}
            />
          ))}
          <Slider
            label="Baseline"
            value={baseline.value}
            range={fields.baseline}
            set={(value) => (baseline.value = value)}
          />
        </>
      )}
    </div>
  );
}

/** Which estimators stand beside each other. */
function Picker({ registry }: { registry: readonly Listed[] }) {
  const chosen = estimators.value;
  const list = registry.length > 0 ? registry : chosen.map((name) => ({ name, title: name }));
  return (
    <fieldset class="picker">
      <legend>Estimators beside each other</legend>
      {chosen.map((name, place) => (
        <span class={`picked method-${place}`} key={place}>
          <select
            aria-label={`Estimator ${place + 1}`}
            value={name}
            onChange={(event) => {
              const next = chosen.map((old, i) => (i === place ? event.currentTarget.value : old));
              estimators.value = [...new Set(next)];
            }}
          >
            {!list.some((one) => one.name === name) && <option value={name}>{name}</option>}
            {list.map((one) => (
              <option key={one.name} value={one.name}>
                {one.title}
              </option>
            ))}
          </select>
          {chosen.length > 1 && (
            <button
              type="button"
              class="plain"
              aria-label={`Take ${name} away`}
              onClick={() => (estimators.value = chosen.filter((_, i) => i !== place))}
            >
              ×
            </button>
          )}
        </span>
      ))}
      {chosen.length < 4 && (
        <button
          type="button"
          onClick={() => {
            const next =
              registry.find(({ name }) => !chosen.includes(name) && name === "disarm") ??
              registry.find(({ name }) => !chosen.includes(name));
            if (next) estimators.value = [...chosen, next.name];
          }}
        >
          + one more
        </button>
      )}
    </fieldset>
  );
}

/** A title of an estimator for people, its options in small. */
const titleOf = (name: string, registry: readonly Listed[]) =>
  registry
    .find((one) => one.name === name.split(":")[0])
    ?.title.concat(name.includes(":") ? ` ${name.slice(name.indexOf(":"))}` : "") ?? name;

/** A square root scale would flatter: lengths are the numbers themselves, of the largest one. */
function Bars({ found, registry }: { found: readonly Found[]; registry: readonly Listed[] }) {
  const served = found.filter(({ refused }) => refused === undefined);
  const most = Math.max(1e-9, ...served.map(({ meanVariance }) => meanVariance ?? 0));
  const mostBias = Math.max(1e-9, ...served.map(({ bias }) => bias ?? 0));
  // Rounding is no bias: it would fill the scale where nobody is biased.
  const scale = mostBias < 1e-9 ? 1 : mostBias;
  return (
    <section class="bars" aria-label="Bias and variance">
      <table class="measure">
        <thead>
          <tr>
            <th scope="col">Estimator</th>
            <th scope="col" colSpan={2}>
              Variance
            </th>
            <th scope="col" colSpan={2}>
              Bias
            </th>
          </tr>
        </thead>
        <tbody>
          {found.map((one, place) => (
            <tr key={one.name} class={`method-${place}`}>
              <th scope="row">
                {titleOf(one.name, registry)}
                {one.samples && <small> simulated, {one.samples.toLocaleString("en")} gradients</small>}
              </th>
              {one.refused === undefined ? (
                <>
                  <td class="length">
                    <Length part={one.meanVariance! / most} />
                  </td>
                  <td class="number" data-number={`variance ${one.name}`}>
                    {threeDigits(one.meanVariance!)}
                  </td>
                  <td class="length">
                    <Length part={one.bias! / scale} />
                  </td>
                  <td class="number" data-number={`bias ${one.name}`}>
                    {threeDigits(one.bias! < 1e-9 && !one.samples ? 0 : one.bias!)}
                    {one.standardError !== undefined && <small> ± {threeDigits(one.standardError)}</small>}
                  </td>
                </>
              ) : (
                <td colSpan={4} class="refused">
                  {one.refused}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="small">
        Variance: of one example's gradient, mean over all weights and leanings. Bias: the largest distance
        between an estimator's mean and the exact gradient.
      </p>
    </section>
  );
}

const Length = ({ part }: { part: number }) => (
  <svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" x="0" y="1" width="100" height="10" />
    <rect class="filled" x="0" y="1" width={Math.min(100, 100 * part)} height="10" />
  </svg>
);

/** A line a world, three credits an estimator. */
function Table({ content, question }: { content: Answer; question: Question }) {
  const { registry, exact } = content;
  const found = content.estimators.filter(({ worlds }) => worlds !== undefined);
  if (found.length === 0) {
    return (
      <p class="small">
        None of these can be written down world by world: what they draw has no end of outcomes, so they are
        simulated.
      </p>
    );
  }
  const all = found.flatMap(({ worlds }) => worlds!.flatMap(({ credit }) => credit.flat()));
  const most = Math.max(1e-9, ...all.map(Math.abs));
  const rewardOf = question.bandit.reward[0] as readonly number[];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class="scroll" tabIndex={0} aria-label="The eight worlds">
      <table class="worlds">
        <thead>
          <tr>
            <th scope="col" colSpan={3}>
              World
            </th>
            <th scope="col">Probability</th>
            <th scope="col">Reward</th>
            {content.estimators.map((one, place) =>
              one.worlds ? (
                <th scope="colgroup" colSpan={3} key={one.name} class={`method-${place} method-head`}>
                  {titleOf(one.name, registry)}: credit
                </th>
              ) : null,
            )}
          </tr>
          <tr>
            {names.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
            <td />
            <td />
            {found.flatMap((one) =>
              names.map((name, coin) => (
                <th scope="col" key={one.name + name} class={coin === 0 ? "first" : ""}>
                  {name}
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {found[0].worlds!.map(({ bits, probability }, w) => {
            const outcome = bits.flat();
            return (
              <tr key={outcome.join("")}>
                {outcome.map((bit, coin) => (
                  <td key={names[coin]} class="face">
                    <svg viewBox="0 0 40 40" class="small-coin" role="img" aria-label={bit ? "on" : "off"}>
                      <Coin x={20} y={20} r={16} on={bit === 1} />
                    </svg>
                  </td>
                ))}
                <td class="number" data-number={`probability ${w}`}>
                  <Length part={probability} />
                  {percent(probability)}
                </td>
                <td class="number" data-number={`reward ${w}`}>
                  {threeDigits(rewardOf[outcome[2]])}
                </td>
                {found.flatMap((one) => {
                  const world = one.worlds![w];
                  const spread = world.spread.flat();
                  return world.credit.flat().map((credit, coin) => (
                    <td
                      key={one.name + names[coin]}
                      class={`number ${coin === 0 ? "first" : ""}`}
                      data-number={`credit ${one.name} ${w} ${coin}`}
                    >
                      <Bar value={credit} most={most} error={Math.sqrt(spread[coin])} />
                      {threeDigits(credit)}
                    </td>
                  ));
                })}
              </tr>
            );
          })}
        </tbody>
        <tfoot>
          <Summary
            title="Mean over the worlds"
            says="mean"
            found={found}
            of={({ mean }) => mean!}
            most={most}
          />
          <Summary title="Exact gradient" says="exact" found={found} of={() => exact} most={most} />
          <Summary title="Variance" says="coin-variance" found={found} of={({ variance }) => variance!} />
        </tfoot>
      </table>
    </section>
  );
}

/** A row below the worlds: a number a coin of each estimator, with a bar where `most` says what fills one. */
function Summary({
  title,
  says,
  found,
  of,
  most,
}: {
  title: string;
  /** What its numbers are called, for whoever reads them by program. */
  says: string;
  found: readonly Found[];
  of: (one: Found) => readonly number[];
  most?: number;
}) {
  return (
    <tr>
      <th scope="row" colSpan={5}>
        {title}
      </th>
      {found.flatMap((one) =>
        of(one).map((value, coin) => (
          <td
            key={one.name + names[coin]}
            class={`number ${coin === 0 ? "first" : ""}`}
            data-number={`${says} ${one.name} ${coin}`}
          >
            {most !== undefined && <Bar value={value} most={most} />}
            {threeDigits(value)}
          </td>
        )),
      )}
    </tr>
  );
}

/** The specs of the estimators that are shown: one, or two where some need to know the reward's function. */
function files(): Exported[] {
  const found = answer.value?.content.estimators ?? [];
  const { bandit, known } = coins();
  const on = (subject: "bandit" | "known") => found.some((one) => one.subject === subject);
  const list: Exported[] = [];
  if (on("bandit") || !on("known")) {
    list.push({
      label: "Spec for flipnet audit",
      name: "three-coins.json",
      text: () => `${JSON.stringify(bandit, null, 2)}\n`,
    });
  }
  if (on("known")) {
    list.push({
      label: "Spec with the reward as a function",
      name: "three-coins-function.json",
      text: () => `${JSON.stringify(known, null, 2)}\n`,
    });
  }
  return list;
}

function Page() {
  const now = answer.value;
  const registry = now?.content.registry ?? [];
  const shown = (part: keyof typeof parts) => !hide.value.includes(part);
  const isBiased = now?.content.estimators.some(({ bias, samples }) => (bias ?? 0) > 1e-9 && !samples);
  return (
    <>
      <Notes notes={state.notes} />
      <div
        class="bench"
        id="answers"
        data-asked={now?.question.estimators.join(",")}
        data-state={state.text()}
      >
        <div class="bench-figure">
          <Diagram />
          <Picker registry={registry} />
          {shown("bars") && now !== undefined && <Bars found={now.content.estimators} registry={registry} />}
        </div>
        <Controls />
      </div>
      {failed.value !== "" && <p class="notes">The audit does not run in this browser: {failed.value}</p>}
      {now === undefined ? (
        <p class="small" aria-busy="true">
          Going through all worlds …
        </p>
      ) : (
        shown("table") && (
          <>
            <h2>The eight worlds</h2>
            <Table content={now.content} question={now.question} />
            <p class="small">
              A line is one of the eight ways in which three coins can fall. Bars are credits: right for “lean
              more towards on”, left for less.{" "}
              {isBiased
                ? "Where an estimator's mean is not the exact gradient it is biased: it climbs another hill."
                : "The means are the same, and are the exact gradient: that is what unbiased says. The credits are not, and how much they differ is the variance."}{" "}
              A thin line is what an estimator adds by drawing more than these coins.
            </p>
          </>
        )
      )}
      <Predict
        question="Set the weight from A to 0, so that nobody listens to A. What does A get from HNCA?"
        answers={["As much as from REINFORCE", "Nothing, in every world", "Nothing on average only"]}
        right={1}
      >
        What nobody listens to changed nothing, and HNCA sees that in every single world. REINFORCE's credits
        for A are as large as before: right on average, which is 0, and wrong in every world.
      </Predict>
      <Share state={state} hide={hide} parts={parts} files={files()} figure="#diagram" />
    </>
  );
}

render(<Page />, document.getElementById("app")!);
