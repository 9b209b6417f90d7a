// What has to be the same of two runs that are the same, and random numbers that are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSafetensors } from "../../packages/flipnet/dist/index.js";

/** What a run folder holds but for wall times: records, summary, every tensor of the checkpoint. As text. */
export function outcomeOf(folder) {
  const records = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const { tensors } = decodeSafetensors(
    readFileSync(join(folder, "checkpoints", "latest.safetensors")),
    "it",
  );
  const { msPerStep, ...summary } = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
  return JSON.stringify({
    summary,
    records: records.map((line) => ({ ...JSON.parse(line), msPerStep: undefined })),
    tensors: Object.entries(tensors).map(([name, { shape, data }]) => {
      return [name, shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")];
    }),
  });
}

/** A function that gives numbers in [0, 1), the same for the same seed. */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
