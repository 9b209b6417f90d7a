/** What is drawn pixel by pixel, in the colours of the style sheet. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { themed } from "./themed.ts";

/** Red, green and blue of each name, 0 to 255. */
export function colorsOf({ canvas }: CanvasRenderingContext2D, names: readonly string[]): number[][] {
  return names.map((name) => {
    // As an element has it: that a colour differs by theme is for the style sheet to say.
    canvas.style.color = `var(${name})`;
    return (getComputedStyle(canvas).color.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  });
}

/** Draws after every rendering, and when the theme changes. */
export function useDrawing(
  ref: RefObject<HTMLCanvasElement | null>,
  draw: (context: CanvasRenderingContext2D) => void,
  inputs?: readonly unknown[],
): void {
  useEffect(() => {
    const again = () => {
      const context = ref.current?.getContext("2d");
      if (context) draw(context);
    };
    again();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener(themed, again);
    dark.addEventListener("change", again);
    return () => {
      removeEventListener(themed, again);
      dark.removeEventListener("change", again);
    };
  }, inputs as unknown[]);
}
