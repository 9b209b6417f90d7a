/** From a config to what is trained: backend, data and network. */
import type { Backend } from "flipnet/internal/backend/backend";
import { bestKernels, type KernelKind, refusalOf } from "flipnet/internal/backend/kinds";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { roundScores } from "flipnet/internal/backend/rounded-scores";
import { createWasmBackend } from "flipnet/internal/backend/wasm";
import { InputError } from "flipnet/internal/formats/errors";
import { adam } from "flipnet/internal/optimizers/adam";
import { withL2 } from "flipnet/internal/optimizers/l2";
import type { OptimizerFactory } from "flipnet/internal/optimizers/optimizer";
import { sgd } from "flipnet/internal/optimizers/sgd";
import type { Preparation } from "flipnet/internal/tables/prepare";
import type { TaskData, UsualForData } from "flipnet/internal/tasks/definition";
import { prepareTraining } from "flipnet/internal/training/create";
import { type MemoryPlan, planMemory } from "flipnet/internal/training/memory";
import type { Training } from "flipnet/internal/training/training";
import { type Config, decided, estimatorOf, rulesIn, taskOf } from "../settings/config.ts";
import { withEnvironment } from "../settings/environment.ts";
import { loadData } from "./data.ts";
import { memoryLimit, takeMemory } from "./memory.ts";

/** A task with its data. */
export interface Workload {
  /** SHA-256 of the data, in hex; `none` where a task makes its own. */
  readonly digest: string;
  /** How many examples there are; absent where a task makes its own. */
  readonly examples?: { readonly train: number; readonly test: number };
  /** The config that it was loaded for, with what the data decide of settings that nobody gave. */
  readonly config: Config;
  /** How a table was prepared, and what was left out of it. */
  readonly preparation?: Preparation;
  readonly notes?: readonly string[];
  /**
   * A network, all of its parameters zero, and its training; on a wasm backend all memory is taken here, with the plan
   * of what it is for.
   * @param config of the same task and data as the one that was loaded, which is the default
   * @throws InputError where config and data do not fit, or the memory cannot be had
   * @throws RunError where the host has not as much just now
   */
  prepare(backend: Backend, config?: Config): Promise<{ training: Training; memory?: MemoryPlan }>;
}

/** Loads a config's data. @throws InputError for data that cannot be used */
export async function loadWorkload(asked: Config): Promise<Workload> {
  const { data, digest, preparation, notes } = await loadData(asked);
  const usual = usualFor(asked, data);
  const loaded = decided(asked, usual);
  const prepare = (backend: Backend, config: Config) => {
    const { task, network } = taskOf(config).create(backend, withEnvironment(config), data as TaskData);
    return prepareTraining(task, network, { ...config, ...learningOf(config) });
  };
  return {
    digest,
    config: loaded,
    ...(data && "train" in data && { examples: { train: data.train.count, test: data.test.count } }),
    ...(preparation && { preparation }),
    ...(notes && { notes: usual === undefined ? notes : [...notes, `by rule: ${rulesIn(asked, usual)}`] }),
    async prepare(backend, config = loaded) {
      try {
        const { memory } = backend.features;
        if (memory === undefined) return { training: prepare(backend, config) };
        // More samples take more time, not more memory.
        const cheap = cheapest(config).config;
        const plan = await planMemory((dry) => prepare(dry, cheap), memory, memoryLimit().bytes);
        takeMemory(memory, plan);
        return { training: prepare(backend, config), memory: plan };
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new InputError(`the network and its data do not fit into memory: ${cause.message}`, { cause });
      }
    },
  };
}

/** The config that measures with as little work as can be, and its share of that work: see `TaskDefinition.cheap`. */
export function cheapest(config: Config): { config: Config; share: number } {
  const { settings, share } = taskOf(config).cheap?.(config) ?? { settings: config, share: 1 };
  return { config: settings as Config, share };
}

/** What the data of a config say of a run: their digest, as in `Workload`, and what they decide. */
export interface DataFacts {
  readonly digest: string;
  readonly usual: UsualForData | undefined;
}

/** @throws InputError for data that cannot be used */
export async function factsOf(config: Config): Promise<DataFacts> {
  const { data, digest } = await loadData(config);
  return { digest, usual: usualFor(config, data) };
}

/** What data decide, where there is something left to decide. */
function usualFor(config: Config, data: TaskData | undefined): UsualForData | undefined {
  return config.byRule === undefined ? undefined : taskOf(config).usualFor?.(data!);
}

/** The kernels that a run of a config has on this host: those that it names, or the best there are. */
export function kernelsOf({ backend, kernels }: Config): KernelKind | "float64" {
  return kernels ?? (backend === "reference" ? "float64" : bestKernels());
}

/**
 * The backend that a config asks for.
 *
 * @throws InputError for kernels or threads that the backend or this host does not have
 */
export async function createBackend(config: Config): Promise<Backend> {
  const backend = await chosenBackend(config);
  return config.scores === "exact" ? backend : roundScores(backend);
}

async function chosenBackend({ backend, kernels, threads }: Config): Promise<Backend> {
  if (backend === "reference") {
    if (threads !== undefined && threads > 1) {
      throw new InputError(`threads is ${threads}; expected 1, as the backend is the reference`);
    }
    if (kernels === undefined || kernels === "float64") return createReferenceBackend();
    throw new InputError(`kernels is "${kernels}"; expected "float64", as the backend is the reference`);
  }
  if (kernels === "float64") {
    throw new InputError('kernels is "float64"; expected "portable" or "relaxed", as the backend is wasm');
  }
  const refusal = kernels && refusalOf(kernels);
  if (refusal !== undefined) throw new InputError(refusal);
  return createWasmBackend({ ...(kernels && { kernels }), ...(threads && { threads }) });
}

/** What a config says about how to learn. */
const learningOf = (config: Config) => ({
  estimator: estimatorOf(config),
  optimizer: optimizerOf(config),
});

function optimizerOf(config: Config): OptimizerFactory {
  const { optimizer, learningRate, learningRateEnd, learningRateSteps, l2, beta1, beta2, epsilon } = config;
  const frozen = config.frozenAdam;
  const rates = {
    learningRate,
    ...(learningRateEnd !== undefined && { learningRateEnd }),
    ...(learningRateSteps !== undefined && { learningRateSteps }),
  };
  const chosen =
    optimizer === "sgd"
      ? sgd(rates)
      : adam({
          ...rates,
          ...(beta1 !== undefined && { beta1 }),
          ...(beta2 !== undefined && { beta2 }),
          ...(epsilon !== undefined && { epsilon }),
          ...(frozen && { frozen }),
        });
  return l2 === undefined ? chosen : withL2(chosen, l2);
}
