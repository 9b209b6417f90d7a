/** Problems of two layers that are small enough for any number of samples. */
import type { ElboSpec } from "../../src/audit/elbo-spec.ts";
import type { FunctionSpec } from "../../src/audit/function-spec.ts";
import type { Units } from "../../src/network/network.ts";
import { numbers } from "../helpers.ts";

const rows = (seed: number, units: number, inputs: number) =>
  Array.from({ length: units }, (_, j) => numbers(seed + j, inputs));
const images = [
  [1, 0, 1],
  [0, 1, 1],
];

/** Two units and one; with softmax units the second layer is one of three choices. */
const layers = (softmax: boolean) => {
  const top = softmax ? 3 : 1;
  return [
    { weights: rows(1, 2, 3), bias: numbers(4, 2) },
    {
      weights: rows(5, top, 2),
      bias: numbers(6, top),
      ...(softmax && { kind: "softmax" as const, choices: 3 }),
    },
  ];
};

/** An auto-encoder. */
export const smallElbo = (softmax = false): ElboSpec => {
  const top = softmax ? 3 : 1;
  return {
    encoder: layers(softmax),
    decoder: [
      { weights: rows(7, 2, top), bias: numbers(8, 2) },
      { weights: rows(9, 3, 2), bias: numbers(10, 3) },
    ],
    prior: numbers(11, top),
    images,
  };
};

/** A function of both layers, in either coding: log-likelihoods, and one that bends otherwise. */
export const smallFunction = (units: Units, softmax = false): FunctionSpec => {
  const top = softmax ? 3 : 1;
  return {
    units,
    layers: layers(softmax),
    contexts: images,
    components: [
      {
        name: "image",
        reads: [0],
        weights: rows(9, 3, 2),
        bias: numbers(10, 3),
        eta: "log-likelihood",
        target: "input",
      },
      {
        name: "below",
        reads: [1],
        weights: rows(7, 2, top),
        bias: numbers(8, 2),
        eta: "log-likelihood",
        target: 0,
      },
      { name: "both", reads: [0, 1], weights: rows(12, 1, 2 + top), bias: numbers(13, 1), eta: "square" },
      { name: "top", reads: [1], weights: rows(14, 1, top), bias: numbers(15, 1), eta: "tanh" },
    ],
  };
};
