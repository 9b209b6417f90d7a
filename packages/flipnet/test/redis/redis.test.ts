// Agents in several places decide, one learns, through a real Redis and both of its usual clients.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { hasRedis, startRedis } from "../../../cli/test/commands/redis-server.ts";
import { createAgent } from "../../src/agent/agent.ts";
import { loadAgent } from "../../src/agent/load.ts";
import type { AgentOptions } from "../../src/agent/settings.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { decode } from "../../src/formats/safetensors.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { openActor } from "../../src/redis/actor.ts";
import { applyEntry, type Entry } from "../../src/redis/events.ts";
import { type Published, runLearner } from "../../src/redis/learner.ts";
import { toBytes, toText } from "../../src/redis/port.ts";

const backend = await createWasmBackend({ kernels: "portable" });
const agent: AgentOptions = { inputs: 2, actions: 3, hidden: [4], seed: 3, floor: 0.1, expireAfter: 60_000 };
const folder = mkdtempSync(join(tmpdir(), "flipnet-redis-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a decision is handed over with all that it learns from, once", async () => {
  for (const lateRewards of ["stored", "redone"] as const) {
    const make = () => createAgent({ ...agent, lateRewards }, backend);
    const [alone, decides, learns] = [await make(), await make(), await make()];
    for (let n = 0; n < 20; n++) {
      const context = [Math.sin(n), n % 3];
      const { id } = alone.decide(context, { id: `${n}`, now: n });
      decides.decide(context, { id, now: n });
      const handed = decides.handOver(id);
      expect([decides.pending, learns.takeOver(handed, { now: n })]).toEqual([0, true]);
      expect(learns.takeOver(handed, { now: n })).toBe(false);
      for (const one of [alone, learns]) one.reward(id, n % 2, { now: n });
      expect(learns.takeOver(handed, { now: n })).toBe(false);
      decides.follow(await learns.save());
    }
    expect(decode(await learns.save(), "")).toEqual(decode(await alone.save(), ""));
    expect(() => decides.handOver("x")).toThrow('no decision "x" is known');
    decides.decide([0, 0], { id: "y" });
    const handed = decides.handOver("y");
    expect(() => learns.takeOver({ ...handed, action: 3 })).toThrow("the action of the decision is 3");
    expect(() => learns.takeOver({ ...handed, kept: handed.kept.slice(1) })).toThrow("is none of this agent");
    expect(() => learns.takeOver({ ...handed, kept: handed.kept.map(() => Number.NaN) })).toThrow(
      "finite ones",
    );
    expect(() => learns.takeOver({ ...handed, floor: -1 })).toThrow("the decision has floor -1");
    const other = await createAgent({ ...agent, hidden: [5] }, backend);
    await expect(other.save().then((bytes) => learns.follow(bytes))).rejects.toThrow(
      "the agent has the settings",
    );
    const slow = await createAgent({ ...agent, lateRewards, optimizer: sgd({ learningRate: 1 }) }, backend);
    await expect(slow.save().then((bytes) => learns.follow(bytes))).rejects.toThrow("optimizer");
  }
});

describe.runIf(hasRedis)("through Redis", () => {
  test("two actors with two clients decide, learners come and go, and what is learned is the stream's", async () => {
    const port = await startRedis(folder);
    const io = new Redis(port, "127.0.0.1");
    const node = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
    const published: Published[] = [];
    const learn = (client: Parameters<typeof runLearner>[0], stop: AbortController) =>
      runLearner(client, {
        ...{ name: "articles", agent, backend, keepEvents: true, publishEvery: 10, lease: 600 },
        publishAfter: 50,
        signal: stop.signal,
        onPublish: (one) => published.push(one),
      });
    await expect(openActor(io, { name: "articles", patience: 50 })).rejects.toThrow(
      "no learner has published",
    );
    const [first, second] = [new AbortController(), new AbortController()];
    const running = [learn(io, first), learn(node, second)];
    const actors = [
      await openActor(io, { name: "articles", backend, refreshEvery: 20 }),
      await openActor(node, { name: "articles", backend, refreshEvery: 20 }),
    ];
    for (let n = 0; n < 60; n++) {
      const context = [Math.sin(n), Math.cos(n * n)];
      const { id } = await actors[n % 2].decide(context, n % 3 === 0 ? { allowed: [0, 2] } : {});
      if (n % 5 === 0) await actors[0].cancel(id);
      else await actors[(n + 1) % 2].reward(id, n % 4 === 0 ? 1 : 0);
      // What a client sends again after a lost answer, and what others write.
      const [, fields] = (
        (await io.call("XREVRANGE", "{articles}:events", "+", "-", "COUNT", "1")) as Entry[]
      )[0];
      await io.call("XADD", "{articles}:events", "*", ...fields);
      if (n % 10 === 0) await io.xadd("{articles}:events", "*", "event", "decision", "id", "z", "data", "{}");
      if (n === 30) first.abort();
    }
    await actors[0].reward("unknown", 1);
    await expect(actors[0].reward("x", Number.NaN)).rejects.toThrow("the reward is NaN; expected a number");
    const entries = (await io.xrange("{articles}:events", "-", "+")) as Entry[];
    while (published.at(-1)!.position !== entries.at(-1)![0]) await setTimeout(20);
    while (actors.some(({ version }) => version !== 48)) await setTimeout(20);
    second.abort();
    await Promise.all(running);

    const replayed = await createAgent(agent, backend);
    for (const entry of entries) applyEntry(replayed, entry);
    const state = await io.hget("{articles}:snapshot", "state");
    const { tensors, metadata } = decode(await replayed.save(), "");
    expect(decode(toBytes(state!), "")).toEqual({ tensors, metadata });
    expect([replayed.version, replayed.steps, replayed.pending]).toEqual([48, 60, 0]);
    expect((await loadAgent(toBytes((await io.hget("{articles}:snapshot", "weights"))!))).version).toBe(48);

    const stop = new AbortController();
    const other = { name: "articles", agent: { ...agent, hidden: [5] }, backend, signal: stop.signal };
    await expect(runLearner(io, other)).rejects.toThrow('the agent "articles" has the settings');
    await expect(runLearner(io, { ...other, agent: { ...agent, rewards: "sum" } })).rejects.toThrow(
      'expected "first"',
    );
    await expect(runLearner(io, { ...other, publishEvery: 0 })).rejects.toThrow("publishEvery is 0");
    // What was learned from goes, unless it is to stay.
    const last = runLearner(io, {
      name: "articles",
      agent,
      backend,
      lease: 600,
      publishAfter: 10,
      signal: stop.signal,
    });
    await actors[0].cancel("nothing");
    while ((await io.xlen("{articles}:events")) > 1) await setTimeout(20);
    stop.abort();
    await last;
    for (const actor of actors) actor.close();
    io.disconnect();
    node.destroy();
  }, 60_000);
});

test("bytes are text and back", () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 7) % 256);
  expect(toBytes(toText(bytes))).toEqual(bytes);
});
