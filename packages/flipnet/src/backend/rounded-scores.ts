/**
 * Scores as they were formed once, `bit - p` in the backend's own precision: where a unit is on and nearly certain, float32
 * has nothing between p and 1. Runs that began so go on so, bit for bit.
 */
import type { Backend } from "./backend.ts";

/** Makes a backend form scores like that, and returns it. */
export function roundScores<B extends Backend>(backend: B): B {
  const rounded: Pick<Backend, "score" | "choiceScore"> = {
    score: (bits, p, _q, out) => backend.subtract(bits, p, out),
    choiceScore: (bits, _choices, p, out) => backend.subtract(bits, p, out),
  };
  return Object.assign(backend, rounded);
}
