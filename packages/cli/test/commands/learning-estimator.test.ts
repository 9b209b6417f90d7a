// An estimator from a file with everything that one can have: an option, three samples, and a parameter that it learns.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { decode } from "../../../flipnet/src/formats/safetensors.ts";
import { flipnet, outcomeOf, start, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();

/** REINFORCE over K passes, less a number that is learned by least squares: the mean of what the objective is worth. */
const source = `
  import { computeScore, count, createPass, defineEstimator, samplePass } from "flipnet/estimators";
  export default defineEstimator({
    name: "learned-mean",
    title: "REINFORCE less a learned mean",
    paper: "none",
    unbiased: true,
    why: "a number that was learned before depends on no sample",
    needs: { knows: ["evaluations"] },
    baseline: false,
    cost: "a forward pass a sample",
    options: { samples: count({ least: 1, default: 1, says: "passes" }) },
    prepare({ network, input, objective }, { samples }) {
      const { backend, layers } = network;
      const matrix = (columns) => backend.matrix(input.rows, columns);
      const mean = backend.matrix(1, 1);
      const gradient = backend.matrix(1, 1);
      const main = createPass(network, input);
      const passes = Array.from({ length: samples }, (_, k) => {
        const pass = k === 0 ? main : createPass(network, input, k, main.features);
        return { pass, evaluation: objective.prepare(pass), value: matrix(1), signal: matrix(1) };
      });
      const credits = layers.flatMap((linear) =>
        passes.map((of) => ({ linear, pass: of.pass, g: matrix(linear.width), of })),
      );
      return {
        pass: main,
        evaluation: passes[0].evaluation,
        credits,
        state: {},
        parameters: [{ name: "estimator.mean", block: mean, width: 0, rate: 0.5 }],
        gradients: [gradient],
        sample(draws) {
          for (const { pass } of passes) samplePass(pass, draws);
        },
        credit() {
          for (const { evaluation, value, signal } of passes) {
            backend.fill(value, 0);
            for (const component of evaluation.components) {
              component.evaluate();
              backend.addScaled(component.value, 1, value);
            }
            backend.subtractBaseline(value, mean, signal);
            backend.addScaled(signal, 1 / samples - 1, signal);
          }
          for (const { linear, g, of } of credits) {
            computeScore(backend, of.pass.layers[linear.index], g);
            backend.scaleRows(g, of.signal, g);
            if (of === passes[0]) of.evaluation.addDirectGradient(linear, g);
          }
        },
        adapt() {
          passes.forEach(({ signal }, k) => backend.columnMeans(signal, gradient, k > 0));
        },
      };
    },
  });
`;

it("trains with three samples, and after kill -9 goes on bit for bit, what it has learned included", async () => {
  // In the repository, where it finds the package.
  const folder = join(import.meta.dirname, "..", "..", "..", "..", "node_modules", ".cache", "estimators");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "learned-mean.mjs");
  writeFileSync(file, source);
  const flags = [
    "--task",
    "vae",
    "--hidden",
    "4,3",
    "--limit",
    "200",
    "--batch-size",
    "10",
    "--evaluate-every",
    "1000",
  ];
  const train = (out: string, epochs: number) => [
    ...["train", ...flags, "--estimator", `${file}:samples=3`, "--kernels", "portable"],
    ...["--epochs", `${epochs}`, "--out", out, "--quiet"],
  ];
  const [killed, whole] = [temporary("killed"), temporary("whole")];
  const child = start(train(killed, 100_000));
  const ended = outcomeOf(child);
  const checkpointIn = (out: string) => {
    const [run] = existsSync(out) ? readdirSync(out) : [];
    return join(out, `${run}`, "checkpoints", "latest.safetensors");
  };
  while (!existsSync(checkpointIn(killed))) await setTimeout(50);
  child.kill("SIGKILL");
  await ended;

  const read = (out: string) => decode(readFileSync(checkpointIn(out)), "the checkpoint").tensors;
  const [run] = readdirSync(killed);
  const records = readFileSync(join(killed, run, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const epochs = records.length + 20;
  expect(await flipnet(train(killed, epochs).concat("--resume"))).toMatchObject({ code: 0 });
  expect(await flipnet(train(whole, epochs))).toMatchObject({ code: 0 });
  const [one, other] = [read(killed), read(whole)];
  const learned = Object.keys(other).filter((name) => !name.startsWith("training."));
  expect(learned).toContain("estimator.mean");
  for (const name of learned) expect([name, [...one[name].data]]).toEqual([name, [...other[name].data]]);
  // Nats an image: far below 0, where it began.
  expect(Number(other["estimator.mean"].data[0])).toBeLessThan(-5);
});
