/** The environments that are called by name. */
import { InputError } from "../formats/errors.ts";
import { acrobot } from "./acrobot.ts";
import { cartPole } from "./cart-pole.ts";
import type { Environment } from "./environment.ts";
import { gridWorld } from "./grid-world.ts";
import { mountainCar } from "./mountain-car.ts";
import { multiplexer } from "./multiplexer.ts";

/** Those of the usual sizes: a grid world of 5 by 5 cells and 20 steps, the multiplexer of 4 bits. */
export const environments: readonly Environment[] = [
  cartPole,
  acrobot,
  mountainCar,
  gridWorld(5, 20),
  multiplexer(4),
];

/** @throws InputError for a name that is none's */
export function findEnvironment(name: string): Environment {
  const found = environments.find((environment) => environment.name === name);
  if (found !== undefined) return found;
  const names = environments.map((environment) => environment.name).join(", ");
  throw new InputError(`the environment is ${JSON.stringify(name)}; expected one of ${names}`);
}
