import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { loadVersion, rollBack, saveVersion, versionsOf } from "../../src/node/agent-versions.ts";

const folder = mkdtempSync(join(tmpdir(), "flipnet-versions-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("versions are kept, pruned, loaded and gone back to", async () => {
  const backend = createReferenceBackend();
  const agent = await createAgent({ inputs: 1, actions: 2, hidden: [2] }, backend);
  await expect(loadVersion(join(folder, "none"))).rejects.toThrow(
    "has no version of an agent; expected one that saveVersion made",
  );
  const laws: number[][] = [];
  for (let n = 0; n < 6; n++) {
    await saveVersion(folder, agent, { keep: 4 });
    laws.push(agent.probabilities([1]).probabilities);
    agent.reward(agent.decide([1]).id, n % 2);
  }
  expect(await versionsOf(folder)).toEqual([2, 3, 4, 5]);
  const load = (version?: number) => loadVersion(folder, version, undefined, backend);
  expect((await load()).version).toBe(5);
  expect((await load(3)).probabilities([1]).probabilities).toEqual(laws[3]);
  await expect(load(1)).rejects.toThrow("has no version 1; expected one of 2, 3, 4, 5");
  await rollBack(folder, 3);
  expect((await load()).version).toBe(3);
  expect(readdirSync(folder).filter((name) => name.endsWith(".undone"))).toHaveLength(2);
  await expect(rollBack(folder, 5)).rejects.toThrow("has no version 5; expected one of 2, 3");
  await expect(saveVersion(folder, agent, { keep: 0 })).rejects.toThrow("keep is 0; expected a whole number");
});
