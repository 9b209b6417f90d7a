import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Board } from "../../src/commands/board.ts";
import type { Job, RunProgress } from "../../src/running/pool.ts";
import { parseConfig } from "../../src/settings/config.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());
afterEach(() => vi.unstubAllEnvs());

const label = "hnca, learningRate 0.001, batchSize 50, hidden 200,200, units plus-minus, seed";
const jobsOf = (task: string): Job[] =>
  [1, 2].map((seed) => ({ label: `${label} ${seed}`, config: parseConfig({ task, seed }) }));
const progress = (metrics: Record<string, number>): RunProgress => ({
  type: "progress",
  ...{ epoch: 37, epochs: 100, step: 3, stepsPerEpoch: 10, evaluating: false },
  ...{ metrics, stepsPerSecond: 1234, secondsLeft: 59 },
});

/** What a board writes about a run on a stream. */
function written(
  properties: Partial<WriteStream>,
  metrics = { onlineAccuracy: 0.913 } as Record<string, number>,
  jobs = jobsOf("bandit"),
) {
  let text = "";
  const write = (more: string) => {
    text += more;
    return true;
  };
  const board = new Board({ ...properties, write } as unknown as WriteStream, jobs);
  for (const job of jobs) board.start(job);
  for (const job of jobs) {
    vi.advanceTimersByTime(20_000);
    board.message(job, progress(metrics));
  }
  const running = text;
  text = "";
  const summary = { type: "summary", runId: "1", folder: "f", epochs: 1, msPerStep: 1, ...metrics };
  board.end({
    job: jobs[0],
    status: "done",
    records: [],
    summary: { ...summary, gradientVariance: null, logGradientVariance: null } as never,
  });
  return { running, ended: stripVTControlCharacters(text).split("\n")[0] };
}

describe("a board", () => {
  it.each([40, 60, 80, 120, 300])(
    "fits on %i columns, with a part of the label and the numbers",
    (columns) => {
      const lines = stripVTControlCharacters(written({ isTTY: true, columns, rows: 24 }).running)
        .split("\n")
        .filter((line) => line !== "");
      for (const line of lines) expect([...line].length, line).toBeLessThan(columns);
      const [one, two] = lines.slice(-2);
      expect(one).toMatch(/^hnca.*1 +epoch {2}37\/100/);
      expect(two).toMatch(/^hnca.*2 +epoch {2}37\/100/);
      if (columns >= 60) expect(one).toContain("online 91.3 %");
      if (columns >= 120) expect(one).toMatch(/left {2}1234 steps\/s/);
      expect(one.includes("█")).toBe(columns > 200);
    },
  );

  it("has no bar where a label is cut", () => {
    const { running } = written({ isTTY: true, columns: 100, rows: 24 });
    expect(running).toMatch(/….*seed 1.*starting/);
    expect(running).not.toMatch(/[█░]/);
  });

  it("says all of a run that has ended", () => {
    const { ended } = written({ isTTY: true, columns: 60, rows: 24 });
    expect(ended).toMatch(/^hnca.*seed 1 {2}1 epoch {2}online 91\.3 % {2}in /);
  });

  it("tells the reward", () => {
    const { running, ended } = written({ isTTY: false }, { onlineReward: 0.25 }, jobsOf("multiplexer"));
    expect(running).toContain("  reward 0.250  ");
    expect(ended).toContain("  reward 0.250");
  });

  it("moves nothing on a terminal that cannot", () => {
    vi.stubEnv("TERM", "dumb");
    const { running } = written({ isTTY: true, columns: 80 });
    expect(running).toBe(stripVTControlCharacters(running));
  });
});
