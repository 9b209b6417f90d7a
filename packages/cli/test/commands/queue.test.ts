// Sweeps beyond one machine, as a person starts them, against Redis servers that are started here.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Queue } from "bullmq";
import { generator } from "flipnet/internal/random/threefry";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { planRuns } from "../../src/planning/sweep.ts";
import { parseRedisUrl } from "../../src/queue/redis.ts";
import { packageVersion } from "../../src/running/environment.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { flipnetAlone, jsonLines, type Outcome, outcomeOf, start, temporaryFolders } from "./flipnet.ts";
import { freePort, hasRedis, killRedis, startRedis } from "./redis-server.ts";

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
  flipnetAlone([
    "worker",
    "--redis",
    `redis://127.0.0.1:${port}`,
    "--lost-after",
    "2",
    "--idle",
    "1",
    ...flags,
  ]);

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
    const { code, stderr } = await flipnetAlone(["worker"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("expected --redis URL")]);
  });

  it("is told when nobody is there", async () => {
    const { file } = sweepOf(1);
    const port = await freePort();
    const { code, stderr } = await flipnetAlone([
      "sweep",
      file,
      "--redis",
      `redis://:sesame@127.0.0.1:${port}`,
    ]);
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

    const second = await flipnetAlone(["sweep", file, "--redis", url, "--json"]);
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
    const without = await flipnetAlone(["worker", "--redis", url, "--idle", "2"], {
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
      const failed = await flipnetAlone(["sweep", file, "--redis", url]);
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
    const collector = flipnetAlone(["sweep", file, "--redis", url]);
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

describe.runIf(hasRedis)("a worker", () => {
  it("ends when it is told to, or is to end when idle, while Redis is away, and says what is true", async () => {
    const [port, other] = [await startRedis(folderFor("redis")), await startRedis(folderFor("redis"))];
    const worker = start(["worker", "--redis", `redis://127.0.0.1:${port}`, "--concurrency", "1"]);
    const idle = start(["worker", "--redis", `redis://127.0.0.1:${other}`, "--idle", "3"]);
    const [ended, idleEnded] = [outcomeOf(worker), outcomeOf(idle)];
    await Promise.all([hears(worker, /works on the runs/), hears(idle, /works on the runs/)]);
    const lost = Promise.all([hears(worker, /lost the connection/), hears(idle, /lost the connection/)]);
    killRedis(port);
    killRedis(other);
    await lost;
    worker.kill("SIGTERM");
    const told = await ended;
    expect(told).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("does not answer; runs that it had go"),
    });
    expect(told.stderr).not.toContain("handed back");
    // Idle is who has seen that there is nothing to do.
    await setTimeout(3500);
    expect(idle.exitCode).toBe(null);
    idle.kill("SIGTERM");
    expect(await idleEnded).toMatchObject({ code: 1, stderr: expect.not.stringContaining("nothing to do") });
  });

  it("with --idle 0 ends once the queue is empty, and not before", async () => {
    const port = await startRedis(folderFor("redis"));
    const { file, out } = sweepOf(3);
    const collected = flipnetAlone(["sweep", file, "--redis", `redis://127.0.0.1:${port}`]);
    const client = new Redis(port, "127.0.0.1");
    await expect.poll(() => client.llen("flipnet:runs:wait"), { timeout: 20_000 }).toBe(3);
    client.disconnect();
    const worker = await workOn(port, "--idle", "0", "--concurrency", "1");
    expect([worker.code, worker.stderr.match(/: done$/gm)?.length]).toEqual([0, 3]);
    expect((await collected).code).toBe(0);
    expect(readdirSync(out)).toHaveLength(3);
  });

  it("that can train none of the runs that wait says so, and fails", async () => {
    const port = await startRedis(folderFor("redis"));
    const url = `redis://127.0.0.1:${port}`;
    const { file } = sweepOf(2, { kernels: "relaxed" });
    const collector = start(["sweep", file, "--redis", url]);
    await hears(collector, /no worker is connected/);
    const { code, stderr } = await flipnetAlone(["worker", "--redis", url, "--idle", "1"], {
      env: { ...process.env, NODE_OPTIONS: "--import data:text/javascript,WebAssembly.validate=()=>false" },
    });
    collector.kill("SIGINT");
    expect(code).toBe(1);
    expect(stderr).toMatch(/ends: runs wait that this host cannot train: it asks for relaxed kernels, /);
  });

  it("says what Redis refuses, and fails", async () => {
    const port = await startRedis(folderFor("redis"));
    const client = new Redis(port, "127.0.0.1");
    const users = { away: "~other:*", reader: "%R~flipnet:*" };
    for (const [user, keys] of Object.entries(users)) {
      await client.call(
        "ACL",
        "SETUSER",
        user,
        "on",
        ">pw",
        ...keys.split(" "),
        "&*",
        "+@all",
        "-@dangerous",
        "+info",
      );
    }
    client.disconnect();
    for (const user of Object.keys(users)) {
      const { code, stderr } = await flipnetAlone([
        "worker",
        "--redis",
        `redis://${user}:pw@127.0.0.1:${port}`,
        "--idle",
        "5",
      ]);
      expect([user, code, stderr]).toEqual([user, 1, expect.stringMatching(/^error: .* refuses: .*NOPERM/m)]);
      expect(stderr).not.toContain("nothing to do");
    }
  });

  it("writes nowhere but in its own folder, and obeys no job that a sweep did not make", async () => {
    const port = await startRedis(folderFor("redis"));
    const config = parseConfig({ ...short, out: "runs" });
    const [{ config: planned, runId, digest }] = await planRuns([{ label: "run", config }]);
    const job = { label: "run", runId, config: planned, digest, generator, version: packageVersion() };
    const victim = folderFor("victim");
    const hostile: Record<string, object> = {
      path: { ...job, runId: `r1/../../../../..${victim}/owned` },
      screen: { ...job, label: "\u001b[31mred\u001b[2J" },
      id: { ...job, runId: "0123456789abcdef" },
      settings: { ...job, config: { ...planned, hidden: "x" } },
      estimator: { ...job, config: { ...planned, estimator: "../../x" } },
      nothing: {},
    };
    const queue = new Queue("runs", { connection: { host: "127.0.0.1", port }, prefix: "flipnet" });
    for (const [name, data] of Object.entries(hostile))
      await queue.add("run", data, { jobId: `job-${name}` });
    const tmp = folderFor("tmp");
    const { code, stderr } = await flipnetAlone(
      ["worker", "--redis", `redis://127.0.0.1:${port}`, "--idle", "0", "--concurrency", "1"],
      { env: { ...process.env, TMPDIR: tmp } },
    );
    expect(code).toBe(0);
    expect(stderr.match(/ a job is not trained: the job is corrupt: /g)).toHaveLength(6);
    expect(stderr).not.toContain("\u001b");
    expect((await queue.getFailed()).map(({ id }) => id).sort()).toEqual(
      Object.keys(hostile)
        .sort()
        .map((name) => `job-${name}`),
    );
    expect([readdirSync(victim), readdirSync(tmp)]).toEqual([[], []]);
    await queue.close();
  });

  it("removes what workers left that are gone, and nothing of anybody else's", async () => {
    const port = await startRedis(folderFor("redis"));
    const tmp = folderFor("tmp");
    const gone = JSON.stringify({ pid: 2 ** 30, host: (await import("node:os")).hostname(), id: "1" });
    for (const name of ["flipnet-worker-logs", "flipnet-worker-thesis", "flipnet-worker-abcdef", "target"]) {
      mkdirSync(join(tmp, name));
      writeFileSync(join(tmp, name, "thesis.txt"), "x");
    }
    writeFileSync(join(tmp, "flipnet-worker-abcdef", "lock"), gone);
    writeFileSync(join(tmp, "target", "lock"), gone);
    symlinkSync(join(tmp, "target"), join(tmp, "flipnet-worker-linked"));
    await flipnetAlone(["worker", "--redis", `redis://127.0.0.1:${port}`, "--idle", "0"], {
      env: { ...process.env, TMPDIR: tmp },
    });
    expect(readdirSync(tmp).sort()).toEqual(
      ["flipnet-worker-linked", "flipnet-worker-logs", "flipnet-worker-thesis", "target"].sort(),
    );
    expect(existsSync(join(tmp, "target", "thesis.txt"))).toBe(true);
  });
});

describe.runIf(hasRedis)("a collector", () => {
  it("hears only what a worker could say, and shows none of it raw", async () => {
    const port = await startRedis(folderFor("redis"));
    const url = `redis://127.0.0.1:${port}`;
    const { file } = sweepOf(1);
    const collector = start(["sweep", file, "--redis", url]);
    const ended = outcomeOf(collector);
    await hears(collector, /no worker is connected/);
    const queue = new Queue("runs", { connection: { host: "127.0.0.1", port }, prefix: "flipnet" });
    const [job] = await queue.getWaiting();
    await queue.pause();
    await job.updateProgress({ host: "\u001b]0;pwned\u0007\u001b[2Jhost", refused: "no\u001b[31m\nway" });
    // Refused for a while.
    const client = new Redis(port, "127.0.0.1");
    await client.lrem("flipnet:runs:paused", 0, job.id!);
    await client.zadd("flipnet:runs:delayed", 2 ** 52, job.id!);
    await hears(collector, /host refuses runs: no way; /);
    for (const progress of [{ type: "progress" }, 7, { metrics: null }, { epoch: "1" }]) {
      await job.updateProgress({ host: "host", progress, record: { epoch: {} } } as never);
      await client.zrem("flipnet:runs:delayed", job.id!);
      await client.lrem("flipnet:runs:active", 0, job.id!);
      await client.lpush("flipnet:runs:active", job.id!);
      await setTimeout(1100);
    }
    client.disconnect();
    await queue.close();
    collector.kill("SIGINT");
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      130,
      expect.not.stringMatching(`${String.fromCharCode(27)}|TypeError| at `),
    ]);
  });
});

describe.runIf(hasRedis)("--redis", () => {
  it.each([
    ["sweep", "--redis", "two.yaml"],
    ["reproduce", "--redis", "hnca-figure-1"],
    ["worker", "--redis", "user:sesame@host"],
  ])("does not take the next word for its address: %s %s %s", async (...args) => {
    const { code, stdout, stderr } = await flipnetAlone(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: --redis takes the word behind it for its address(?!.*sesame)/);
  });
});

describe.runIf(hasRedis)("a Redis", () => {
  const password = "sesame-open";

  it("with a password takes it, from the variable too, and it is never shown", async () => {
    const port = await startRedis(folderFor("redis"), ["--requirepass", password]);
    const address = (login: string) => `redis://${login}127.0.0.1:${port}`;
    const env = { ...process.env, FLIPNET_REDIS: address(`:${password}@`) };
    const outcomes = await Promise.all([
      flipnetAlone(["worker", "--idle", "0"], { env }),
      flipnetAlone(["worker", "--redis", address("")]),
      flipnetAlone(["worker", "--redis", address(`:not-${password}@`)]),
      flipnetAlone(["worker", "--redis", address(`me:not-${password}@`)]),
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
      flipnetAlone(args, { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } }),
      flipnetAlone(args),
    ]);
    expect(said(trusted)).toContain(`works on the runs at rediss://127.0.0.1:${tlsPort}`);
    expect(trusted.code).toBe(0);
    expect(untrusted).toMatchObject({ code: 2, stderr: expect.stringContaining("NODE_EXTRA_CA_CERTS") });
    expect(said(trusted) + said(untrusted)).not.toContain(password);
  });
});
