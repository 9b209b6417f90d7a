/** What a saved agent says beside its numbers: its file may come from anywhere, and is checked here, once. */
import type { Estimator } from "../estimators/estimator.ts";
import type { NamedOptions } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { checkAllowed } from "../network/exploration.ts";
import type { Closed, Pending } from "./decisions.ts";
import { isProbability } from "./off-policy.ts";
import { parseJson, parseSettings, type Settings } from "./settings.ts";

/** Without the numbers that decisions keep: these are a tensor. */
export interface SavedAgent {
  readonly settings: Settings;
  /** How often it has decided or acted, and learned. */
  readonly played: number;
  readonly learned: number;
  readonly pending: readonly Omit<Pending, "kept">[];
  readonly closed: readonly [string, Closed][];
}

/**
 * Reads the metadata of an agent's file.
 *
 * @param create the registry's `createEstimator`: who only makes agents need not have all estimators
 * @throws InputError for what `save` does not write
 */
export function readSaved(
  metadata: Readonly<Record<string, string>>,
  create: (named: NamedOptions) => Estimator,
): SavedAgent {
  if (metadata.agent === undefined) {
    throw new InputError("the file holds no agent; expected one that save() made");
  }
  const settings = parseSettings(metadata.agent, create);
  // Agents from before there were decisions have none.
  const { pending = "[]", closed = "[]" } = metadata;
  const saved = {
    settings,
    ...countsIn(metadata),
    pending: parseJson(pending, "its pending decisions") as Omit<Pending, "kept">[],
    closed: parseJson(closed, "its closed decisions") as [string, Closed][],
  };
  if (!isList(saved.pending, (one) => isPending(one, saved))) {
    throw damaged("its pending decisions are none of its own");
  }
  const isClosed = (one: unknown) =>
    Array.isArray(one) && one.length === 2 && isName(one[0]) && ends.includes(one[1] as Closed);
  if (!isList(saved.closed, isClosed)) throw damaged("its closed decisions are none of its own");
  const ids = [...saved.pending.map(({ id }) => id), ...saved.closed.map(([id]) => id)];
  const known = new Set<string>();
  // A set, as there may be ten thousands.
  const twice = ids.find((id) => known.size === known.add(id).size);
  if (twice !== undefined) throw damaged(`there are two decisions ${JSON.stringify(twice)}`);
  return saved;
}

/** How often a saved agent had decided or acted, and learned. @throws InputError for what are no counts */
export function countsIn({
  acted,
  learned,
}: Readonly<Record<string, string>>): Pick<SavedAgent, "played" | "learned"> {
  for (const [name, text] of Object.entries({ acted, learned })) {
    if (!isCount(text === "" ? undefined : Number(text))) {
      throw damaged(`${name} is ${JSON.stringify(text)}; expected a whole number from 0 on`);
    }
  }
  return { played: Number(acted), learned: Number(learned) };
}

const damaged = (how: string) => new InputError(`the file of the agent is damaged: ${how}`);

const ends: readonly Closed[] = ["rewarded", "expired", "cancelled"];

const isList = (value: unknown, isOne: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isOne);
const isName = (value: unknown): boolean => typeof value === "string" && value !== "";
const isCount = (value: unknown): value is number => isWhole(value, 0);
const isShare = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1;

/** Whether something is a decision that such an agent can have made. */
function isPending(value: unknown, { settings, played, learned }: SavedAgent): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, action, probability, floor, time, step, version, allowed, rewarded, rows } = value as Pending;
  const { actions = rows } = settings;
  if ((settings.actions === undefined) !== isWhole(rows, 1) || actions === undefined) return false;
  if (allowed !== undefined) {
    try {
      if (rows !== undefined) return false;
      checkAllowed(allowed, actions);
    } catch {
      return false;
    }
  }
  return (
    isName(id) &&
    isCount(action) &&
    (allowed === undefined ? action < actions : allowed.includes(action)) &&
    isProbability(probability) &&
    isShare(floor) &&
    Number.isFinite(time) &&
    isCount(step) &&
    step <= played &&
    isCount(version) &&
    version <= learned &&
    typeof rewarded === "boolean"
  );
}
