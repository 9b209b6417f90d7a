/**
 * What happens, as entries of a stream. What an agent becomes is a function of the stream alone: its entries in their
 * order, and the times that Redis gave them.
 */
import type { Agent } from "../agent/agent.ts";
import type { Handed } from "../agent/decisions.ts";
import { InputError } from "../formats/errors.ts";
import { toBytes, toText } from "./port.ts";

/** An entry of the stream: its id, `milliseconds-number`, and its fields, names and values in turn. */
export type Entry = readonly [id: string, fields: readonly string[]];

/** The fields of a decision. */
export function decisionFields({ id, kept, ...rest }: Handed): string[] {
  const bytes = new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength);
  const data = { ...rest, dtype: kept instanceof Float32Array ? "F32" : "F64", kept: toText(bytes) };
  return ["event", "decision", "id", id, "data", JSON.stringify(data)];
}

/** The fields of a reward. */
export const rewardFields = (id: string, value: number): string[] => [
  ...["event", "reward", "id", id],
  ...["value", `${value}`],
];

/** The fields of a cancellation. */
export const cancelFields = (id: string): string[] => ["event", "cancel", "id", id];

/**
 * Lets an event happen to the learner's agent. Entries may be there twice: an id counts once.
 *
 * @returns false where nothing happened: it was there before, waits no more, or is no event
 * @throws RunError where the agent cannot go on
 */
export function applyEntry(agent: Agent, [entry, list]: Entry): boolean {
  const now = Number(entry.slice(0, entry.indexOf("-")));
  const fields = Object.fromEntries(
    list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]] as const] : [])),
  );
  const { event, id = "" } = fields;
  try {
    if (event === "decision") return agent.takeOver(handedIn(id, fields.data), { now });
    if (event === "reward") agent.reward(id, fields.value ? Number(fields.value) : Number.NaN, { now });
    else if (event === "cancel") agent.cancel(id);
    else return false;
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

function handedIn(id: string, text: string | undefined): Handed {
  let data: { kept?: unknown; dtype?: unknown } | null = null;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    data = JSON.parse(text ?? "");
    bytes = toBytes(String(data?.kept));
  } catch {
    // No decision: see below.
  }
  const width = data?.dtype === "F32" ? 4 : 8;
  if (!data || !bytes || bytes.length % width !== 0) throw new InputError("the entry is no decision");
  const { dtype, ...rest } = data;
  const kept = dtype === "F32" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  return { ...rest, id, kept } as Handed;
}
