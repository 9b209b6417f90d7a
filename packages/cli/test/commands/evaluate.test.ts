import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createAgent } from "../../../flipnet/src/agent/agent.ts";
import { openAgentLog } from "../../../flipnet/src/node/agent-log.ts";
import { flipnet } from "./flipnet.ts";

const folder = mkdtempSync(join(tmpdir(), "flipnet-evaluate-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a policy is evaluated on another's log, and warned of on its own", async () => {
  const [path, learned, fresh] = ["log.jsonl", "learned.safetensors", "fresh.safetensors"].map((name) =>
    join(folder, name),
  );
  const shape = { inputs: 2, actions: 3, hidden: [], seed: 1 };
  const [agent, other] = [
    await createAgent({ ...shape, floor: 0.3 }),
    await createAgent({ ...shape, seed: 2 }),
  ];
  const log = await openAgentLog(path);
  for (let n = 0; n < 600; n++) {
    const context = [Math.sin(n), Math.cos(n * n)];
    const decision = agent.decide(context);
    log.decision(context, decision, { now: n });
    if (n % 3 === 2) continue;
    const click = decision.action === (context[0] > 0 ? 0 : 1) ? 1 : 0;
    agent.reward(decision.id, click);
    log.reward(decision.id, click, { now: n });
  }
  await log.close();
  writeFileSync(learned, await agent.save());
  writeFileSync(fresh, await other.save());

  const asJson = await flipnet(["evaluate", path, "--policy", fresh, "--json", "--bootstrap", "200"]);
  expect(asJson).toMatchObject({ code: 0, stderr: "" });
  const found = JSON.parse(asJson.stdout);
  const silent =
    "the log has 200 decisions without a reward, left out: where silence is an answer, say which with --default-reward";
  expect(found).toMatchObject({ decisions: 400, unanswered: 200, warnings: [silent] });
  expect(found.dr.value).toBeGreaterThan(0);
  expect(found.dr.value).toBeLessThan(found.logged.value);

  const table = await flipnet(["evaluate", path, "--policy", learned]);
  expect(table.code).toBe(0);
  expect(table.stdout).toMatch(/SNIPS +0\.\d{4} +0\.\d{4} to 0\.\d{4}\n/);
  expect(table.stdout).toContain("400 decisions, 200 without a reward left out");
  expect(table.stderr).toContain("the log has 400 decisions that the policy has learned from");

  const progressive = await flipnet(["evaluate", path, "--policy", fresh, "--progressive", "--json"]);
  expect(progressive).toMatchObject({ code: 0, stderr: "" });
  const { decisions, earned, challenger, gain } = JSON.parse(progressive.stdout);
  expect([decisions, gain.value]).toEqual([400, expect.closeTo(challenger.value - earned.value, 10)]);
  // It learns: without, the same agent is worth less.
  expect(challenger.value).toBeGreaterThan(found.dr.value);
  const shown = await flipnet(["evaluate", path, "--policy", fresh, "--progressive"]);
  expect(shown.stdout).toMatch(/learning +0\.\d{4} +0\.\d{4} to 0\.\d{4}\ngain /);

  const all = await flipnet(["evaluate", path, "--policy", fresh, "--json", "--default-reward", "0"]);
  expect(JSON.parse(all.stdout)).toMatchObject({ decisions: 600, unanswered: 0, warnings: [] });

  for (const [args, message] of [
    [[path, "--policy", join(folder, "none")], "cannot be read (ENOENT); expected a saved agent"],
    [[join(folder, "none"), "--policy", fresh], "cannot be read (ENOENT); expected the log of an agent"],
    [[path, "--policy", path], "the agent"],
    [[path, "--policy", fresh, "--progressive", "--seed", "1"], "expected no --bootstrap and --seed"],
    [[path, "--policy", fresh, "--default-reward", "x"], "--default-reward is x; expected a number"],
  ] as const) {
    const { code, stderr } = await flipnet(["evaluate", ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  }
});
