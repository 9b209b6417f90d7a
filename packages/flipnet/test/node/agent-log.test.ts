import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { DecisionError } from "../../src/agent/decisions.ts";
import { loadAgent } from "../../src/agent/load.ts";
import { decode as decodeSafetensors } from "../../src/formats/safetensors.ts";
import { deleteEvents, openAgentLog, readAgentLog, replayAgentLog } from "../../src/node/agent-log.ts";
import { vowpalWabbitJson, vowpalWabbitText } from "../../src/node/vowpal-wabbit.ts";

const folder = mkdtempSync(join(tmpdir(), "flipnet-log-"));
afterAll(() => rmSync(folder, { recursive: true }));
const decision = (id: string) => ({ id, action: 1, probability: 0.25, floor: 0.1, version: 3, step: 4 });

test("decisions and rewards come back, what was cut off does not", async () => {
  const path = join(folder, "a.jsonl");
  const log = await openAgentLog(path);
  log.decision([1, 0.5], decision("a"), { allowed: [1, 2], now: 5 });
  log.decision([2, 0], decision("b"), { now: 6 });
  log.reward("a", 1, { now: 9 });
  log.reward("a", 0.5, { now: 10 });
  log.reward("unknown", 1);
  await log.close();
  appendFileSync(path, '{"event":"decision","id":"c","ti');
  const expected = [
    { ...decision("a"), time: 5, context: [1, 0.5], allowed: [1, 2], reward: 1.5 },
    { ...decision("b"), time: 6, context: [2, 0], reward: undefined },
  ];
  expect(await readAgentLog(path)).toEqual(expected);
  const again = await openAgentLog(path);
  again.decision([3], decision("d"), { now: 7 });
  await again.close();
  expect(
    readFileSync(path, "utf8")
      .split("\n")
      .slice(0, -1)
      .every((line) => JSON.parse(line)),
  ).toBe(true);
  expect((await readAgentLog(path)).map(({ id }) => id)).toEqual(["a", "b", "d"]);
  expect(await deleteEvents(path, ["a"])).toBe(3);
  expect((await readAgentLog(path)).map(({ id }) => id)).toEqual(["b", "d"]);
  appendFileSync(path, "{}\n");
  await expect(readAgentLog(path)).rejects.toThrow("a.jsonl:4 is no event of an agent's log");
  await expect(readAgentLog(join(folder, "none"))).rejects.toThrow("cannot be read (ENOENT)");
});

test("a log rotates by whole lines, and contexts can be left out or hashed", async () => {
  const path = join(folder, "b.jsonl");
  const log = await openAgentLog(path, { maximumBytes: 400, contexts: "hash" });
  for (let n = 0; n < 10; n++) {
    log.decision([n % 2], decision(`${n}`), { now: n });
    await log.flush();
  }
  await log.close();
  const files = readdirSync(folder).filter((name) => name.startsWith("b.jsonl"));
  expect(files.length).toBeGreaterThan(2);
  const numbered = files
    .filter((name) => name !== "b.jsonl")
    .sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)));
  const all = await readAgentLog([...numbered, "b.jsonl"].map((name) => join(folder, name)));
  expect(all.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`));
  const hashes = all.map((entry) => (entry as unknown as { contextHash: string }).contextHash);
  expect(new Set(hashes).size).toBe(2);
  await expect(openAgentLog(path, { contexts: "drop" as never })).rejects.toThrow(
    'contexts is "drop"; expected one of',
  );
});

test("a process that is killed while it logs leaves whole lines, but for the last", async () => {
  const path = join(folder, "c.jsonl");
  const program = `
    import { openAgentLog } from ${JSON.stringify(join(import.meta.dirname, "../../dist/node/index.js"))};
    const log = await openAgentLog(${JSON.stringify(path)});
    for (let n = 0; ; n++) {
      for (let k = 0; k < 500; k++) log.decision([n, k], { id: n + "-" + k, action: 0, probability: 1, floor: 0, version: n, step: n });
      await log.flush();
      if (n === 3) console.log("logging");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  const before = (await readAgentLog(path)).length;
  expect(before).toBeGreaterThanOrEqual(2000);
  const log = await openAgentLog(path);
  log.reward("0-0", 1);
  await log.close();
  expect((await readAgentLog(path))[0].reward).toBe(1);
  expect((await readAgentLog(path)).length).toBe(before);
});

test("an agent that was saved and its log since are the agent, bit for bit", async () => {
  const path = join(folder, "d.jsonl");
  const make = () => createAgent({ inputs: 2, actions: 3, hidden: [5], expireAfter: 20, floor: 0.1 });
  const [agent, log] = [await make(), await openAgentLog(path)];
  let saved = new Uint8Array();
  for (let n = 0; n < 200; n++) {
    const [context, allowed] = [[Math.sin(n), Math.cos(n * n)], n % 5 === 0 ? [0, 2] : undefined];
    const options = { now: n, ...(allowed && { allowed }) };
    log.decision(context, agent.decide(context, { id: `${n}`, ...options }), options);
    const answers = n - ((n * 7) % 13); // late, in no order, some twice or never
    try {
      agent.reward(`${answers}`, n % 2, { now: n });
      log.reward(`${answers}`, n % 2, { now: n });
    } catch (error) {
      expect(error).toBeInstanceOf(DecisionError);
    }
    if (n === 90) saved = new Uint8Array(await agent.save());
  }
  await log.close();
  const copy = await loadAgent(saved);
  const made = await replayAgentLog(copy, path);
  expect(made.decisions).toBe(109);
  expect(made.rewards).toBeGreaterThan(30);
  expect(decodeSafetensors(await copy.save(), "the agent")).toEqual(
    decodeSafetensors(await agent.save(), "the agent"),
  );
  const stranger = await createAgent({ inputs: 2, actions: 3, seed: 9 });
  await expect(replayAgentLog(stranger, path)).rejects.toThrow(/the decision \d+ is not this agent's next/);
});

test("Vowpal Wabbit's text and its JSON", () => {
  const logged = { id: "a", context: [0, 0.5, -2], action: 1, probability: 0.25, reward: 1 };
  expect(vowpalWabbitText([logged])).toBe("2:-1:0.25 | 1:0.5 2:-2\n");
  const lines = vowpalWabbitJson([logged, { ...logged, allowed: [1, 3], reward: 0 }], 3).split("\n");
  expect(lines.slice(0, -1).map((line) => JSON.parse(line))).toEqual([
    {
      _label_cost: -1,
      _label_probability: 0.25,
      _label_Action: 2,
      _labelIndex: 1,
      EventId: "a",
      a: [2, 1, 3],
      c: { x: { 1: 0.5, 2: -2 }, _multi: [{ i: { 0: 1 } }, { i: { 1: 1 } }, { i: { 2: 1 } }] },
    },
    {
      _label_cost: 0,
      _label_probability: 0.25,
      _label_Action: 1,
      _labelIndex: 0,
      EventId: "a",
      a: [1, 2],
      c: { x: { 1: 0.5, 2: -2 }, _multi: [{ i: { 1: 1 } }, { i: { 3: 1 } }] },
    },
  ]);
});
