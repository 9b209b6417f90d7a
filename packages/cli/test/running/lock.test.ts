import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { RunError } from "flipnet/internal/formats/errors";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { lockFolder } from "../../src/running/lock.ts";

// So that a file system without hard links can be had.
const links = vi.hoisted(() => ({ possible: true }));
vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return {
    ...actual,
    link: (from: string, to: string) =>
      links.possible ? actual.link(from, to) : Promise.reject(Object.assign(new Error(), { code: "EPERM" })),
  };
});

const root = mkdtempSync(join(tmpdir(), "flipnet-lock-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "lock-"));
});
afterEach(() => {
  links.possible = true;
});

/** A lock that somebody else left so many seconds ago. */
function leave(holder: object, secondsAgo = 0, name = "lock") {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ pid: 1, host: hostname(), beats: true, id: "other", ...holder }));
  const time = Date.now() / 1000 - secondsAgo;
  utimesSync(path, time, time);
}

const elsewhere = [
  ["in other containers of one host", { world: "another boot or namespace" }],
  ["on another host", { host: "elsewhere" }],
] as const;

it.each(elsewhere)("of a process %s holds while it beats", async (_, holder) => {
  // The number is that of no process here.
  leave({ ...holder, pid: 2 ** 30 }, 30);
  await expect(lockFolder(folder)).rejects.toThrow(
    /^another process is writing this run \(process 1073741824 on /,
  );
});

it.each(elsewhere)("of a process %s is taken over when it no longer beats", async (_, holder) => {
  // That of a process that is alive here.
  leave({ ...holder, pid: process.pid }, 90);
  const lock = await lockFolder(folder);
  await lock.check();
  await lock.release();
  expect(readdirSync(folder)).toEqual([]);
});

it("of a version that does not beat is left to who knows", async () => {
  leave({ host: "elsewhere", beats: false }, 1e6);
  await expect(lockFolder(folder)).rejects.toThrow(/another process is writing this run/);
});

it("is taken over where another was killed while it took it over", async () => {
  leave({ pid: 2 ** 30 });
  leave({ pid: 2 ** 30, id: "third" }, 0, "lock.stale-other");
  await (await lockFolder(folder)).release();
  expect(readdirSync(folder)).toEqual([]);
});

it("tells who stood still for too long that it is no longer theirs", async () => {
  const lock = await lockFolder(folder);
  leave({ host: "elsewhere" });
  await expect(lock.check()).rejects.toThrow(RunError);
  await lock.release();
  expect(JSON.parse(readFileSync(join(folder, "lock"), "utf8")).host).toBe("elsewhere");
});

it("beats", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const lock = await lockFolder(folder);
    const path = join(folder, "lock");
    const text = readFileSync(path, "utf8");
    utimesSync(path, 1, 1);
    vi.advanceTimersByTime(5000);
    const { statSync } = await import("node:fs");
    await expect.poll(() => statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 10_000);
    expect(readFileSync(path, "utf8")).toBe(text);
    await lock.release();
  } finally {
    vi.useRealTimers();
  }
});

it("can be had on a file system without hard links, by one", async () => {
  links.possible = false;
  const locks = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
  const held = locks.flatMap((lock) => (lock.status === "fulfilled" ? [lock.value] : []));
  expect(held).toHaveLength(1);
  await held[0].release();
  leave({ pid: 2 ** 30 });
  await (await lockFolder(folder)).release();
  // A lock whose maker was killed before it said anything.
  writeFileSync(join(folder, "lock"), "");
  await expect(lockFolder(folder)).rejects.toThrow(/another process is writing/);
  utimesSync(join(folder, "lock"), 1, 1);
  await (await lockFolder(folder)).release();
  expect(readdirSync(folder)).toEqual([]);
});
