/** What agents look at before they go on, and what they say of it. */
import type { ImmediateBackend } from "../backend/backend.ts";
import { InputError, RunError } from "../formats/errors.ts";
import type { Tensor } from "../formats/safetensors.ts";
import { type NetworkSpec, networkShapes } from "../network/network.ts";
import { type Optimizer, remedyFor } from "../optimizers/optimizer.ts";
import { generator } from "../random/threefry.ts";
import type { Learner } from "../training/learner.ts";
import { takeTensor } from "../training/parameters.ts";
import { isSmall, largest } from "./settings.ts";

/** How often the weights are looked at, in steps of learning: a number that is not finite stays. */
export const checkEvery = 1000;

/** @throws InputError for anything but so many numbers of that kind; @param row its place among several */
export function checkNumbers(
  numbers: ArrayLike<number>,
  count: number,
  inputKind: "real" | "bits",
  name: string,
  row?: number,
): void {
  if (numbers?.length !== count) {
    const found =
      typeof numbers === "number"
        ? `is ${numbers}; expected ${count} numbers`
        : `has ${numbers?.length ?? "no"} numbers; expected ${count}`;
    throw new InputError(`${nameOf(name, row)} ${found}`);
  }
  for (let i = 0; i < count; i++) {
    const value = numbers[i];
    if (inputKind === "bits" ? value === 0 || value === 1 : isSmall(value)) continue;
    const expected = inputKind === "bits" ? "0 or 1" : `a number of at most ${largest} in size`;
    throw new InputError(`${nameOf(name, row)} has ${shown(value)} at place ${i}; expected ${expected}`);
  }
}

/** @throws InputError for what is no reward */
export function checkReward(value: unknown, name: string, row?: number): void {
  if (isSmall(value)) return;
  throw new InputError(
    `${nameOf(name, row)} is ${shown(value)}; expected a number of at most ${largest} in size`,
  );
}

/** @throws InputError for a file whose draws were others */
export function checkGenerator(metadata: Readonly<Record<string, string>>): void {
  if (metadata.generator === generator) return;
  throw new InputError(`the agent was made with generator ${metadata.generator}; expected ${generator}`);
}

/** Before memory is taken for what a file's settings say. @throws InputError where its weights are not of such a network */
export function checkShapes(tensors: Readonly<Record<string, Tensor>>, spec: NetworkSpec): void {
  networkShapes(spec).forEach(({ width, parentWidths }, i) => {
    const inputs = parentWidths.reduce((sum, one) => sum + one, 0);
    takeTensor({ ...tensors }, `layers.${i}.weights`, [width, inputs], "the agent");
  });
}

type Learning = Pick<Learner, "parameters" | "optimizer">;

/** @throws RunError where one is not finite */
export function checkWeights(backend: ImmediateBackend, { parameters, optimizer }: Learning): void {
  for (const { name, block } of parameters) {
    if (!backend.readNow(block).every(Number.isFinite)) throw new RunError(spoilt(name, optimizer));
  }
}

/** The same of what is to be saved. */
export function checkFinite(tensors: Readonly<Record<string, Tensor>>, { optimizer }: Learning): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) throw new RunError(spoilt(name, optimizer));
  }
}

const spoilt = (name: string, optimizer: Optimizer): string =>
  `${name} of the agent holds a number that is not finite: it cannot go on; load what was saved before, and ${remedyFor(optimizer)}`;

const nameOf = (name: string, row: number | undefined): string =>
  row === undefined ? name : `${name} ${row}`;

/** A value in a sentence. */
export const shown = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : String(value);

/** The beginning of an agent's ids: no two have the same. */
export function randomName(): string {
  const [a, b] = crypto.getRandomValues(new Uint32Array(2));
  return a.toString(36) + b.toString(36);
}
