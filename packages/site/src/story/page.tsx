/** Three stories, a live figure each. */
import { effect, type Signal, signal } from "@preact/signals";
import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { deriveKey, newKey, uniformAt } from "flipnet/internal/random/threefry";
import { render } from "preact";
import { latest } from "../shared/ask.ts";
import { Notes, Predict, Slider } from "../shared/controls.tsx";
import { percent, sigmoid, threeDigits } from "../shared/numbers.ts";
import { openState } from "../shared/state.ts";
import { coinsAt, fields, weights } from "./spec.ts";
import type { Sweep, Swept } from "./worker.ts";

const state = openState(fields);
const { lean, draws, listens, hears } = state.values;

const key = deriveKey(1, "draws", 1, newKey());
/** The logit from which on a draw comes up on. */
const edgeOf = (draw: number) => {
  const u = uniformAt(key, draw) || 1e-6;
  return Math.log(u / (1 - u));
};

/** One coin as a function of its leaning: every draw is a step, and their mean a hill. */
function Stairs() {
  const x = scaleLinear([-4, 4], [40, 424]);
  const y = scaleLinear([0, 1], [190, 30]);
  const edges = Array.from({ length: draws.value }, (_, draw) => edgeOf(draw)).sort((a, b) => a - b);
  const part = (l: number) => edges.filter((edge) => edge < l).length / edges.length;
  const inside = edges.filter((edge) => Math.abs(edge) < 4);
  const stairs = [
    `M${x(-4)} ${y(part(-4))}`,
    ...inside.map((edge) => `H${x(edge)}V${y(part(edge + 1e-9))}`),
    `H${x(4)}`,
  ].join("");
  const places = Array.from({ length: 81 }, (_, i) => i / 10 - 4);
  const l = lean.value;
  const p = sigmoid(l);
  const slope = p * (1 - p);
  const tangent = (at: number) => `${x(l + at)},${y(p + slope * at)}`;
  return (
    <svg
      class="figure"
      viewBox="0 0 440 232"
      role="img"
      aria-label={`At the leaning ${l} the mean is ${percent(p)} and its slope ${threeDigits(slope)}; of ${draws.value} draws the slope is 0.`}
    >
      {[0, 0.5, 1].map((tick) => (
        <g key={tick}>
          <line class="axis" x1={40} x2={424} y1={y(tick)} y2={y(tick)} />
          <text class="figure-note end" x={34} y={y(tick) + 5}>
            {tick === 0 ? "off" : tick === 1 ? "on" : ""}
          </text>
        </g>
      ))}
      <path
        class="curve method-1"
        d={
          line<number>()
            .x(x)
            .y((at) => y(sigmoid(at)))(places) ?? ""
        }
      />
      <polyline class="tangent" points={`${tangent(-1.4)} ${tangent(1.4)}`} />
      <path class="stairs" d={stairs} />
      <line class="mark" x1={x(l)} x2={x(l)} y1={24} y2={196} />
      <text class="curve-name method-1" x={44} y={50}>
        – – mean of all draws
      </text>
      <text class="curve-name method-0" x={44} y={70}>
        — {draws.value === 1 ? "this draw" : `mean of ${draws.value} draws`}
      </text>
      <text class="curve-name" x={44} y={90}>
        - - slope at the leaning
      </text>
      <text class="figure-note" x={40} y={218}>
        leans to off
      </text>
      <text class="figure-note end" x={424} y={218}>
        leans to on
      </text>
    </svg>
  );
}

/** What both figures of curves need, audited once. */
const estimators = ["reinforce", "hnca", "straight-through", "weight-max"];
const titles = ["REINFORCE", "HNCA", "Straight-through", "Weight Maximization"];
const swept = signal<Swept | undefined>(undefined);
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const ask = latest<Sweep, Swept>(worker, (found) => {
  swept.value = found;
});
effect(() => ask({ coins: weights.map(coinsAt), estimators }));

/** The exact number at one of the weights. */
const at = (values: readonly number[], weight: number): number => values[weights.indexOf(weight)];

/** A measure of some estimators by how much C listens to A. */
function Curves({
  measure,
  shown,
  weight,
  title,
}: {
  measure: keyof Swept;
  shown: readonly number[];
  weight: Signal<number>;
  title: string;
}) {
  const rows = swept.value?.[measure];
  if (rows === undefined) return <p class="small">Going through all worlds …</p>;
  const x = scaleLinear([-6, 6], [52, 424]);
  const most = Math.max(...shown.map((place) => Math.max(...rows[place])));
  const y = scaleLinear([0, most], [190, 44]).nice();
  return (
    <>
      <svg
        class="figure"
        viewBox="0 0 440 232"
        role="img"
        aria-label={`${title} at the weight ${weight.value}: ${shown.map((place) => `${titles[place]} ${threeDigits(at(rows[place], weight.value))}`).join(", ")}`}
      >
        <text class="figure-note" x={10} y={22}>
          {title}
        </text>
        {y.ticks(4).map((tick) => (
          <g key={tick}>
            <line class="axis" x1={52} x2={424} y1={y(tick)} y2={y(tick)} />
            <text class="figure-note end" x={46} y={y(tick) + 5}>
              {tick}
            </text>
          </g>
        ))}
        {x.ticks(7).map((tick) => (
          <text key={tick} class="figure-note middle" x={x(tick)} y={210}>
            {String(tick).replace("-", "−")}
          </text>
        ))}
        <text class="figure-note middle" x={238} y={228}>
          how much C listens to A
        </text>
        <line class="mark" x1={x(weight.value)} x2={x(weight.value)} y1={36} y2={196} />
        {shown.map((place) => (
          <g key={place} class={`method-${place}`}>
            <path
              class={`curve method-${place} solid`}
              d={
                line<number>()
                  .x((value) => x(value))
                  .y((value) => y(at(rows[place], value)))([...weights]) ?? ""
              }
            />
            <circle class="spot" cx={x(weight.value)} cy={y(at(rows[place], weight.value))} r={5} />
            <text class={`curve-name end method-${place}`} x={424} y={y(at(rows[place], 6)) - 7}>
              {titles[place]}
            </text>
          </g>
        ))}
      </svg>
      <Slider
        label="C listens to A"
        value={weight.value}
        range={fields.listens}
        step={0.5}
        set={(value) => {
          weight.value = value;
        }}
      />
      <table class="measure">
        <tbody>
          {shown.map((place) => (
            <tr key={place} class={`method-${place}`}>
              <th scope="row">{titles[place]}</th>
              <td class="number" data-number={`${measure} ${estimators[place]}`}>
                {threeDigits(at(rows[place], weight.value) < 1e-9 ? 0 : at(rows[place], weight.value))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const First = () => (
  <>
    <Notes notes={state.notes} />
    <Stairs />
    <Slider
      label="The coin's leaning"
      value={lean.value}
      range={fields.lean}
      set={(value) => {
        lean.value = value;
      }}
    />
    <div class="buttons">
      {[1, 10, 100, 500].map((n) => (
        <button
          type="button"
          key={n}
          aria-pressed={draws.value === n}
          onClick={() => {
            draws.value = n;
          }}
        >
          {n === 1 ? "one draw" : `${n} draws`}
        </button>
      ))}
    </div>
    <Predict
      question="The coin came up off. Its leaning is raised by a hair, and the same draw is used again. What happens?"
      answers={["It is a little more on", "Almost always nothing", "It comes up on"]}
      right={1}
    >
      A step is flat but for one place. What a program would compute as the slope of this coin is 0, and
      backpropagation multiplies by it: nothing below the coin learns anything.
    </Predict>
  </>
);

const Second = () => (
  <>
    <Curves measure="variance" shown={[0, 1]} weight={listens} title="Variance of the gradient" />
    <Predict
      question="Where nobody listens to A at all, which rule still has a variance because of A?"
      answers={["REINFORCE", "HNCA", "Neither"]}
      right={0}
    >
      REINFORCE credits A with a reward that A had no part in. HNCA's messages say “just as likely, either
      way”, and the credit is 0. What is left of HNCA's variance there is B's and C's.
    </Predict>
  </>
);

const Third = () => (
  <>
    <Curves measure="bias" shown={[1, 2, 3]} weight={hears} title="Bias" />
    <Predict
      question="Both biased rules have little bias where the weight is small. Why?"
      answers={[
        "The coins are nearly independent",
        "A hill is straight if one takes a short step",
        "They are unbiased for small rewards",
      ]}
      right={1}
    >
      Both put a slope in the place of the difference that a flip makes. For a small weight the flip is a
      short step along C's sigmoid, and a slope times a short step is nearly the difference. For a large one
      the hill bends in between.
    </Predict>
  </>
);

for (const [id, Story] of Object.entries({ "story-1": First, "story-2": Second, "story-3": Third }))
  render(<Story />, document.getElementById(id)!);
