import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Job, type PoolOptions, runPool } from "../../src/running/pool.ts";
import type { Config } from "../../src/settings/config.ts";

const program = fileURLToPath(new URL("fake-run.mjs", import.meta.url));
const jobsThat = (...behaviours: string[]): Job[] =>
  behaviours.map((label) => ({ label, config: { out: label } as Config }));
const run = (behaviours: string[], options: Partial<PoolOptions> = {}) =>
  runPool(jobsThat(...behaviours), { program, ...options });

describe("a pool of runs", () => {
  it("collects records, progress and summary of each", async () => {
    const heard: string[] = [];
    const [result] = await run(["succeed"], { onMessage: (_, { type }) => heard.push(type) });
    expect(result).toMatchObject({ status: "done", exitCode: 0, summary: { folder: "runs/1" } });
    expect(result.records.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(heard.sort()).toEqual(["epoch", "epoch", "progress", "summary"]);
  });

  it("goes on after runs that fail, and says why they did", async () => {
    const results = await run(["fail", "crash", "say-nothing", "succeed"], { workers: 2 });
    expect(results.map(({ job, status, error }) => [job.label, status, error])).toEqual([
      ["fail", "failed", "the disk is full"],
      ["crash", "failed", "it was ended by SIGKILL"],
      ["say-nothing", "failed", "it ended with exit code 0"],
      ["succeed", "done", undefined],
    ]);
    expect(results[0].records).toHaveLength(1);
  });

  it("runs no more at a time than it has workers, in order", async () => {
    const events: string[] = [];
    await run(["succeed", "fail", "succeed"], {
      workers: 1,
      onStart: ({ label }) => events.push(`start ${label}`),
      onEnd: ({ job }) => events.push(`end ${job.label}`),
    });
    expect(events).toEqual(
      ["succeed", "fail", "succeed"].flatMap((label) => [`start ${label}`, `end ${label}`]),
    );
  });

  it("leaves each run the cores that its threads take", async () => {
    const started: string[] = [];
    const jobs = jobsThat("succeed", "succeed").map((job) => ({
      ...job,
      config: { ...job.config, threads: availableParallelism() },
    }));
    await runPool(jobs, {
      program,
      onStart: () => started.push("start"),
      onEnd: () => started.push("end"),
    });
    expect(started).toEqual(["start", "end", "start", "end"]);
  });

  it("stops its runs when told to, waits for them, and starts no more", async () => {
    const stop = new AbortController();
    let ready = 0;
    const results = await run(["wait", "wait", "succeed"], {
      workers: 2,
      signal: stop.signal,
      onMessage: (_, { type }) => {
        if (type === "progress" && ++ready === 2) stop.abort();
      },
    });
    expect(results.map(({ status, exitCode }) => [status, exitCode])).toEqual([
      ["interrupted", 130],
      ["interrupted", 130],
      ["interrupted", undefined],
    ]);
    expect(results[0].records).toHaveLength(1);
  });

  it("reports a program that does not exist", async () => {
    const [result] = await runPool(jobsThat("succeed"), { program: "/nowhere/main.js" });
    expect(result.status).toBe("failed");
    expect(result.error).toBeTruthy();
  });

  it("has nothing to do without jobs", async () => {
    expect(await run([])).toEqual([]);
  });
});
