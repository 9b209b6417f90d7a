/** One coin: what it did, what it earned, and what two rules make of that. */
import { computed, effect, signal } from "@preact/signals";
import { scaleLinear } from "d3-scale";
import { deriveKey, newKey, uniformAt } from "flipnet/internal/random/threefry";
import { render } from "preact";
import type { Answer, Question } from "../audit/question.ts";
import { latest } from "../shared/ask.ts";
import { Notes, Predict, Share, Slider } from "../shared/controls.tsx";
import { Arrow, Coin } from "../shared/figures.tsx";
import { percent, sigmoid, threeDigits } from "../shared/numbers.ts";
import { openState } from "../shared/state.ts";
import { coinOf, fields, parts } from "./spec.ts";

const state = openState(fields);
const { lean, weight, seed, step, hide } = state.values;
const coins = () => coinOf(lean.value, weight.value);

const answer = signal<{ question: Question; content: Answer } | undefined>(undefined);
const worker = new Worker(new URL("../audit/worker.ts", import.meta.url), { type: "module" });
const ask = latest<Question, Answer>(worker, (content, question) => {
  answer.value = { question, content };
});
effect(() => ask({ ...coins(), estimators: ["reinforce", "hnca"] }));

const key = newKey();

/** What both coins did in a flip: a function of seed and step, so there is a way back. */
function flip(at: number): { coin: boolean; follower: boolean } {
  deriveKey(seed.value, "draws", at, key);
  const coin = uniformAt(key, 0) < sigmoid(lean.value);
  const follower = uniformAt(key, 1) < sigmoid(-weight.value / 2 + (coin ? weight.value : 0));
  return { coin, follower };
}

/** What a rule credits the coin with, in the world where both did this. */
const creditOf = (rule: "reinforce" | "hnca", coin: boolean, follower: boolean): number | undefined =>
  answer.value?.content.estimators
    .find(({ name }) => name === rule)
    ?.worlds?.find(({ bits }) => (bits[0][0] === 1) === coin && (bits[1][0] === 1) === follower)
    ?.credit[0][0];

/** The last flips, the newest last: more dots would be a blur. */
const history = computed(() => {
  const first = Math.max(1, step.value - 199);
  return Array.from({ length: step.value - first + 1 }, (_, i) => flip(first + i));
});

const rules = [
  { name: "reinforce", title: "REINFORCE" },
  { name: "hnca", title: "HNCA" },
] as const;

/** A credit may lead beyond what a probability can be: it says which way and how much, not how far to go. */
const x = scaleLinear([-0.8, 1.8], [14, 426]);

function Figure() {
  const p = sigmoid(lean.value);
  const now = step.value === 0 ? undefined : flip(step.value);
  const r = now === undefined ? undefined : now.follower ? 1 : -1;
  const strength = Math.abs(weight.value);
  return (
    <svg class="figure" id="coin" viewBox="0 0 440 312" role="img" aria-label={describe()}>
      {now !== undefined && <Coin x={46} y={52} r={22} on={!now.coin} ghost label="or else" />}
      <line
        class={weight.value < 0 ? "edge less" : "edge more"}
        x1={158}
        x2={224}
        y1={52}
        y2={52}
        stroke-width={1 + 1.8 * strength}
      />
      {strength < 0.05 && (
        <text class="figure-note middle" x={191} y={40}>
          deaf
        </text>
      )}
      <Coin x={124} y={52} r={30} on={now?.coin} label="the coin" />
      <Coin x={258} y={52} r={30} on={now?.follower} label="the listener" />
      <text class={`reward ${r === undefined ? "" : r > 0 ? "more" : "less"}`} x={366} y={52}>
        {r === undefined ? "" : r > 0 ? "reward +1" : "reward −1"}
      </text>

      <rect class="track" x={x(0)} y={206} width={x(1) - x(0)} height={18} rx={4} />
      <rect class="filled" x={x(0)} y={206} width={x(p) - x(0)} height={18} rx={4} />
      <text class="figure-note end" x={x(0) - 8} y={220}>
        never on
      </text>
      <text class="figure-note" x={x(1) + 8} y={220}>
        always on
      </text>
      <line class="mark" x1={x(p)} x2={x(p)} y1={168} y2={262} />
      {now !== undefined &&
        rules.map(({ name, title }, i) => {
          const y = i === 0 ? 188 : 242;
          const credit = creditOf(name, now.coin, now.follower);
          const other = creditOf(name, !now.coin, now.follower);
          if (credit === undefined || other === undefined) return null;
          return (
            <g key={name}>
              {Math.abs(other - credit) > 1e-9 && (
                <Arrow from={x(p)} to={x(p + other)} y={y} className={`ghost method-${i}`} />
              )}
              <Arrow from={x(p)} to={x(p + credit)} y={y} className={`method-${i}`} />
              <text class={`arrow-name middle method-${i}`} x={x(p)} y={i === 0 ? 158 : 282}>
                {title}: {threeDigits(credit)}
              </text>
            </g>
          );
        })}
    </svg>
  );
}

function describe(): string {
  if (step.value === 0)
    return `A coin that comes up on with ${percent(sigmoid(lean.value))}. It has not been flipped.`;
  const { coin, follower } = flip(step.value);
  const said = rules.map(
    ({ name, title }) => `${title} ${threeDigits(creditOf(name, coin, follower) ?? Number.NaN)}`,
  );
  return `The coin is ${coin ? "on" : "off"}, the one that listens is ${follower ? "on" : "off"}, the reward is ${follower ? 1 : -1}. Credit: ${said.join(", ")}.`;
}

/** Every credit so far as a dot, their mean as a line, and where the mean has to go. */
function History() {
  const content = answer.value?.content;
  if (content === undefined) return null;
  const scale = scaleLinear([-1, 1], [14, 426]);
  const truth = content.exact[0];
  return (
    <svg class="figure" viewBox="0 0 440 190" role="img" aria-label="All credits so far, and their means">
      <line class="mark" x1={scale(truth)} x2={scale(truth)} y1={24} y2={162} />
      <text class="figure-note middle" x={Math.max(90, Math.min(350, scale(truth)))} y={180}>
        exact gradient {threeDigits(truth)}
      </text>
      {rules.map(({ name, title }, i) => {
        const credits = history.value
          .map(({ coin, follower }) => creditOf(name, coin, follower))
          .filter((credit) => credit !== undefined);
        const mean = credits.reduce((sum, credit) => sum + credit, 0) / Math.max(1, credits.length);
        const y = 58 + 70 * i;
        return (
          <g key={name} class={`method-${i}`}>
            <text class={`arrow-name method-${i}`} x={14} y={y - 22}>
              {title}
            </text>
            <line class="axis" x1={14} x2={426} y1={y} y2={y} />
            {credits.map((credit, k) => (
              <circle
                key={k}
                class="dot"
                cx={scale(credit)}
                cy={y + (((k * 0.618034) % 1) - 0.5) * 28}
                r={2.5}
              />
            ))}
            {credits.length > 0 && (
              <path class="mean" d={`M${scale(mean)} ${y - 18}l-5 -8h10zM${scale(mean)} ${y + 18}v-36`} />
            )}
          </g>
        );
      })}
    </svg>
  );
}

function Numbers() {
  const content = answer.value?.content;
  if (content === undefined) return null;
  return (
    <table class="measure">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col" class="number">
            Mean credit
          </th>
          <th scope="col" class="number">
            Variance
          </th>
        </tr>
      </thead>
      <tbody>
        {content.estimators.map(({ name, mean, variance }, i) => (
          <tr key={name} class={`method-${i}`}>
            <th scope="row">{rules[i].title}</th>
            <td class="number" data-number={`mean ${name} 0`}>
              {threeDigits(mean![0])}
            </td>
            <td class="number" data-number={`coin-variance ${name} 0`}>
              {threeDigits(variance![0])}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const go = (by: number) => {
  step.value = Math.max(0, Math.min(fields.step.to, step.value + by));
};

function Page() {
  const shown = (part: keyof typeof parts) => !hide.value.includes(part);
  return (
    <>
      <Notes notes={state.notes} />
      <div class="bench">
        <div class="bench-figure">
          <Figure />
          <div class="buttons">
            <button type="button" disabled={step.value === 0} onClick={() => go(-1)}>
              ← Back
            </button>
            <button type="button" class="primary" onClick={() => go(1)}>
              Flip
            </button>
            <button type="button" onClick={() => go(50)}>
              Flip 50 times
            </button>
            <span class="small" id="step">
              flip {step.value}
            </span>
          </div>
          {shown("history") && (
            <figure>
              <History />
              <figcaption class="small">
                Every flip so far is a dot. Both means go to the same place, the exact gradient; one takes its
                time.
              </figcaption>
            </figure>
          )}
        </div>
        <div class="controls">
          <Slider
            label="How likely is on"
            value={lean.value}
            range={fields.lean}
            show={(l) => percent(sigmoid(l))}
            set={(value) => (lean.value = value)}
          />
          <Slider
            label="How much the other listens"
            value={weight.value}
            range={fields.weight}
            set={(value) => (weight.value = value)}
          />
          {shown("numbers") && <Numbers />}
        </div>
      </div>
      <Predict
        question="Set the listening to 0. Whose arrow disappears?"
        answers={["REINFORCE's", "HNCA's", "Both"]}
        right={1}
      >
        Nobody listens, so the coin changed nothing. HNCA asks what would have been likely had the coin come
        up otherwise: just the same, so there is no credit. REINFORCE cannot see that: it praises or blames
        whatever the coin did.
      </Predict>
      <Share
        state={state}
        hide={hide}
        parts={parts}
        files={[
          {
            label: "Spec for flipnet audit",
            name: "one-coin.json",
            text: () => `${JSON.stringify(coins().bandit, null, 2)}\n`,
          },
        ]}
        figure="#coin"
      />
    </>
  );
}

render(<Page />, document.getElementById("app")!);
