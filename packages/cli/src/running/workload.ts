/** From a config to what is trained: backend, data and network. */
import type { Backend } from "flipnet/internal/backend/backend";
import { bestKernels, type KernelKind, refusalOf } from "flipnet/internal/backend/kinds";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { createWasmBackend } from "flipnet/internal/backend/wasm";
import { createEstimator } from "flipnet/internal/estimators/registry";
import { InputError } from "flipnet/internal/formats/errors";
import type { LabelledImages } from "flipnet/internal/formats/labelled-images";
import { convolutions } from "flipnet/internal/front-ends/convolutions";
import type { FrontEnd } from "flipnet/internal/front-ends/front-end";
import { adam } from "flipnet/internal/optimizers/adam";
import { withL2 } from "flipnet/internal/optimizers/l2";
import type { OptimizerFactory } from "flipnet/internal/optimizers/optimizer";
import { sgd } from "flipnet/internal/optimizers/sgd";
import { prepareBanditTraining } from "flipnet/internal/training/bandit";
import { type MemoryPlan, planMemory } from "flipnet/internal/training/memory";
import { prepareMultiplexerTraining } from "flipnet/internal/training/multiplexer";
import type { Training } from "flipnet/internal/training/training";
import { prepareVaeTraining } from "flipnet/internal/training/vae";
import { type ImageSets, loadLabelledImages } from "flipnet/node";
import { type Config, type ConfigOf, optionsOf } from "../settings/config.ts";
import { memoryLimit, takeMemory } from "./memory.ts";

/** A task with its data. */
export interface Workload {
  /** SHA-256 of the data, in hex; `none` where a task makes its own. */
  readonly digest: string;
  /** How many images there are; absent where a task makes its own examples. */
  readonly images?: { readonly train: number; readonly test: number };
  /**
   * A network, all of its parameters zero, and its training; on a wasm backend all memory is taken here, with the plan
   * of what it is for.
   * @param config of the same task and data as the one that was loaded, which is the default
   * @throws InputError where config and data do not fit, or the memory cannot be had
   * @throws RunError where the host has not as much just now
   */
  prepare(backend: Backend, config?: Config): Promise<{ training: Training; memory?: MemoryPlan }>;
}

/** Data, and a training on it. */
interface Source<C> {
  digest: string;
  images?: { train: number; test: number };
  prepare(backend: Backend, config: C): Training;
}

type Sources = { [Task in Config["task"]]: (config: ConfigOf<Task>) => Promise<Source<ConfigOf<Task>>> };

/** One function a task. */
const sources: Sources = {
  async bandit({ data }) {
    const images = await loadLabelledImages({ data });
    return {
      ...described(images),
      prepare: (backend, config) =>
        prepareBanditTraining(backend, images, {
          ...config,
          ...learningOf(config),
          front: frontOf(config, images.train, backend),
        }),
    };
  },

  async multiplexer() {
    return {
      digest: "none",
      prepare: (backend, config) => prepareMultiplexerTraining(backend, { ...config, ...learningOf(config) }),
    };
  },

  async vae({ data }) {
    const images = await loadLabelledImages({ data });
    return {
      ...described(images),
      prepare: (backend, config) => prepareVaeTraining(backend, images, { ...config, ...learningOf(config) }),
    };
  },
};

const described = ({ digest, train, test }: ImageSets) => ({
  digest,
  images: { train: train.count, test: test.count },
});

/** The convolutions that a config asks for. */
export function frontOf(
  { convolutions: channels, kernelSize }: ConfigOf<"bandit">,
  { shape, pixels }: LabelledImages,
  backend: Backend,
): FrontEnd | undefined {
  if (channels === undefined) return undefined;
  if (shape === undefined || shape.length < 2) {
    throw new InputError(
      `the data has no rows and columns, only ${pixels} numbers an example; expected images for convolutions`,
    );
  }
  return convolutions(backend, { shape, channels, kernel: kernelSize! });
}

/** Loads a config's data. @throws InputError for data that cannot be used */
export async function loadWorkload(loaded: Config): Promise<Workload> {
  const load = sources[loaded.task] as (config: Config) => Promise<Source<Config>>;
  const { prepare, ...source } = await load(loaded);
  return {
    ...source,
    async prepare(backend, config = loaded) {
      // More samples take more time, not more memory.
      const short = config.task === "vae" ? { ...config, boundSamples: 1 } : config;
      try {
        const { memory } = backend.features;
        if (memory === undefined) return { training: prepare(backend, config) };
        const plan = await planMemory((dry) => prepare(dry, short), memory, memoryLimit().bytes);
        takeMemory(memory, plan);
        return { training: prepare(backend, config), memory: plan };
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new InputError(`the network and its data do not fit into memory: ${cause.message}`, { cause });
      }
    },
  };
}

/** SHA-256 of a config's data, in hex, or `none`: see `Workload`. @throws InputError for data that cannot be used */
export async function digestOf(config: Config): Promise<string> {
  return (await loadWorkload(config)).digest;
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
export async function createBackend({ backend, kernels, threads }: Config): Promise<Backend> {
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
  estimator: createEstimator({ name: config.estimator, ...optionsOf(config) }),
  optimizer: optimizerOf(config),
});

function optimizerOf(config: Config): OptimizerFactory {
  const { optimizer, learningRate, l2, beta1, beta2, epsilon } = config;
  const frozen = "frozenAdam" in config && config.frozenAdam;
  const chosen =
    optimizer === "sgd"
      ? sgd({ learningRate })
      : adam({
          learningRate,
          ...(beta1 !== undefined && { beta1 }),
          ...(beta2 !== undefined && { beta2 }),
          ...(epsilon !== undefined && { epsilon }),
          ...(frozen && { frozen }),
        });
  return l2 === undefined ? chosen : withL2(chosen, l2);
}
