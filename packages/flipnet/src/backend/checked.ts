/**
 * A backend with a guard before every operation: shapes that do not fit, and numbers where bits are expected, throw a
 * `RangeError` in one sentence. It is made from the table of operations, so that it stands around any backend alike.
 *
 * The reference always has it: estimators are written and audited on that. Around the WebAssembly backend it costs a tenth
 * of an agent's step for shapes, and more than the operations themselves for bits. So that backend checks its shapes
 * by hand (`shapes.ts`; tests hold it to the same table) and takes bits on trust; audits and tests put this around it.
 */
import { isWhole } from "../formats/whole.ts";
import type { FlipTables, ImmediateBackend, Indices, Matrix, Outcome, Sums, Window } from "./backend.ts";
import { type OperandRule, type Operation, operandRules } from "./operations.ts";
import { misfit, shapes } from "./shapes.ts";

type Given = Record<string, unknown>;

/** What a table and an outcome are made of, or the matrix itself. */
function matricesOf(operand: Matrix | FlipTables | Outcome): Matrix[] {
  if ("weights" in operand) return [operand.weights];
  if ("logits" in operand) return [operand.logits, operand.p, operand.q, operand.bits];
  return [operand];
}

/** Whether `size` is the product of `factors`, one of which may be a letter that is not known yet and is then. */
function fits(size: number, factors: readonly string[], letters: Map<string, number>): boolean {
  let product = 1;
  let unknown: string | undefined;
  for (const factor of factors) {
    const value = letters.get(factor) ?? Number(factor);
    if (Number.isNaN(value)) unknown = factor;
    else product *= value;
  }
  if (unknown === undefined) return size === product;
  letters.set(unknown, size / product);
  return Number.isInteger(size / product);
}

/** What the operands say that are no matrices. */
function lettersOf({ choices, window }: Given): Map<string, number> {
  const letters = new Map<string, number>();
  if (choices !== undefined) letters.set("choices", choices as number);
  if (window !== undefined) {
    const { height, width, channels, kernel } = window as Window;
    letters.set("image", height * width * channels);
    letters.set("patch", kernel * kernel * channels);
    letters.set("places", Math.max(0, height - kernel + 1) * Math.max(0, width - kernel + 1));
  }
  return letters;
}

function checkShapes(operation: Operation, rules: readonly OperandRule[], given: Given): void {
  const letters = lettersOf(given);
  const [choices, patch] = [letters.get("choices"), letters.get("patch")];
  let right = (choices === undefined || isWhole(choices, 1)) && patch !== 0;
  for (const { name, shape } of rules) {
    const operand = given[name] as Matrix | FlipTables | Outcome | undefined;
    if (shape === undefined || operand === undefined) continue;
    for (const { rows, columns } of matricesOf(operand)) {
      right &&= fits(rows, shape[0], letters) && fits(columns, shape[1], letters);
    }
    if ("choices" in operand) right &&= operand.bits.columns % operand.choices === 0;
    // The weights of a softmax parent's choices are apart by one.
    if ("coding" in operand && (choices ?? 1) > 1) right &&= operand.coding === "zero-one";
  }
  if (operation === "addressedBit") {
    const k = given.k as number;
    right &&= letters.get("I") === k + 2 ** k;
  }
  if (right) return;
  const named: Record<string, Matrix | number> = {};
  for (const { name, shape } of rules) {
    const value = given[name];
    if (shape !== undefined && value !== undefined) {
      [named[name]] = matricesOf(value as Matrix | FlipTables | Outcome);
    } else if (name === "choices" || name === "k") named[name] = value as number;
    else if (name === "window") Object.assign(named, value);
  }
  misfit(operation, named);
}

/** That lists are long enough for what is read of them, or written. */
function checkLists(operation: Operation, { order, first, out, sums, index }: Given): void {
  if (order !== undefined) shapes.batch(operation, order as Indices, first as number, out as Matrix);
  if (sums !== undefined) {
    const count = operation === "addVariance" ? 2 : 1;
    shapes.range(operation, index as number, count, (sums as Sums).length);
  }
}

type Read = (m: Matrix) => ArrayLike<number>;

/** That operands hold bits, and those of softmax units one choice each. */
function checkBits(operation: Operation, rules: readonly OperandRule[], given: Given, numbersOf: Read): void {
  for (const { name, holds } of rules) {
    if (holds === "numbers" || (holds === "coded" && given.coding === "real")) continue;
    const operand = given[name] as Matrix | Outcome | undefined;
    if (operand === undefined) continue;
    const matrix = "bits" in operand ? operand.bits : operand;
    const choices =
      "bits" in operand
        ? operand.choices
        : name === "actions"
          ? matrix.columns
          : ((given.choices ?? 1) as number);
    const numbers = numbersOf(matrix);
    const what = "bits" in operand ? `${name}.bits` : name;
    for (let start = 0; start < numbers.length; start += choices) {
      let on = 0;
      for (let e = start; e < start + choices; e++) {
        const bit = numbers[e];
        if (bit !== 0 && bit !== 1) {
          throw new RangeError(`${operation}: ${what} holds ${bit} at element ${e}; expected bits, 0 or 1`);
        }
        on += bit;
      }
      if (choices > 1 && on !== 1) {
        throw new RangeError(
          `${operation}: ${what} has ${on} choices made from element ${start} on; expected 1 of ${choices}`,
        );
      }
    }
  }
}

/**
 * The backend with a guard before every operation.
 *
 * @param numbersOf what a matrix holds, where that can be had more cheaply than by a read
 */
export function checked<B extends ImmediateBackend>(
  backend: B,
  numbersOf: Read = (m) => backend.readNow(m),
): B {
  const guarded: Record<string, unknown> = { name: backend.name };
  for (let at = backend as object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const member = (backend as unknown as Record<string, unknown>)[name];
      if (name in guarded || typeof member !== "function") continue;
      const rules = operandRules[name as Operation];
      guarded[name] =
        rules === undefined
          ? member.bind(backend)
          : guard(name as Operation, rules, member as (...operands: unknown[]) => unknown);
    }
  }
  function guard(
    operation: Operation,
    rules: readonly OperandRule[],
    act: (...operands: unknown[]) => unknown,
  ) {
    return (...operands: unknown[]) => {
      const given: Given = {};
      rules.forEach(({ name }, place) => {
        given[name] = operands[place];
      });
      checkShapes(operation, rules, given);
      checkLists(operation, given);
      checkBits(operation, rules, given, numbersOf);
      act.apply(backend, operands);
    };
  }
  const { threads } = backend as { threads?: number };
  return Object.assign(guarded, {
    ...(threads !== undefined && { threads }),
    features: { ...backend.features, immediate: guarded },
  }) as unknown as B;
}
