// What the packed library does wherever JavaScript runs: an agent, trainings, an audit. Prints it as JSON.
import { audit } from "flipnet";
import { train } from "./toy.js";

/** The README's three coins. */
const spec = {
  units: "plus-minus",
  layers: [
    {
      weights: [
        [0.8, -1.2],
        [1.5, 0.3],
        [-0.6, 0.9],
      ],
      bias: [0.1, -0.2, 0.4],
    },
    {
      weights: [
        [1.1, -0.7, 0.2],
        [-0.4, 1.3, -0.9],
      ],
      bias: [0.0, 0.1],
    },
  ],
  contexts: [
    [0, 1],
    [1, 1],
  ],
  reward: [
    [1, 0],
    [0, 1],
  ],
};

const { estimators } = audit(spec, { estimators: ["reinforce", "hnca"] });
const audited = Object.entries(estimators).map(([name, { bias, meanVariance }]) => ({
  name,
  unbiased: bias < 1e-12,
  // In float64, where engines round exponentials in their own ways.
  meanVariance: Number(meanVariance.toPrecision(12)),
}));
console.log(JSON.stringify({ ...(await train("portable", 1)), audited }));
