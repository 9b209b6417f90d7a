/** Whether a run's memory is there, and what it is, in words. */
import { totalmem } from "node:os";
import type { MemoryPlanner } from "flipnet/internal/backend/backend";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import type { MemoryPlan } from "flipnet/internal/training/memory";

const GiB = 2 ** 30;

/** The most that a run can have: what a WebAssembly memory can hold, or less on a machine or in a container that has less. */
export function memoryLimit(machine = Math.min(totalmem(), process.constrainedMemory() || Infinity)): {
  bytes: number;
  what: string;
} {
  return machine < 4 * GiB
    ? { bytes: machine, what: `the ${formatBytes(machine)} that this machine has` }
    : { bytes: 4 * GiB, what: "the 4 GiB that a WebAssembly memory can hold" };
}

/**
 * Takes the memory that is planned, in one go.
 *
 * @throws InputError for more than there can be; before anything is taken
 * @throws RunError where the host has not as much just now
 */
export function takeMemory(memory: MemoryPlanner, plan: MemoryPlan, limit = memoryLimit()): void {
  if (plan.total > limit.bytes) {
    const [largest] = partsOf(plan);
    throw new InputError(
      `this run needs at least ${describeMemory(plan)}, more than ${limit.what}; try ${remedies[largest]}`,
    );
  }
  if (!memory.reach(plan.total)) {
    throw new RunError(
      `this run needs ${describeMemory(plan)}, and this machine has not as much to give now`,
    );
  }
}

/** `1.9 GiB of memory: activities 1.2 GiB, parameters 0.5 GiB, ...`, the largest first. */
export function describeMemory(plan: MemoryPlan): string {
  const parts = partsOf(plan).map((part) => `${part} ${formatBytes(plan[part])}`);
  return `${formatBytes(plan.total)} of memory (${parts.join(", ")})`;
}

/** What makes less of the part that takes most. */
const remedies: Record<Part, string> = {
  parameters: "narrower layers",
  activities: "a smaller batch",
  tables: "narrower layers",
  data: "fewer images",
  evaluation: "narrower layers",
  scratch: "narrower layers",
};

type Part = Exclude<keyof MemoryPlan, "total">;

/** The parts that matter, the largest first. */
function partsOf({ total, ...parts }: MemoryPlan): Part[] {
  const names = Object.keys(parts) as Part[];
  return names.filter((name) => parts[name] >= total / 100).sort((a, b) => parts[b] - parts[a]);
}

const formatBytes = (bytes: number) =>
  bytes < GiB ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${Number((bytes / GiB).toPrecision(2))} GiB`;
