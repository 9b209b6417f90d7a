// What results/ holds, and what is made of it.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const out = mkdtempSync(join(tmpdir(), "flipnet-results-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const run = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

it("a report's run folders can be made again from it, and drawn to the same numbers", async () => {
  await run("scripts/restore-runs.mjs", "control-best", "--out", out);
  const report = join(out, "report");
  await run("packages/cli/bin/flipnet.js", "reproduce", "control-best", "--draw", "--out", out, "-o", report);
  const [restored, kept] = [report, join(root, "results/control-best")].map((folder) =>
    JSON.parse(readFileSync(join(folder, "results.json"), "utf8")),
  );
  type Row = { metrics: Record<string, { mean: number; low: number; high: number }> };
  const numbers = ({ table }: { table: Row[] }) =>
    table.flatMap(({ metrics }) =>
      Object.values(metrics).flatMap(({ mean, low, high }) => [mean, low, high]),
    );
  const [ours, theirs] = [restored, kept].map(numbers);
  expect(ours.length).toBe(theirs.length);
  for (const [i, number] of ours.entries()) {
    // Six digits a record: half a unit of the last is 5e-6 of the number at most.
    expect(Math.abs(number - theirs[i])).toBeLessThanOrEqual(1e-5 * Math.abs(theirs[i]));
  }
  expect(restored.begun).toBe(kept.begun);
  expect(restored.ended).toBe(kept.ended);
});
