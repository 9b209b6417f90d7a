// Sweeps beyond one machine, as a person starts them, against Redis servers that are started here.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { parseRedisUrl } from "../../src/queue/redis.ts";
import { flipnet, jsonLines, type Outcome, outcomeOf, start, temporaryFolders } from "./flipnet.ts";
import { freePort, hasRedis, startRedis } from "./redis-server.ts";

const folderFor = temporaryFolders();
const short = { task: "multiplexer", k: 1, hidden: [4], steps: 400, recordEvery: 100, kernels: "portable" };

/** A sweep of that many short runs; returns its file, and where its runs go. */
function sweepOf(count: number, more: object = {}) {
  const folder = folderFor("sweep");
  const file = join(folder, "sweep.json");
  const out = join(folder, "runs");
  const seeds = Array.from({ length: count }, (_, i) => i);
  writeFileSync(file, JSON.stringify({ base: { ...short, out, ...more }, grid: { seed: seeds } }));
  return { file, out };
}

const workOn = (port: number, ...flags: string[]) =>
  flipnet(["worker", "--redis", `redis://127.0.0.1:${port}`, "--lost-after", "2", "--idle", "1", ...flags]);

const said = ({ stdout, stderr }: Outcome) => stdout + stderr;

/** Waits until a child says something. */
function hears(child: ReturnType<typeof start>, words: RegExp): Promise<void> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.stderr!.on("data", (more) => {
      text += more;
      if (words.test(text)) resolve();
    });
    child.on("close", () => reject(new Error(`it ended after ${text}`)));
  });
}

describe("the address of a Redis", () => {
  it("has a name without user and password", () => {
    expect(parseRedisUrl("rediss://me:p%2Fw@[::1]:7000/2", "it")).toEqual({
      options: { username: "me", password: "p/w", host: "::1", port: 7000, db: 2, tls: {} },
      name: "rediss://[::1]:7000/2",
    });
    expect(parseRedisUrl("redis://:pw@host", "it")).toEqual({
      options: { password: "pw", host: "host", port: 6379 },
      name: "redis://host:6379",
    });
    expect(parseRedisUrl("unix:///run/redis.sock", "it")).toEqual({
      options: { path: "/run/redis.sock" },
      name: "unix:///run/redis.sock",
    });
  });

  it.each([
    "sesame",
    "http://:sesame@host",
    "redis://:se#same@host",
    "redis://:sesame@host/first",
    "redis://:sesame@host?a=b",
    "redis://:sesame%@host",
    "redis://:sesame@",
    "unix://sesame",
  ])("is refused where it cannot be used, and not shown: %s", (url) => {
    expect(() => parseRedisUrl(url, "--redis")).toThrow(
      /^--redis is no address of a Redis \((?!.*se#?same).*\); expected redis:(?!.*se#?same)/,
    );
  });

  it("is asked for", async () => {
    const { code, stderr } = await flipnet(["worker"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("expected --redis URL")]);
  });

  it("is told when nobody is there", async () => {
    const { file } = sweepOf(1);
    const port = await freePort();
    const { code, stderr } = await flipnet(["sweep", file, "--redis", `redis://:sesame@127.0.0.1:${port}`]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: the Redis at redis://127.0.0.1:${port} cannot be reached (ECONNREFUSED)\n`,
    );
    expect(stderr).not.toContain("sesame");
  });
});

describe.runIf(hasRedis)("a sweep in a queue", () => {
  it("is trained by a worker and collected, also by a collector that was stopped", async () => {
    const port = await startRedis(folderFor("redis"));
    const url = `redis://127.0.0.1:${port}`;
    const { file } = sweepOf(2);
    const first = start(["sweep", file, "--redis", url]);
    const ended = outcomeOf(first);
    await hears(first, /no worker is connected/);
    first.kill("SIGINT");
    const stopped = await ended;
    expect(stopped).toMatchObject({
      code: 130,
      stderr: expect.stringContaining("0 of 2 runs done, 2 in the queue"),
    });

    const worker = await workOn(port);
    expect([worker.code, worker.stderr.match(/: done$/gm)?.length]).toEqual([0, 2]);

    const second = await flipnet(["sweep", file, "--redis", url, "--json"]);
    expect(second.code).toBe(0);
    expect(jsonLines(second.stdout).map(({ status, summary }) => [status, summary.epochs])).toEqual([
      ["done", 4],
      ["done", 4],
    ]);
    const client = new Redis(port, "127.0.0.1");
    expect(await client.keys("flipnet:*[0-9a-f]-4*")).toEqual([]);
    expect(await client.keys("flipnet:state:*")).toEqual([]);
    client.disconnect();
  });

  it("is left to others by a worker that cannot train it, and tells why", async () => {
    const port = await startRedis(folderFor("redis"));
    const url = `redis://127.0.0.1:${port}`;
    const { file } = sweepOf(1, { kernels: "relaxed" });
    const collector = start(["sweep", file, "--redis", url]);
    const ended = outcomeOf(collector);
    const told = hears(
      collector,
      /refuses runs: it asks for relaxed kernels, this host has float64 and portable/,
    );
    const without = await flipnet(["worker", "--redis", url, "--idle", "2"], {
      env: { ...process.env, NODE_OPTIONS: "--import data:text/javascript,WebAssembly.validate=()=>false" },
    });
    expect(without.stderr.match(/is left to others: it asks for relaxed kernels/g)).toHaveLength(1);
    await told;
    const capable = start(["worker", "--redis", url]);
    expect((await ended).code).toBe(0);
    capable.kill("SIGTERM");
  });

  it("fails run by run, says why and keeps the log; the next call tries anew", async () => {
    const port = await startRedis(folderFor("redis"));
    const url = `redis://127.0.0.1:${port}`;
    const { file, out } = sweepOf(1, { kernels: "float64" });
    const worker = start(["worker", "--redis", url]);
    for (const times of [1, 2]) {
      const failed = await flipnet(["sweep", file, "--redis", url]);
      expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('kernels is "float64"') });
      const log = readFileSync(join(out, readdirSync(out)[0], "log.txt"), "utf8");
      expect(log.match(/error: kernels is/g)).toHaveLength(times);
    }
    worker.kill("SIGTERM");
  });

  it("goes on where a worker that was told to stop left it", async () => {
    const port = await startRedis(folderFor("redis"));
    const url = `redis://127.0.0.1:${port}`;
    const { file, out } = sweepOf(1, { steps: 20_000, recordEvery: 500, hidden: [32] });
    const collector = flipnet(["sweep", file, "--redis", url]);
    const worker = start(["worker", "--redis", url]);
    const stopped = outcomeOf(worker);
    const client = new Redis(port, "127.0.0.1");
    // Until there is a checkpoint.
    for (let step = null; step === null; await setTimeout(50)) {
      const [state] = await client.keys("flipnet:state:*");
      if (state !== undefined) step = await client.hget(state, "step");
    }
    client.disconnect();
    worker.kill("SIGTERM");
    expect(await stopped).toMatchObject({
      code: 130,
      stderr: expect.stringContaining("seed 0: handed back"),
    });
    const second = await workOn(port);
    expect(second.stderr).toMatch(/seed 0: goes on from step [1-9]/);
    expect((await collector).code).toBe(0);
    const { starts } = JSON.parse(readFileSync(join(out, readdirSync(out)[0], "environment.json"), "utf8"));
    expect(starts).toHaveLength(2);
  });
});

describe.runIf(hasRedis)("a Redis", () => {
  const password = "sesame-open";

  it("with a password takes it, from the variable too, and it is never shown", async () => {
    const port = await startRedis(folderFor("redis"), ["--requirepass", password]);
    const address = (login: string) => `redis://${login}127.0.0.1:${port}`;
    const env = { ...process.env, FLIPNET_REDIS: address(`:${password}@`) };
    const outcomes = await Promise.all([
      flipnet(["worker", "--idle", "0"], { env }),
      flipnet(["worker", "--redis", address("")]),
      flipnet(["worker", "--redis", address(`:not-${password}@`)]),
      flipnet(["worker", "--redis", address(`me:not-${password}@`)]),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 2, 2, 2]);
    expect(outcomes[1].stderr).toContain("wants a password, and there is none");
    expect(outcomes[2].stderr).toContain("does not take this user and password");
    expect(outcomes.map(said).join()).not.toContain(password);
  });

  it("that keeps nothing, or throws things away, is warned of", async () => {
    const port = await startRedis(folderFor("redis"), [
      ...["--appendonly", "no", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"],
    ]);
    const { code, stderr } = await workOn(port, "--idle", "0");
    expect(code).toBe(0);
    expect(stderr).toContain("keeps nothing on disk");
    expect(stderr).toContain("its maxmemory-policy is allkeys-lru, expected noeviction");
    expect(stderr).not.toContain("IMPORTANT");
  });

  it("is reached through TLS, if its certificate is trusted", async () => {
    const folder = folderFor("tls");
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const request =
      "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1";
    execFileSync("openssl", [...request.split(" "), "-keyout", key, "-out", certificate], {
      stdio: "ignore",
    });
    const tlsPort = `${await freePort()}`;
    await startRedis(folder, [
      ...["--tls-port", tlsPort, "--tls-cert-file", certificate, "--tls-key-file", key],
      ...["--tls-auth-clients", "no", "--requirepass", password],
    ]);
    const args = ["worker", "--redis", `rediss://:${password}@127.0.0.1:${tlsPort}`, "--idle", "0"];
    const [trusted, untrusted] = await Promise.all([
      flipnet(args, { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } }),
      flipnet(args),
    ]);
    expect(said(trusted)).toContain(`works on the runs at rediss://127.0.0.1:${tlsPort}`);
    expect(trusted.code).toBe(0);
    expect(untrusted).toMatchObject({ code: 2, stderr: expect.stringContaining("NODE_EXTRA_CA_CERTS") });
    expect(said(trusted) + said(untrusted)).not.toContain(password);
  });
});
