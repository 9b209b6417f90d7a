// What a program hands over as rows, and a model's files that are none.
import { encode } from "flipnet/internal/formats/safetensors";
import { loadModel } from "flipnet/internal/model/model";
import { tableOf } from "flipnet/internal/tables/table";
import { expect, it } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { InputError } from "../../src/formats/errors.ts";

it("takes rows, or columns", () => {
  const [a] = tableOf([{ a: 1 }, { a: 2 }]).columns;
  expect(tableOf({ a: [1, 2] }).columns).toEqual([a]);
});

it.each([
  ["a text", "rows", "the table is rows; expected a list of rows, or lists of cells by column"],
  ["nothing", null, "the table is null; expected a list"],
  ["a row that is none", [{ a: 1 }, null], "the table: row 2 is null; expected cells by column"],
  ["a column that is none", { a: [1], b: 7 }, 'the table: "b" is no list; expected the cells of a column'],
  ["a column of half a length", { a: { length: 0.5 } }, 'the table: "a" is no list'],
])("refuses %s", (_, cells, sentence) => {
  expect(() => tableOf(cells as never)).toThrow(InputError);
  expect(() => tableOf(cells as never)).toThrow(sentence);
});

it("refuses a model whose settings make no network", async () => {
  const weights = { dtype: "F32" as const, shape: [2, 4], data: new Float32Array(8) };
  const files = {
    config: { task: "bandit" },
    checkpoint: encode({ "layers.0.weights": weights }, {}),
  };
  const found = loadModel(files, { backend: createReferenceBackend() });
  await expect(found).rejects.toThrow(InputError);
  await expect(found).rejects.toThrow("config.json describes no network that could be made");
});
