// How long a word takes from one thread to another and back, in nanoseconds. On a machine of several chiplets it says
// where the two are: a virtual machine's processors move between them, and every line of memory with the word.
import { Worker } from "node:worker_threads";

const trips = 3000;
/** Words in cache lines of their own. */
const [there, back, run] = [0, 16, 32];

const echo = `
  const words = new Int32Array(require("node:worker_threads").workerData);
  for (;;) {
    Atomics.wait(words, ${run}, 0);
    for (let n = 1; n <= ${trips}; n++) {
      while (Atomics.load(words, ${there}) !== n);
      Atomics.store(words, ${back}, n);
    }
    Atomics.store(words, ${there}, 0);
    Atomics.store(words, ${run}, 0);
  }`;

/** `measure()`: the least-disturbed hundred trips of 3,000. `close()` ends the thread. */
export function createRoundTrip() {
  const words = new Int32Array(new SharedArrayBuffer(256));
  const worker = new Worker(echo, { eval: true, workerData: words.buffer });
  const measure = () => {
    Atomics.store(words, run, 1);
    Atomics.notify(words, run);
    let least = Number.POSITIVE_INFINITY;
    let last = performance.now();
    for (let n = 1; n <= trips; n++) {
      Atomics.store(words, there, n);
      while (Atomics.load(words, back) !== n);
      if (n % 100 > 0) continue;
      const now = performance.now();
      least = Math.min(least, ((now - last) / 100) * 1e6);
      last = now;
    }
    while (Atomics.load(words, run) !== 0);
    return least;
  };
  return { measure, close: () => worker.terminate() };
}
