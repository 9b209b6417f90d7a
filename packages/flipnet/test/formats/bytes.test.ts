import { bytesOf } from "flipnet/internal/formats/bytes";
import { expect, it } from "vitest";

it("takes views as they are, and buffers whole", () => {
  const view = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
  expect(bytesOf(view, "it")).toBe(view);
  expect([...bytesOf(Uint8Array.of(5, 6).buffer, "it")]).toEqual([5, 6]);
});

it.each([
  ["of text", "base64", "the agent is string; expected a Uint8Array or an ArrayBuffer"],
  ["of null", null, "the agent is null; expected"],
  ["of nothing", undefined, "the agent is undefined; expected"],
  ["of other numbers", new Float32Array(2), "the agent is Float32Array; expected"],
  ["without a prototype", Object.create(null), "the agent is an object; expected"],
])("refuses what is %s", (_, value, sentence) => {
  expect(() => bytesOf(value as never, "the agent")).toThrow(sentence);
});
