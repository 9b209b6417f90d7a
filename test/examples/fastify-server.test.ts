// examples/server with real requests, killed in the middle. It needs node:sqlite, and Fastify in its own folder.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const example = resolve(import.meta.dirname, "../../examples/server");
const missing = isBuiltin("node:sqlite")
  ? existsSync(join(example, "node_modules/fastify"))
    ? undefined
    : "Fastify is not installed: npm install in examples/server"
  : `Node ${process.version} has no node:sqlite`;
if (missing !== undefined && process.env.REQUIRE_SERVER) throw new Error(missing);

const folder = mkdtempSync(join(tmpdir(), "flipnet-fastify-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

async function start() {
  const child = spawn(process.execPath, ["--no-warnings", join(example, "server.mjs"), folder, "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const line = await new Promise<string>((found) => child.stdout.once("data", (text) => found(`${text}`)));
  const [url] = /http:\S+/.exec(line)!;
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, text: await response.text() };
  };
  const metrics = async () => {
    const { text } = await get("/metrics");
    return (name: string) => Number(new RegExp(`^flipnet_${name} (.*)$`, "m").exec(text)?.[1]);
  };
  const end = (signal: NodeJS.Signals) =>
    new Promise((done) => {
      child.once("exit", done);
      child.kill(signal);
    });
  return { line, get, metrics, end };
}

test.skipIf(missing)(
  `visitors, late clicks and kill -9 (${missing ?? "with Fastify and SQLite"})`,
  async () => {
    const first = await start();
    expect((await first.get("/")).text).toMatch(/<article class="first"><b><a href="\/click\?id=[^"]+">/);
    const made = await Promise.all(
      Array.from({ length: 40 }, async () => JSON.parse((await first.get("/decide")).text) as { id: string }),
    );
    const [now, later] = [made.slice(0, 20), made.slice(20)];
    for (const { id } of now) expect((await first.get(`/click?id=${id}`)).status).toBe(200);
    expect((await first.get(`/click?id=${now[0].id}`)).text).toContain("was rewarded already");
    const before = await first.metrics();
    expect(["decisions_total", "rewards_total", "rewards_refused_total", "pending"].map(before)).toEqual([
      41, 20, 1, 21,
    ]);
    await first.end("SIGKILL");

    const second = await start();
    expect(second.line).toContain("41 decisions and 20 clicks made good from the log");
    expect((await second.get(`/click?id=${now[1].id}`)).status).toBe(409);
    expect((await second.get("/click?id=x")).text).toContain('no decision "x" is known');
    for (const { id } of later) expect((await second.get(`/click?id=${id}`)).status).toBe(200);
    const after = await second.metrics();
    expect([after("version"), after("pending")]).toEqual([40, 1]);
    await second.end("SIGTERM");

    const third = await start();
    expect(third.line).toContain("(0 decisions and 0 clicks made good from the log)");
    expect((await third.metrics())("version")).toBe(40);
    await third.end("SIGTERM");
  },
);
