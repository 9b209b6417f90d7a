/** What the command line writes with: colours, tables and a progress line. */
import type { WriteStream } from "node:tty";
import pc from "picocolors";
import { oneLine } from "../running/plain-text.ts";

export { wrapped } from "../report/lists.ts";
export { formatSeconds } from "../report/metrics.ts";

/** Whether a stream is a terminal on which what was written can be written over. */
export const canRedraw = (stream: Pick<WriteStream, "isTTY">): boolean =>
  stream.isTTY === true && process.env.TERM !== "dumb";

/** A text that is cut in its middle to so many columns, where it has more. */
export function shortened(text: string, columns: number): string {
  const letters = [...text];
  if (letters.length <= columns) return text;
  const end = Math.floor((columns - 1) / 2);
  return [...letters.slice(0, columns - 1 - end), "…", ...letters.slice(letters.length - end)].join("");
}

/** `1 epoch`, `2 epochs`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** Colours where a terminal shows them; NO_COLOR and FORCE_COLOR decide otherwise. */
export function colorsFor(stream: Pick<WriteStream, "isTTY">): ReturnType<typeof pc.createColors> {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  return pc.createColors(!NO_COLOR && (!!FORCE_COLOR || canRedraw(stream)));
}

/** Rows of cells in columns, each cell on one line; all columns but the first flush right where `numbers` is set. */
export function formatTable(cells: readonly (readonly string[])[], { numbers = false } = {}): string {
  const rows = cells.map((row) => row.map(oneLine));
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (numbers && i > 0 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** A part of a whole as a bar of `width` characters. */
export function formatBar(part: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** Between two lines where there is no terminal, in milliseconds. */
const plainInterval = 10_000;

/**
 * A status that changes: one line that is drawn over on a terminal, one plain line now and then elsewhere.
 */
export class StatusLine {
  readonly #stream: WriteStream;
  readonly #drawn: boolean;
  #lastPlain = performance.now();
  #shown = false;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.#drawn = canRedraw(stream);
  }

  /** Columns to fill, one left free so that nothing wraps. */
  get width(): number {
    return (this.#stream.columns || 80) - 1;
  }

  /** Shows a status: `drawn` on a terminal, `plain` elsewhere if the last one is some seconds ago. */
  update(status: { drawn: (width: number) => string; plain: () => string }): void {
    if (this.#drawn) {
      const text = [...status.drawn(this.width)].slice(0, this.width).join("");
      this.#stream.write(`\r${text}\u001b[K`);
      this.#shown = true;
    } else if (performance.now() - this.#lastPlain >= plainInterval) {
      this.print(status.plain());
    }
  }

  /** A line that stays. */
  print(line: string): void {
    this.clear();
    this.#stream.write(`${line}\n`);
    this.#lastPlain = performance.now();
  }

  /** Takes the status away. */
  clear(): void {
    if (this.#shown) this.#stream.write("\r\u001b[K");
    this.#shown = false;
  }
}
