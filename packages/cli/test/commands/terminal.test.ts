import type { WriteStream } from "node:tty";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatBar, formatSeconds, formatTable, StatusLine } from "../../src/commands/terminal.ts";

/** Keeps what is written. */
function stream(properties: Partial<WriteStream>) {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  return { written, stream: { ...properties, write } as unknown as WriteStream };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

describe("a status line", () => {
  const status = (text: string) => ({ drawn: () => text, plain: () => `plain ${text}` });

  it("is drawn over on a terminal, and never wider than it", () => {
    const { written, stream: terminal } = stream({ isTTY: true, columns: 11 });
    const line = new StatusLine(terminal);
    line.update({ drawn: (width) => "=".repeat(width), plain: () => "" });
    line.update(status("much too long a line"));
    line.print("a line that stays");
    line.clear();
    expect(written).toEqual([
      "\r==========\u001b[K",
      "\rmuch too l\u001b[K",
      "\r\u001b[K",
      "a line that stays\n",
    ]);
  });

  it("is a plain line now and then elsewhere", () => {
    const { written, stream: file } = stream({ isTTY: false });
    const line = new StatusLine(file);
    for (let second = 0; second <= 25; second++) {
      line.update(status(`${second} s`));
      vi.advanceTimersByTime(1000);
    }
    line.clear();
    expect(written).toEqual(["plain 10 s\n", "plain 20 s\n"]);
  });
});

it.each([
  [0.4, "0 s"],
  [59.4, "59 s"],
  [59.6, "1 min 00 s"],
  [605, "10 min 05 s"],
  [3 * 3600 + 61, "3 h 01 min"],
])("%f seconds are %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

it.each([
  [-1, "░░░░"],
  [0.5, "██░░"],
  [2, "████"],
])("%f of a bar is %s", (part, text) => expect(formatBar(part, 4)).toBe(text));

it("a table has columns, of words or of numbers", () => {
  const rows = [
    ["name", "n"],
    ["a", "10"],
  ];
  expect(formatTable(rows)).toBe("name  n\na     10\n");
  expect(formatTable(rows, { numbers: true })).toBe("name   n\na     10\n");
});
