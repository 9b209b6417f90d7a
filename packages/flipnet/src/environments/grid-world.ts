/**
 * A grid world: on a board of `size` by `size` cells somebody wants to get from a cell to the one in the far corner. A
 * step goes up, down, left or right (actions 0 to 3), and stays where it is at the border; each costs 0.05, and the one that
 * arrives earns 1. State: the cell. Observation: its row and its column, a bit for each.
 */
import { clamp, type Environment } from "./environment.ts";

/** What a step costs, and what arriving earns. */
const [cost, prize] = [0.05, 1];

/** Row and column that an action adds. */
const moves = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
];

export const gridWorld = (size: number, limit: number): Environment => {
  const goal = size * size - 1;
  return {
    name: "grid-world",
    inputs: 2 * size,
    inputKind: "bits",
    actions: moves.length,
    stateSize: 1,
    limit,
    reset(state, uniforms) {
      state[0] = Math.floor(goal * uniforms(0));
    },
    step(state, action) {
      const [down, right] = moves[action];
      const row = clamp(Math.floor(state[0] / size) + down, 0, size - 1);
      state[0] = size * row + clamp((state[0] % size) + right, 0, size - 1);
      return (state[0] === goal ? prize : 0) - cost;
    },
    ended: ([cell]) => cell === goal,
    observe([cell], out, at) {
      out.fill(0, at, at + 2 * size);
      out[at + Math.floor(cell / size)] = 1;
      out[at + size + (cell % size)] = 1;
    },
  };
};
