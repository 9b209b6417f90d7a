/** Training in an environment. */
import type { Backend } from "../backend/backend.ts";
import type { Environment } from "../environments/environment.ts";
import { completeOptions } from "../estimators/options.ts";
import { type Names, pick, refuseUnknown } from "../formats/options.ts";
import type { HiddenLayer } from "../network/hidden.ts";
import type { Units } from "../network/network.ts";
import { type ControlSettings, control } from "../tasks/control.ts";
import { createTraining, type Learning, learningNames } from "./create.ts";
import type { Training } from "./training.ts";

/** What is lived in, and how it is learned from; what is left out is as on the command line: see docs/control.md. */
export interface ControlTrainingOptions extends Learning, Partial<ControlSettings> {
  /** One that is called by name, or one of one's own. */
  environment: string | Environment;
  /** Hidden layers of the actor, input side first; default [64, 32]. The critic has the same widths. */
  hidden?: readonly HiddenLayer[];
  /** Coding of hidden units; default "zero-one". */
  units?: Units;
  /** Episodes side by side; default 1. */
  batchSize?: number;
}

const optionNames: Names<ControlTrainingOptions> = {
  ...learningNames,
  ...(control.settings as unknown as Names<ControlSettings>),
  environment: 1,
  hidden: 1,
  units: 1,
  batchSize: 1,
};

/** A training of a fresh network in an environment. @throws InputError for options that cannot be */
export function createControlTraining(backend: Backend, options: ControlTrainingOptions): Training {
  refuseUnknown("createControlTraining", optionNames, options);
  const given = Object.keys(control.settings).map((name) => [name, options[name as keyof ControlSettings]]);
  const { hidden = control.usual.hidden, units = control.usual.units, batchSize = 1, seed = 0 } = options;
  const settings = completeOptions("control", control.settings, Object.fromEntries(given));
  const { task, network } = control.create(
    backend,
    { ...settings, hidden, units, batchSize, seed },
    undefined as never,
  );
  return createTraining(task, network, pick<Learning>(learningNames, options));
}
