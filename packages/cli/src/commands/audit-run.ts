/** A trained network as an audit's spec, cut to what can be enumerated. */

import type { AuditSpec } from "flipnet/internal/audit/audit";
import type { AuditLayer } from "flipnet/internal/audit/bandit-spec";
import { fromBlock, type LayerValues } from "flipnet/internal/audit/layout";
import { immediate } from "flipnet/internal/backend/backend";
import { InputError } from "flipnet/internal/formats/errors";
import type { Layer, Linear } from "flipnet/internal/network/network";
import { writeBlocks } from "flipnet/internal/training/parameters";
import { loadLabelledImages } from "flipnet/node";
import { checkpointOf } from "../export/exporter.ts";
import { learnedBy } from "../running/learned.ts";
import { readRun } from "../running/run-folder.ts";
import { taskOf } from "../settings/config.ts";

/** How small it is to become. */
export interface CutOptions {
  /** Contexts or images. */
  readonly examples: number;
  /** Ways in which one pass can come out, the examples among them; at most, if there is a unit for every layer. */
  readonly states: number;
}

/** What is audited of a run. */
export interface CutRun {
  readonly spec: AuditSpec;
  /** What was kept and what was left out, in a sentence. */
  readonly said: string;
}

/**
 * The network of a run with the first units of each layer, all inputs and all actions, on its first test examples. What
 * reads a unit that was left out reads nothing there.
 *
 * @throws InputError for a folder that holds no run with a checkpoint, and for a network that no spec can say
 */
export async function cutRun(folder: string, { examples: count, states }: CutOptions): Promise<CutRun> {
  const run = await readRun(folder);
  const { config } = run;
  const { tensors } = await checkpointOf(run);
  const { network, decoder } = await learnedBy(config, tensors);
  const { spec: shape, layers, front } = network;
  const task = taskOf(config);
  if (task.cases === undefined) {
    throw new InputError(
      `${folder} is a run of the task "${config.task}", of which no few examples can be audited`,
    );
  }
  if (front !== undefined)
    throw new InputError(`${folder} has a front end before its units; an audit has none`);
  if (decoder !== undefined && shape.units !== "zero-one") {
    throw new InputError(`the auto-encoder of ${folder} has {-1,+1} units; an audit has those of {0,1} only`);
  }
  const images = async () => (await loadLabelledImages({ data: config.data })).test;
  const { inputs, rewards } = await task.cases(config, count, images);

  const linears = [...layers, ...(decoder === undefined ? [] : [...decoder.layers, decoder.prior])];
  const blocks = linears.map(({ block }) => block);
  writeBlocks(network.backend, linears, "", blocks, { ...tensors });

  const kept = keptUnits(layers, rewards !== undefined, inputs.length, states);
  const whole = layers.every(({ units, index }) => kept[index] === units);
  const seen = `${folder}: ${inputs.length} examples, all ${network.inputs} inputs`;
  const parts = layers.map(({ units, index }) => `${kept[index]} of ${units}`).join(", ");
  const said = whole
    ? `${seen}, all units`
    : `${seen}, and of each layer's units the first ${parts}; the others are left out, as though nobody read them`;

  /** Rows and columns of a layer that stay; -1 is the input. */
  const columnsOf = (from: number) => [
    ...Array(from < 0 ? network.inputs : kept[from] * layers[from].choices).keys(),
  ];
  const values = (linear: Linear, rows: number) => {
    const all = fromBlock(Float64Array.from(immediate(network.backend).readNow(linear.block)), linear.width);
    const columns: number[] = [];
    let offset = 0;
    for (const { from, weights } of linear.parents) {
      columns.push(...columnsOf(from).map((column) => offset + column));
      offset += weights.rows;
    }
    return cutTo(all, rows, columns);
  };
  const cut = layers.map((layer): AuditLayer => {
    const { kind, choices, index, parents } = layer;
    return {
      kind,
      ...(kind === "softmax" && { choices }),
      parents: parents.map(({ from }) => (from < 0 ? "input" : from)),
      ...values(layer, kept[index] * choices),
    };
  });
  if (decoder === undefined) {
    return { said, spec: { units: shape.units, layers: cut, contexts: inputs, reward: rewards! } };
  }
  const prior = values(decoder.prior, columnsOf(layers.length - 1).length).bias;
  const down = decoder.layers.map((linear, l) => values(linear, columnsOf(l - 1).length));
  return { said, spec: { encoder: cut, decoder: down.reverse(), prior, images: inputs } };
}

/** As many units of each layer as there may be states, one more in each layer in turn; an output keeps its own. */
function keptUnits(layers: readonly Layer[], acts: boolean, examples: number, states: number): number[] {
  const last = layers.length - 1;
  const kept = layers.map(({ units, index }) => (acts && index === last ? units : 1));
  const count = () =>
    layers.reduce((product, { choices }, l) => product * Math.max(2, choices) ** kept[l], examples);
  for (let grown = true; grown; ) {
    grown = false;
    for (const { units, choices, index } of layers) {
      if (kept[index] < units && count() * Math.max(2, choices) <= states) {
        kept[index]++;
        grown = true;
      }
    }
  }
  return kept;
}

const cutTo = ({ weights, bias }: LayerValues, rows: number, columns: readonly number[]): LayerValues => ({
  weights: weights.slice(0, rows).map((row) => columns.map((column) => row[column])),
  bias: bias.slice(0, rows),
});
