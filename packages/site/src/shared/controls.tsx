/** Controls that every page has: sliders, choices, notes, and what is shared. */
import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { copyLink, download, svgText } from "./export.ts";
import { signed } from "./numbers.ts";
import type { Field, Range, State } from "./state.ts";

/** A number, moved by hand or by keys. */
export function Slider({
  label,
  value,
  range,
  step = 0.05,
  show = signed,
  set,
  hint,
}: {
  label: string;
  value: number;
  range: Range;
  step?: number;
  show?: (value: number) => string;
  set: (value: number) => void;
  hint?: string;
}) {
  return (
    <label class="slider">
      <span class="slider-label">
        {label}
        {hint && <small> {hint}</small>}
      </span>
      <input
        type="range"
        min={range.from}
        max={range.to}
        step={step}
        value={value}
        aria-valuetext={show(value)}
        onInput={(event) => set(Number(Number(event.currentTarget.value).toFixed(range.digits)))}
      />
      <output>{show(value)}</output>
    </label>
  );
}

/** One of a few, side by side. */
export function Choice<W extends string>({
  label,
  value,
  words,
  set,
}: {
  label: string;
  value: W;
  words: Readonly<Record<W, string>>;
  set: (word: W) => void;
}) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {(Object.entries(words) as [W, string][]).map(([word, text]) => (
        <label key={word}>
          <input type="radio" name={label} value={word} checked={word === value} onChange={() => set(word)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** What of an address could not be used. */
export function Notes({ notes }: { notes: Signal<readonly string[]> }) {
  if (notes.value.length === 0) return null;
  return (
    <div class="notes" role="status">
      {notes.value.map((note) => (
        <p key={note}>{note}</p>
      ))}
      <button type="button" class="plain" onClick={() => (notes.value = [])}>
        Dismiss
      </button>
    </div>
  );
}

/** A question whose answer shows once the reader has said what they expect. */
export function Predict({
  question,
  answers,
  right,
  children,
}: {
  question: string;
  answers: readonly string[];
  /** Place of the right one. */
  right: number;
  /** Why. */
  children: ComponentChildren;
}) {
  const said = useSignal<number | undefined>(undefined);
  return (
    <section class="predict" aria-label={question}>
      <h2 class="label">{question}</h2>
      <div class="buttons">
        {answers.map((answer, place) => (
          <button
            type="button"
            key={answer}
            aria-pressed={said.value === place}
            class={said.value === undefined ? "" : place === right ? "right" : "wrong"}
            onClick={() => (said.value = place)}
          >
            {answer}
          </button>
        ))}
      </div>
      <div aria-live="polite">
        {said.value !== undefined && (
          <p>
            <strong>{said.value === right ? "Yes." : "Not quite."}</strong> {children}
          </p>
        )}
      </div>
    </section>
  );
}

/** A file that the page can write. */
export interface Exported {
  readonly label: string;
  readonly name: string;
  readonly text: () => string;
}

/** For teachers and sharers: the address, what is hidden in it, and files. */
export function Share<P extends string>({
  state,
  hide,
  parts,
  files,
  figure,
}: {
  state: State<Record<string, Field<never>>> | { text: () => string; reset: () => void };
  hide: Signal<readonly P[]>;
  parts: Readonly<Record<P, string>>;
  files: readonly Exported[];
  /** Selects the picture that is written as SVG; absent: there is none. */
  figure?: string;
}) {
  const said = useSignal("");
  const toggle = (part: P) => {
    const now = hide.value;
    hide.value = now.includes(part) ? now.filter((one) => one !== part) : [...now, part];
  };
  return (
    <details class="share">
      <summary>Share, export, and what is hidden</summary>
      <p>The address holds everything on this page: whoever opens it sees the same.</p>
      <fieldset class="checks">
        <legend>Hidden in this address</legend>
        {(Object.entries(parts) as [P, string][]).map(([part, text]) => (
          <label key={part}>
            <input type="checkbox" checked={hide.value.includes(part)} onChange={() => toggle(part)} /> {text}
          </label>
        ))}
      </fieldset>
      <div class="buttons">
        <button
          type="button"
          onClick={async () => {
            said.value = (await copyLink(state.text())) ? "Copied." : "Copy it from the address bar.";
          }}
        >
          Copy the address
        </button>
        {files.map(({ label, name, text }) => (
          <button type="button" key={name} onClick={() => download(name, text())}>
            {label}
          </button>
        ))}
        {figure !== undefined && (
          <button type="button" onClick={() => download("flipnet.svg", svgText(figure), "image/svg+xml")}>
            Picture as SVG
          </button>
        )}
        <button type="button" onClick={() => state.reset()}>
          Back to the start
        </button>
      </div>
      <p role="status">{said.value}</p>
    </details>
  );
}
