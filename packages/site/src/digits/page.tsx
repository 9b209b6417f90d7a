/** A discrete auto-encoder: turn a coin of its code, and see the digit change. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { latest } from "../shared/ask.ts";
import { Notes, Predict, Share, Slider } from "../shared/controls.tsx";
import { DigitPad } from "../shared/digit.tsx";
import { learned, side } from "../shared/digits.ts";
import { percent } from "../shared/numbers.ts";
import { openState } from "../shared/state.ts";
import { configOf, fields, parts } from "./spec.ts";
import type { Answer, Question } from "./training.ts";

const state = openState(fields);
const { seed, coins, epochs, image, flip, turned, drawn, hide } = state.values;

const answer = signal<Answer | undefined>(undefined);
const failed = signal("");
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
worker.addEventListener("error", ({ message }) => {
  failed.value = message || "the training could not be started";
});
const ask = latest<Question, Answer>(worker, (content) => {
  answer.value = content;
});
effect(() =>
  ask({
    seed: seed.value,
    coins: coins.value,
    epochs: epochs.value,
    image: drawn.value.length > 0 ? drawn.value : image.value,
    flip: flip.value,
    turned: turned.value,
  }),
);

/** A digit, the coins that stand for it, and what is drawn from these. */
function CodePicture({ answer: { seen, bits, p, drawn }, name }: { answer: Answer; name: string }) {
  const size = 150;
  const pixel = size / side;
  const columns = Math.ceil(bits.length / 8);
  const pictures = [
    { x: 10, values: seen, title: name },
    { x: 310, values: drawn, title: "drawn again" },
  ];
  return (
    <svg
      class="figure"
      id="code-picture"
      viewBox="0 0 470 196"
      role="img"
      aria-label={`${name}; the coins that stand for it: ${bits.map((bit) => (bit ? "on" : "off")).join(", ")}; and what is drawn from these.`}
    >
      {pictures.map(({ x, values, title }) => (
        <g key={x} transform={`translate(${x} 12)`}>
          <rect class="digit-back" width={size} height={size} />
          {Array.from({ length: side * side }, (_, e) => (
            <rect
              key={e}
              class="ink"
              x={(e % side) * pixel}
              y={Math.floor(e / side) * pixel}
              width={pixel + 0.2}
              height={pixel + 0.2}
              fill-opacity={(values[e] ?? 0).toFixed(3)}
            />
          ))}
          <text class="figure-note middle" x={size / 2} y={size + 22}>
            {title}
          </text>
        </g>
      ))}
      {bits.map((bit, j) => (
        <circle
          key={j}
          class={`code-coin ${bit ? "on" : "off"}`}
          cx={235 + (Math.floor(j / 8) - (columns - 1) / 2) * 26}
          cy={12 + 75 + ((j % 8) - 3.5) * 19}
          r={7.5}
          fill-opacity={bit ? 1 : 0.35 * p[j]}
        />
      ))}
      <text class="figure-note middle" x={235} y={184}>
        its code
      </text>
      <path class="arrow-line" d="M166 87h12m-5 -4l5 4l-5 4M292 87h12m-5 -4l5 4l-5 4" />
    </svg>
  );
}

const flipBit = (values: readonly number[], place: number, length: number): number[] =>
  Array.from({ length }, (_, i) => (i === place ? 1 - (values[i] ?? 0) : (values[i] ?? 0)));

const json = (value: unknown) => `${JSON.stringify(value)}\n`;

function Page() {
  const now = answer.value;
  const shown = (part: keyof typeof parts) => !hide.value.includes(part);
  const isOwn = drawn.value.length > 0;
  return (
    <>
      <Notes notes={state.notes} />
      {failed.value !== "" && <p class="notes">It does not run in this browser: {failed.value}</p>}
      <div class="bench">
        <div class="bench-figure" id="code" data-epochs={now?.epochs}>
          {now !== undefined && (
            <CodePicture answer={now} name={isOwn ? "Your digit" : `Digit ${image.value}`} />
          )}
          <p class="small">
            {isOwn
              ? "This one is yours."
              : image.value < learned
                ? "It has learned from this digit."
                : "It has never seen this digit."}{" "}
            What it draws on the right is made of the coins alone.
          </p>
          {shown("code") && now !== undefined && (
            <fieldset>
              <legend>The code: {now.bits.length} coins. Turn one.</legend>
              <div class="code">
                {now.bits.map((bit, j) => (
                  <button
                    type="button"
                    key={j}
                    class={`coin-button ${bit ? "is-on" : ""} ${turned.value[j] ? "is-turned" : ""}`}
                    aria-pressed={bit === 1}
                    aria-label={`Coin ${j + 1}, ${bit ? "on" : "off"}, on with ${percent(now.p[j])}`}
                    title={`on with ${percent(now.p[j])}`}
                    onClick={() => {
                      turned.value = flipBit(turned.value, j, 32);
                    }}
                  >
                    {bit ? "on" : "off"}
                  </button>
                ))}
              </div>
            </fieldset>
          )}
          <div class="buttons">
            <button
              type="button"
              onClick={() => {
                flip.value += 1;
                turned.value = [];
              }}
            >
              Flip all coins again
            </button>
            <button
              type="button"
              onClick={() => {
                turned.value = [];
              }}
            >
              As they fell
            </button>
          </div>
        </div>
        <div class="controls">
          <Slider
            label="Digit"
            value={image.value}
            range={fields.image}
            step={1}
            show={String}
            hint={`(from ${learned} on: not learned from)`}
            set={(value) => {
              image.value = value;
              drawn.value = [];
              turned.value = [];
            }}
          />
          <Slider
            label="Walks through the digits"
            value={epochs.value}
            range={{ ...fields.epochs, to: 150 }}
            step={5}
            show={String}
            set={(value) => {
              epochs.value = value;
            }}
          />
          <Slider
            label="Coins in the code"
            value={coins.value}
            range={fields.coins}
            step={1}
            show={String}
            set={(value) => {
              coins.value = value;
              turned.value = [];
            }}
          />
          {now !== undefined && now.elbo.length > 0 && (
            <p>
              Evidence lower bound: <b data-number="elbo">{now.elbo.at(-1)!.toFixed(1).replace("-", "−")}</b>{" "}
              nats a digit
            </p>
          )}
          {shown("draw") && (
            <>
              <h2 class="label">A digit of your own</h2>
              <p class="small">With a pointer, Shift rubs out; or with the arrow keys and the space bar.</p>
              <DigitPad
                values={drawn.value}
                set={(values) => {
                  drawn.value = values;
                }}
              />
              <div class="buttons">
                <button
                  type="button"
                  onClick={() => {
                    drawn.value = [];
                  }}
                >
                  Clear
                </button>
                <button
                  type="button"
                  disabled={now === undefined}
                  onClick={() => {
                    drawn.value = now!.seen.map(Math.round);
                  }}
                >
                  Begin with the digit shown
                </button>
              </div>
            </>
          )}
        </div>
      </div>
      <Predict
        question="Some coins change nearly nothing when they are turned. What has the network made of them?"
        answers={["Rare details", "Nothing: it found no use for them", "Noise that helps"]}
        right={1}
      >
        A coin that says something has to be paid for, in nats, by a better picture. Where it does not pay,
        its probability is the same for every digit, and the decoder does not listen to it.
      </Predict>
      <Share
        state={state}
        hide={hide}
        parts={parts}
        files={[
          ...(now === undefined
            ? []
            : [{ label: "Spec for flipnet audit", name: "code.json", text: () => json(now.spec) }]),
          {
            label: "Settings for flipnet train",
            name: "train.json",
            text: () => json(configOf(coins.value, seed.value)),
          },
        ]}
        figure="#code-picture"
      />
    </>
  );
}

render(<Page />, document.getElementById("app")!);
