/** All tasks. Adding one is a file and a line here. */
import { bandit } from "./bandit.ts";
import { control } from "./control.ts";
import type { TaskDefinition } from "./definition.ts";
import { gridWorld } from "./grid-world.ts";
import { multiplexer } from "./multiplexer.ts";
import { ownObjective } from "./own-objective.ts";
import { tableBandit } from "./table-bandit.ts";
import { tableLabels } from "./table-labels.ts";
import { tableVae } from "./table-vae.ts";
import { vae } from "./vae.ts";

/** Every task, in the order in which tables list them. */
export const tasks: readonly TaskDefinition[] = [
  bandit,
  multiplexer,
  vae,
  gridWorld,
  control,
  tableLabels,
  tableBandit,
  tableVae,
  ownObjective,
];

/** The task of that name, or undefined. */
export const findTask = (name: string): TaskDefinition | undefined =>
  tasks.find((task) => task.name === name);
