// The example's server, with real requests, and killed in the middle.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "flipnet-server-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Starts it, and gives its address and its first line. */
async function start() {
  const child = spawn(process.execPath, ["examples/server.mjs", folder, "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const line = await new Promise<string>((resolve) =>
    child.stdout.once("data", (text) => resolve(`${text}`)),
  );
  const [url] = /http:\S+/.exec(line)!;
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, text: await response.text() };
  };
  const end = (signal: NodeJS.Signals) =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill(signal);
    });
  return { line, get, end };
}

const metricOf = (metrics: string, name: string) =>
  Number(new RegExp(`^${name} (.*)$`, "m").exec(metrics)?.[1]);

test("visitors come and click, the server is killed, and nobody's click is lost or credited twice", async () => {
  const first = await start();
  expect((await first.get("/")).text).toMatch(/<li><b><a href="\/click\?id=[^"]+">/);
  const made = await Promise.all(
    Array.from(
      { length: 40 },
      async () => JSON.parse((await first.get("/decide")).text) as { id: string; step: number },
    ),
  );
  expect(new Set(made.map(({ id }) => id)).size).toBe(40);
  const clicked = made.filter((_, n) => n % 2 === 0);
  await Promise.all(
    clicked.map(async ({ id }) => expect((await first.get(`/click?id=${id}`)).status).toBe(200)),
  );
  const before = (await first.get("/metrics")).text;
  expect([metricOf(before, "flipnet_version"), metricOf(before, "flipnet_pending")]).toEqual([20, 21]);
  await first.end("SIGKILL");
  expect(existsSync(join(folder, "agent.safetensors"))).toBe(false);

  const second = await start();
  expect(second.line).toContain("41 decisions and 20 clicks made good from the log");
  expect((await second.get(`/click?id=${clicked[0].id}`)).text).toContain("was rewarded already");
  expect((await second.get("/click?id=x")).status).toBe(409);
  for (const { id } of made.filter((_, n) => n % 2 === 1))
    expect((await second.get(`/click?id=${id}`)).status).toBe(200);
  const after = (await second.get("/metrics")).text;
  expect([metricOf(after, "flipnet_version"), metricOf(after, "flipnet_pending")]).toEqual([40, 1]);
  await second.end("SIGTERM");

  const third = await start();
  expect(third.line).toContain("(0 decisions and 0 clicks made good from the log)");
  expect(metricOf((await third.get("/metrics")).text, "flipnet_version")).toBe(40);
  await third.end("SIGTERM");
});
