import { describe, expect, it } from "vitest";
import {
  decimal,
  decimals,
  estimatorNames,
  hiddenParts,
  oneOf,
  readHash,
  whole,
} from "../src/shared/state.ts";

const fields = {
  seed: whole(1, 0, 999_999),
  lean: decimals([0.5, -0.5], -4, 4),
  baseline: decimal(0, -3, 3),
  shape: oneOf("pair", ["pair", "chain"]),
  estimators: estimatorNames(["reinforce", "hnca"], 4),
  hide: hiddenParts(["table", "bars"]),
};
const usual = readHash(fields, "").values;

describe("an address", () => {
  it("says what differs from the defaults", () => {
    const hash = "#seed=7&lean=-1.25,3&baseline=0.5&shape=chain&estimators=disarm:samples=4,arm&hide=bars";
    expect(readHash(fields, hash)).toEqual({
      values: {
        seed: 7,
        lean: [-1.25, 3],
        baseline: 0.5,
        shape: "chain",
        estimators: ["disarm:samples=4", "arm"],
        hide: ["bars"],
      },
      notes: [],
    });
  });

  it.each([
    "seed=-1",
    "seed=1.5x",
    "seed=1e9",
    "seed=NaN",
    "seed=",
    "lean=1",
    "lean=1,2,3",
    "lean=1,Infinity",
    "baseline=4",
    "baseline=0x1",
    "shape=__proto__",
    "shape=constructor",
    "estimators=",
    "estimators=a,b,c,d,e",
    "estimators=<img src=x onerror=alert(1)>",
    "estimators=hnca:__proto__=1",
    "hide=everything",
    "__proto__=1",
    "constructor=1",
    "%E0%A4%A",
    "%00=%00",
  ])("%s is no state: the default, and a note", (hash) => {
    const { values, notes } = readHash(fields, `#${hash}`);
    expect(values).toEqual(usual);
    expect(notes).toHaveLength(1);
  });

  it("that is too long is not read at all, and notes are few and short", () => {
    expect(readHash(fields, `#seed=${"1".repeat(5000)}`).values).toEqual(usual);
    const { notes } = readHash(fields, `#${Array.from({ length: 100 }, (_, i) => `x${i}=1`).join("&")}`);
    expect(notes).toHaveLength(5);
    const [note] = readHash(fields, `#seed=${"1".repeat(3000)}`).notes;
    expect(note.length).toBeLessThan(200);
  });

  it("comes back from what is written", () => {
    for (const field of Object.values(fields)) {
      const { default: value, read, write } = field as typeof fields.seed;
      if (write(value) !== "") expect(read(write(value))).toEqual(value);
    }
    expect(fields.lean.write([1 / 3, -2])).toBe("0.33,-2");
  });
});
