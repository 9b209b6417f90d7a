/** A small digit: looked at, or drawn by pointer and by keys. */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { colorsOf, useDrawing } from "./canvas.ts";
import { side } from "./digits.ts";

export { side };

/** Values from 0 to 1 as pixels from paper to ink; with `signs`, from -1 to 1, orange for less and blue for more. */
export function DigitPicture({
  values,
  label,
  signs = false,
}: {
  values: ArrayLike<number>;
  label: string;
  signs?: boolean;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  usePixels(canvas, values, signs);
  return <canvas ref={canvas} class="digit" width={side} height={side} role="img" aria-label={label} />;
}

function usePixels(canvas: RefObject<HTMLCanvasElement | null>, values: ArrayLike<number>, signs = false) {
  useDrawing(canvas, (context) => {
    const [paper, ink, more, less] = colorsOf(context, ["--raised", "--ink", "--more", "--less"]);
    const pixels = context.createImageData(side, side);
    for (let e = 0; e < side * side; e++) {
      const value = values[e] ?? 0;
      const to = signs ? (value > 0 ? more : less) : ink;
      for (let c = 0; c < 3; c++) pixels.data[4 * e + c] = paper[c] + Math.abs(value) * (to[c] - paper[c]);
      pixels.data[4 * e + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  });
}

/** One pixel set to that. */
const withPixel = (values: readonly number[], place: number, value: number): number[] =>
  Array.from({ length: side * side }, (_, e) => (e === place ? value : (values[e] ?? 0)));

/** Where a digit is drawn: with a pointer, Shift rubbing out; or with arrow keys and the space bar. */
export function DigitPad({
  values,
  set,
}: {
  values: readonly number[];
  set: (values: readonly number[]) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const cursor = useSignal(side * (side / 2) + side / 2);
  const focused = useSignal(false);
  usePixels(canvas, values);
  const touch = (event: PointerEvent) => {
    if (event.buttons === 0) return;
    event.preventDefault();
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    const column = Math.floor(((event.clientX - left) / width) * side);
    const line = Math.floor(((event.clientY - top) / height) * side);
    if (column < 0 || column >= side || line < 0 || line >= side) return;
    const value = event.shiftKey ? 0 : 1;
    let next = values;
    // A pen as wide as those of the digits: two pixels.
    for (const [x, y] of [
      [column, line],
      [Math.min(side - 1, column + 1), line],
      [column, Math.min(side - 1, line + 1)],
    ])
      next = withPixel(next, y * side + x, value);
    cursor.value = line * side + column;
    set(next);
  };
  const key = (event: KeyboardEvent) => {
    const at = cursor.value;
    const [x, y] = [at % side, Math.floor(at / side)];
    const moved: Record<string, number> = {
      ArrowLeft: y * side + Math.max(0, x - 1),
      ArrowRight: y * side + Math.min(side - 1, x + 1),
      ArrowUp: Math.max(0, y - 1) * side + x,
      ArrowDown: Math.min(side - 1, y + 1) * side + x,
    };
    if (event.key === " ") set(withPixel(values, at, 1 - (values[at] ?? 0)));
    else if (event.key in moved) {
      cursor.value = moved[event.key];
      if (event.shiftKey) set(withPixel(values, cursor.value, 1));
    } else return;
    event.preventDefault();
  };
  const at = cursor.value;
  return (
    <div
      class="pad"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is drawn on by keys as well
      tabIndex={0}
      aria-label={`A pad of ${side} by ${side} pixels. Arrow keys move, with Shift they draw; the space bar turns the pixel in row ${Math.floor(at / side) + 1}, column ${(at % side) + 1}, which is ${values[at] ? "on" : "off"}.`}
      onPointerDown={touch}
      onPointerMove={touch}
      onKeyDown={key}
      onFocus={() => {
        focused.value = true;
      }}
      onBlur={() => {
        focused.value = false;
      }}
    >
      <canvas ref={canvas} class="digit" width={side} height={side} />
      {focused.value && (
        <svg viewBox={`0 0 ${side} ${side}`} aria-hidden="true">
          <rect class="pad-cursor" x={at % side} y={Math.floor(at / side)} width={1} height={1} />
        </svg>
      )}
    </div>
  );
}
