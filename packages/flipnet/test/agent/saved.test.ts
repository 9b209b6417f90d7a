// A saved agent may come from anybody: what it says is that of an agent, or it is refused.
import { expect, test } from "vitest";
import { withActions } from "../../src/agent/actions.ts";
import { createAgent } from "../../src/agent/agent.ts";
import { loadAgent } from "../../src/agent/load.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { InputError } from "../../src/formats/errors.ts";
import { decode, encode, type Tensor } from "../../src/formats/safetensors.ts";

const backend = createReferenceBackend();

/** A file of an agent with one decision that waits and one that was rewarded. */
async function saved() {
  const agent = await createAgent({ inputs: 2, actions: 3, hidden: [4], seed: 1 }, backend);
  for (const id of ["a", "b"]) agent.decide([1, 0], { id, now: 5 });
  agent.reward("a", 1, { now: 6 });
  return decode(await agent.save(), "it");
}

const { tensors, metadata } = await saved();
const [waiting] = JSON.parse(metadata.pending);

const refusals: [string, Record<string, string | undefined>, RegExp][] = [
  ["its settings are a list", { agent: "null" }, /its settings are null/],
  ["it acted a part of a time", { acted: "1.5" }, /acted is "1\.5"; expected a whole number from 0 on/],
  ["it acted who knows how often", { acted: undefined }, /acted is undefined/],
  ["it learned no number of times", { learned: "" }, /learned is ""/],
  ["what waits is no list", { pending: "{}" }, /its pending decisions are none of its own/],
  ["what waits is nothing", { pending: "[null]" }, /its pending decisions/],
  ...(
    [
      ["an action that there is not", { action: 3 }],
      ["another action than was allowed", { allowed: [(waiting.action + 1) % 3] }],
      ["actions allowed that there are not", { allowed: [waiting.action, 7] }],
      ["no id", { id: "" }],
      ["a probability of 0", { probability: 0 }],
      ["no time", { time: "then" }],
      ["a step that is still to come", { step: 3 }],
      ["weights that are still to come", { version: 2 }],
      ["a floor of 2", { floor: 2 }],
      ["a reward, perhaps", { rewarded: 1 }],
    ] as const
  ).map(([what, wrong]): [string, Record<string, string>, RegExp] => [
    `a decision has ${what}`,
    { pending: JSON.stringify([{ ...waiting, ...wrong }]) },
    /its pending decisions are none of its own/,
  ]),
  ["what is closed is no list", { closed: "7" }, /its closed decisions are none of its own/],
  ["a decision ended in another way", { closed: '[["a", "forgotten"]]' }, /its closed decisions/],
  ["a decision waits and is closed", { closed: '[["b", "rewarded"]]' }, /there are two decisions "b"/],
  ["the generator has a line break", { generator: "three\nfry" }, /generator three fry; expected/],
];

test.each(refusals)("refused: %s", async (_, wrong, sentence) => {
  const all = Object.entries({ ...metadata, ...wrong }).filter(([, text]) => text !== undefined);
  const bytes = encode(tensors, Object.fromEntries(all) as Record<string, string>);
  const error = await loadAgent(bytes, undefined, backend).then(
    () => undefined,
    (cause) => cause,
  );
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).toMatch(sentence);
});

const settings = JSON.parse(metadata.agent);

test.each<[string, object, RegExp]>([
  ["is nothing", { hidden: [null] }, /a hidden layer is null; expected its width/],
  ["is fed by a word", { hidden: [{ units: 4, parents: "input" }] }, /a hidden layer is \{"units":4,/],
  // Before anything of that size is made.
  [
    "has a billion units",
    { hidden: [1e9] },
    /layers\.0\.weights has shape \[4,2\]; expected \[1000000000,2\]/,
  ],
])("refused: a layer %s", async (_, wrong, sentence) => {
  const bytes = encode(tensors, { ...metadata, agent: JSON.stringify({ ...settings, ...wrong }) });
  await expect(loadAgent(bytes, undefined, backend)).rejects.toThrow(sentence);
});

const values = (name: string, change: (data: Float64Array) => void): Tensor => {
  const data = Float64Array.from(tensors[name].data);
  change(data);
  return { dtype: "F64", shape: tensors[name].shape, data };
};

test.each<[string, string, Tensor, RegExp]>([
  [
    "a weight that is no number",
    "layers.0.weights",
    values("layers.0.weights", (data) => data.fill(Number.NaN, 1, 2)),
    /layers\.0\.weights has NaN in it; expected numbers/,
  ],
  [
    "bytes for weights",
    "layers.0.bias",
    { dtype: "U8", shape: [4], data: new Uint8Array(4) },
    /layers\.0\.bias is U8; expected F32 or F64/,
  ],
  [
    "half a bit in what it keeps",
    "pending",
    values("pending", (data) => data.fill(0.5, 3, 4)),
    /what it keeps of the decision "b" is not of action \d/,
  ],
])("refused: %s", async (_, name, tensor, sentence) => {
  const bytes = encode({ ...tensors, [name]: tensor }, metadata);
  await expect(loadAgent(bytes, undefined, backend)).rejects.toThrow(sentence);
});

test("other actions want an output of as many", () => {
  const bias: Tensor = { dtype: "F64", shape: [2], data: new Float64Array(2) };
  const bytes = encode({ ...tensors, "layers.1.bias": bias }, metadata);
  expect(() => withActions(bytes, [0, 1])).toThrow("layers.1.bias has shape [2]; expected 3 rows");
});

test("what was saved is loaded", async () => {
  const agent = await loadAgent(encode(tensors, metadata), undefined, backend);
  expect([agent.steps, agent.pending, agent.knows("a")]).toEqual([2, 1, true]);
});
