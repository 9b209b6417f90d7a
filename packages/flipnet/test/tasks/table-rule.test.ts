import { expect, it } from "vitest";
import { usualForTable } from "../../src/tasks/table.ts";

const usual = (rows: number, width: number) => {
  const some = { count: rows, inputs: new Float32Array(), labels: new Uint32Array() };
  return usualForTable({ train: some, test: some, width, classes: 2 });
};

it("makes enough steps of any table", () => {
  expect(usual(1437, 64)).toEqual({ hidden: [128], batchSize: 50, learningRate: 3e-3, epochs: 105 });
  // A batch fits into the smallest, and the longest and the widest come to an end.
  expect(usual(5, 2)).toMatchObject({ hidden: [64], batchSize: 1, epochs: 600 });
  expect(usual(1e6, 1000)).toMatchObject({ hidden: [256], batchSize: 50, epochs: 10 });
});
