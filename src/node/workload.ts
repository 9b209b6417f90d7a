/** From a config to what is trained: backend, data and network. */
import type { Backend } from "../backend/backend.ts";
import { relaxedSimdSupported } from "../backend/modules.ts";
import { createReferenceBackend } from "../backend/reference.ts";
import { createWasmBackend } from "../backend/wasm.ts";
import { findEstimator } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { adam } from "../optimizers/adam.ts";
import { withL2 } from "../optimizers/l2.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { sgd } from "../optimizers/sgd.ts";
import { createBanditTraining } from "../training/bandit.ts";
import { createMultiplexerTraining } from "../training/multiplexer.ts";
import type { Training } from "../training/training.ts";
import { createVaeTraining } from "../training/vae.ts";
import { type Config, type ConfigOf, optionsOf } from "./config.ts";
import { loadLabelledImages } from "./data.ts";

/** A task with its data. */
export interface Workload {
  /** SHA-256 of the data, in hex; `none` where a task makes its own. */
  readonly digest: string;
  /** A fresh network and its training. @throws InputError where config and data do not fit */
  createTraining(backend: Backend): Training;
}

type Workloads = { [Task in Config["task"]]: (config: ConfigOf<Task>) => Promise<Workload> };

/** One function a task. */
const workloads: Workloads = {
  async bandit(config) {
    const data = await loadLabelledImages({ data: config.data });
    return {
      digest: data.digest,
      createTraining: (backend) =>
        fitting(() =>
          createBanditTraining(backend, data, {
            ...config,
            estimator: findEstimator(config.estimator)!,
            options: optionsOf(config),
            optimizer: optimizerOf(config),
          }),
        ),
    };
  },

  async multiplexer(config) {
    return {
      digest: "none",
      createTraining: (backend) =>
        fitting(() =>
          createMultiplexerTraining(backend, {
            ...config,
            estimator: findEstimator(config.estimator)!,
            options: optionsOf(config),
            optimizer: optimizerOf(config),
          }),
        ),
    };
  },

  async vae(config) {
    const data = await loadLabelledImages({ data: config.data });
    return {
      digest: data.digest,
      createTraining: (backend) =>
        fitting(() =>
          createVaeTraining(backend, data, {
            ...config,
            estimator: findEstimator(config.estimator)!,
            options: optionsOf(config),
            optimizer: optimizerOf(config),
          }),
        ),
    };
  },
};

/** All memory is taken here: what does not fit is found out before anything is written. */
function fitting(create: () => Training): Training {
  try {
    return create();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InputError(`the network and its data do not fit into memory: ${cause.message}`, { cause });
  }
}

/** Loads a config's data. @throws InputError for data that cannot be used */
export const loadWorkload = (config: Config): Promise<Workload> =>
  (workloads[config.task] as (config: Config) => Promise<Workload>)(config);

/** The backend that a config asks for. @throws InputError for kernels that the backend or this host does not have */
export async function createBackend({ backend, kernels }: Config): Promise<Backend> {
  if (backend === "reference") {
    if (kernels === undefined || kernels === "float64") return createReferenceBackend();
    throw new InputError(`kernels is "${kernels}"; expected "float64", as the backend is the reference`);
  }
  if (kernels === "float64") {
    throw new InputError('kernels is "float64"; expected "portable" or "relaxed", as the backend is wasm');
  }
  if (kernels === "relaxed" && !relaxedSimdSupported()) {
    throw new InputError(
      'kernels is "relaxed", but this host has no relaxed WebAssembly SIMD; expected "portable"',
    );
  }
  return createWasmBackend({ ...(kernels && { kernels }) });
}

function optimizerOf(config: Config): OptimizerFactory {
  const { optimizer, learningRate, l2, beta1, beta2, epsilon } = config;
  const chosen =
    optimizer === "sgd"
      ? sgd({ learningRate })
      : adam({
          learningRate,
          ...(beta1 !== undefined && { beta1 }),
          ...(beta2 !== undefined && { beta2 }),
          ...(epsilon !== undefined && { epsilon }),
        });
  return l2 === undefined ? chosen : withL2(chosen, l2);
}
