/** What memory a training needs, known before any of it is taken. */
import type { Backend, MemoryPlanner } from "../backend/backend.ts";
import type { Training } from "./training.ts";

/** Bytes of a wasm backend's memory, by what they are for. */
export interface MemoryPlan {
  /** All of them. */
  total: number;
  /** Weights and biases, their gradients, and what the optimizer remembers of each. */
  parameters: number;
  /** What units and estimator make of one batch. */
  activities: number;
  /** Tables of weights, for flips. */
  tables: number;
  /** Data that is trained and measured on. */
  data: number;
  /** Passes that measure; not known where all else is more than `most`. */
  evaluation: number;
  /** The kernels' own. */
  scratch: number;
}

/**
 * Makes the training, takes a step and measures, on a memory that is only counted: so this is what the same training
 * takes of `memory`.
 *
 * @param prepare a training whose parameters need no values
 * @param most what there is at most: with more, the plan is as large as is needed to say so
 */
export async function planMemory(
  prepare: (backend: Backend) => Training,
  memory: MemoryPlanner,
  most = 2 ** 32,
): Promise<MemoryPlan> {
  const backend = memory.dry();
  const { used } = backend.features.memory;
  const training = prepare(backend);
  training.rehearse();
  const { matrices, tables, data } = used;
  const total = () => Object.values(used).reduce((a, b) => a + b);
  if (total() <= most) await training.task.evaluate(training.learner.network, { epoch: 0, step: 1 });

  const parameters = training.learner.blocks.reduce((sum, { rows, columns }) => sum + 4 * rows * columns, 0);
  return {
    total: total(),
    parameters,
    activities: matrices - parameters,
    tables,
    data,
    evaluation: used.matrices - matrices,
    scratch: used.scratch,
  };
}
