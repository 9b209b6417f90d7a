/** A discrete auto-encoder: turn a coin of its code, and see the digit change. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { latest } from "../shared/ask.ts";
import { Notes, Predict, Share, Slider } from "../shared/controls.tsx";
import { DigitPad, DigitPicture } from "../shared/digit.tsx";
import { learned } from "../shared/digits.ts";
import { percent } from "../shared/numbers.ts";
import { openState } from "../shared/state.ts";
import { fields, parts } from "./spec.ts";
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

const flipBit = (values: readonly number[], place: number, length: number): number[] =>
  Array.from({ length }, (_, i) => (i === place ? 1 - (values[i] ?? 0) : (values[i] ?? 0)));

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
          <div class="digits">
            <figure>
              <DigitPicture values={now?.seen ?? []} label={isOwn ? "Your digit" : `Digit ${image.value}`} />
              <figcaption class="small">
                {isOwn
                  ? "yours"
                  : image.value < learned
                    ? "it has learned from this"
                    : "it has never seen this"}
              </figcaption>
            </figure>
            <span aria-hidden="true" class="to">
              →
            </span>
            <figure>
              <DigitPicture values={now?.drawn ?? []} label="What the decoder draws from the coins" />
              <figcaption class="small">drawn from the coins alone</figcaption>
            </figure>
          </div>
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
              Evidence lower bound: <b data-number="elbo">{now.elbo.at(-1)!.toFixed(1)}</b> nats a digit
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
      <Share state={state} hide={hide} parts={parts} files={[]} />
    </>
  );
}

render(<Page />, document.getElementById("app")!);
