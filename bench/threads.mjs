// What a second thread is worth within one run: the same steps on one thread and on two, in turns, in wall time, as a
// thread that waits uses its processor too. On a machine with other work both must have a processor at the same moment:
// the least-disturbed rounds say what two threads can do, the median what they did. Rounds are told apart by how long a
// word takes between the two processors at that moment: near ones share a cache.

import {
  adam,
  createBanditTraining,
  createVaeTraining,
  createWasmBackend,
  findEstimator,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { drive } from "./drive.mjs";
import { describeHost } from "./lib/host.mjs";
import { spread } from "./lib/measure.mjs";
import { createRoundTrip } from "./lib/round-trip.mjs";
import { number, range } from "./lib/table.mjs";

const trainings = {
  "f-HNCA auto-encoder, 3 x 200": { create: createVaeTraining, estimator: "f-hnca" },
  "HNCA bandit, 3 x 200": { create: createBanditTraining, estimator: "hnca" },
};
/** Steps of a round. */
const slice = 4;
/** Round trips shorter than this, in nanoseconds, are between processors that share a cache. */
const near = 250;

/** `data`: `{ load, rows: [{ training, one, two, speedup, least, places }] }`: milliseconds a step, ratios of rounds and of the least. */
export async function benchmarkThreads({ kernels, quick }) {
  const images = await loadLabelledImages();
  const rows = [];
  const roundTrip = createRoundTrip();
  for (const [training, { create, estimator }] of Object.entries(trainings)) {
    const turns = [];
    const trips = [];
    for (const threads of [1, 2]) {
      const backend = await createWasmBackend({ kernels, threads });
      const step = drive(
        backend,
        create(backend, images, {
          estimator: findEstimator(estimator),
          optimizer: adam({ learningRate: 1e-3 }),
          hidden: [200, 200, 200],
          limit: 5000,
        }),
      );
      turns.push({ backend, step, times: [] });
    }
    for (let round = -5; round < (quick ? 20 : 100); round++) {
      const trip = roundTrip.measure();
      if (round >= 0) trips.push(trip);
      for (const { step, times } of turns) {
        const start = performance.now();
        for (let i = 0; i < slice; i++) step();
        if (round >= 0) times.push((performance.now() - start) / slice);
      }
    }
    for (const { backend } of turns) backend.close();
    const [one, two] = turns.map(({ times }) => spread(times));
    const ratios = turns[0].times.map((time, round) => time / turns[1].times[round]);
    const places = [
      ["near", (trip) => trip < near],
      ["far", (trip) => trip >= near],
    ].flatMap(([place, holds]) => {
      const rounds = [...trips.keys()].filter((round) => holds(trips[round]));
      const of = (values) => spread(rounds.map((round) => values[round]));
      return rounds.length > 0 ? { place, rounds: rounds.length, trip: of(trips), speedup: of(ratios) } : [];
    });
    rows.push({ training, one, two, speedup: spread(ratios), least: one.least / two.least, places });
  }
  await roundTrip.close();
  const { load } = describeHost();
  return {
    data: { load, rows },
    tables: [
      [
        `Threads: a step in ms of wall time, batch of 50; load ${load} at the end`,
        [
          ["", "one thread", "least", "two threads", "least", "times as fast", "of the least"],
          ...rows.map(({ training, one, two, speedup, least }) => [
            training,
            range(one),
            number(one.least),
            range(two),
            number(two.least),
            range(speedup),
            number(least),
          ]),
        ],
      ],
      [
        "By where the two processors are: what a word takes there and back, in ns, and how many times as fast two threads are",
        [
          ["", "", "rounds", "there and back", "times as fast"],
          ...rows.flatMap(({ training, places }) =>
            places.map(({ place, rounds, trip, speedup }) => [
              training,
              place,
              `${rounds}`,
              range(trip),
              range(speedup),
            ]),
          ),
        ],
      ],
    ],
    timings: rows.flatMap(({ training, one, two }) => [
      { what: `${training}: one thread`, unit: "ms", ...one },
      { what: `${training}: two threads`, unit: "ms", ...two },
    ]),
    targets: rows.map(({ training, least }) => ({
      what: `${training}: two threads against one, least-disturbed rounds`,
      measured: least,
      atLeast: 1.6,
    })),
  };
}
