/** Other actions for an agent that has learned: some are new, some go. */
import { createEstimator } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { decode, encode, type Tensor } from "../formats/safetensors.ts";
import { isWhole } from "../formats/whole.ts";
import { hiddenSpec } from "../network/hidden.ts";
import { takeTensor } from "../training/parameters.ts";
import { readSaved } from "./saved.ts";
import { settingsText } from "./settings.ts";

/**
 * The saved agent with other actions. `actions` says for each of them which one it was, or `"new"`: with three actions
 * `[0, 1, 2, "new"]` adds one and `[0, 2]` takes one away. A new action begins as the mean of the old ones. Decisions that
 * wait keep what they have learned of actions that stay; one for an action that goes is forgotten.
 *
 * @param bytes what `save` gave
 * @throws InputError for bytes that hold no agent, or actions that it did not have or that are there twice
 */
export function withActions(
  bytes: Uint8Array | ArrayBuffer,
  actions: readonly (number | "new")[],
): Uint8Array {
  const { tensors, metadata } = decode(bytes, "the agent");
  const { settings, pending } = readSaved(metadata, createEstimator);
  const { actions: before } = settings;
  if (before === undefined) {
    throw new InputError("the actions of the agent have features; expected to tell decide of other ones");
  }
  check(actions, before);

  const output = `layers.${settings.hidden.length}.`;
  const changed = Object.entries(tensors).map(([name, tensor]): [string, Tensor] => {
    if (name === "pending" || !name.includes(output)) return [name, tensor];
    // What an optimizer remembers of an action that is new is nothing.
    const mean = name.startsWith(output);
    if (tensor.shape[0] !== before) {
      throw new InputError(`the agent's ${name} has shape [${tensor.shape}]; expected ${before} rows`);
    }
    return [name, rowsOf(tensor, actions, mean)];
  });

  const stay = pending.map(({ action }) => actions.indexOf(action));
  const left = pending.flatMap(({ allowed, ...one }, i) => {
    if (stay[i] < 0) return [];
    const among = allowed?.map((action) => actions.indexOf(action)).filter((action) => action >= 0);
    return [{ ...one, action: stay[i], ...(among && { allowed: among }) }];
  });
  const result = Object.fromEntries(changed);
  delete result.pending;
  if (left.length > 0) {
    const widths = settings.hidden.map((layer) => {
      const { units, choices = 1 } = hiddenSpec(layer);
      return units * choices;
    });
    const inner = widths.reduce((sum, width) => sum + width, 0);
    // The baseline, the context, the bits and then the scores of every layer, and its bonus's: see `Player.keep`.
    const bits = 1 + settings.inputs + inner;
    const scores = bits + before + inner;
    const columns = [
      ...range(0, bits),
      ...actions.map((action) => (action === "new" ? undefined : bits + action)),
      ...range(bits + before, scores),
      ...actions.map((action) => (action === "new" ? undefined : scores + action)),
    ];
    const inside = scores + before;
    if (settings.entropyBonus > 0) {
      columns.push(...range(inside, inside + inner));
      for (const action of actions) columns.push(action === "new" ? undefined : inside + inner + action);
    }
    const rows = pending.flatMap((_, i) => (stay[i] < 0 ? [] : [i]));
    const width = inside + (settings.entropyBonus > 0 ? inner + before : 0);
    const kept = takeTensor(tensors, "pending", [pending.length, width], "the agent");
    result.pending = columnsOf(kept, rows, columns);
  }
  return encode(result, {
    ...metadata,
    agent: settingsText({ ...settings, actions: actions.length }),
    pending: JSON.stringify(left),
  });
}

function check(actions: readonly (number | "new")[], before: number): void {
  const wrong = actions.find((action) => action !== "new" && !isWhole(action, 0, before - 1));
  if (wrong !== undefined) {
    throw new InputError(
      `actions has ${String(wrong)}; expected "new" or one that there was, 0 to ${before - 1}`,
    );
  }
  const old = actions.filter((action) => action !== "new");
  if (actions.length < 2 || old.length === 0 || new Set(old).size !== old.length) {
    throw new InputError(
      `actions is [${actions}]; expected two or more, each that there was once at most and one at least`,
    );
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Rows in another order; a new one is the mean of all that there were, or 0. */
function rowsOf(tensor: Tensor, actions: readonly (number | "new")[], mean: boolean): Tensor {
  const [count, width = 1] = tensor.shape;
  const data = tensor.data as Float64Array;
  const fresh = Array.from({ length: width }, (_, i) => {
    if (!mean) return 0;
    return range(0, count).reduce((sum, row) => sum + data[row * width + i], 0) / count;
  });
  const rows = actions.flatMap((action) =>
    action === "new" ? fresh : [...data.subarray(action * width, (action + 1) * width)],
  );
  return like(tensor, [actions.length, ...tensor.shape.slice(1)], rows);
}

/** Some rows, with columns in another order; undefined: 0. */
function columnsOf(
  tensor: Tensor,
  rows: readonly number[],
  columns: readonly (number | undefined)[],
): Tensor {
  const width = tensor.shape[1];
  const data = rows.flatMap((row) =>
    columns.map((column) => (column === undefined ? 0 : Number(tensor.data[row * width + column]))),
  );
  return like(tensor, [rows.length, columns.length], data);
}

const like = ({ dtype }: Tensor, shape: number[], data: number[]): Tensor =>
  dtype === "F64"
    ? { dtype, shape, data: Float64Array.from(data) }
    : { dtype: "F32", shape, data: Float32Array.from(data) };
