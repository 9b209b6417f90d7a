/** The environments that are called by name. */
import { InputError } from "../formats/errors.ts";
import { acrobot } from "./acrobot.ts";
import { bandit } from "./bandit.ts";
import { cartPole } from "./cart-pole.ts";
import type { Environment } from "./environment.ts";
import { gridWorld } from "./grid-world.ts";
import { mountainCar } from "./mountain-car.ts";
import { multiplexer } from "./multiplexer.ts";

/** Those of the usual sizes: a grid world of 5 by 5 cells and 20 steps, the multiplexer of 4 bits, a bandit of 8 contexts and 4 actions. */
export const environments: readonly Environment[] = [
  cartPole,
  acrobot,
  mountainCar,
  gridWorld(5, 20),
  multiplexer(4),
  bandit(8, 4),
];

/** The environment of a name, or one of one's own. @throws InputError for a name that is none's */
export function findEnvironment(name: string | Environment): Environment {
  if (typeof name === "object") return name;
  const found = environments.find((environment) => environment.name === name);
  if (found !== undefined) return found;
  const names = environments.map((environment) => environment.name).join(", ");
  throw new InputError(`the environment is ${JSON.stringify(name)}; expected one of ${names}`);
}
