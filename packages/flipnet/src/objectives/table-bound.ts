/**
 * The evidence lower bound of an auto-encoder of a table's rows: that of images (`elbo.ts`), with the likelihood that suits
 * each column in place of the pixels'. Numbers are Gaussian, categories are categorical, bits are Bernoulli, all of them
 * independent given the lowest layer.
 */
import type { ColumnGroup } from "../formats/table-data.ts";
import type { Linear, Network } from "../network/network.ts";
import { logLikelihood } from "./activations.ts";
import { choiceLogLikelihood } from "./choices.ts";
import { componentsObjective, createReadout } from "./components.ts";
import { type Decoder, latentTerms } from "./elbo.ts";
import { gaussianObjective } from "./gaussian.ts";
import { inputColumns } from "./input-columns.ts";
import { type Objective, sumOf } from "./objective.ts";
import type { Weight } from "./weighted.ts";

/** What predicts one group of columns from the lowest layer. */
export interface GroupDecoder {
  readonly group: ColumnGroup;
  /** Logits of bits or of a category's levels; means of numbers. */
  readonly linear: Linear;
  /** Of numbers: what their variances follow from, a bias without weights. */
  readonly spread?: Linear;
}

/** What generates rows. */
export interface TableDecoder extends Decoder {
  readonly groups: readonly GroupDecoder[];
  /** What predicts each layer but the topmost from the one above it. */
  readonly layers: readonly Linear[];
}

/** A decoder for an encoder of rows, all parameters zero: a chain, whatever the encoder's graph. */
export function createTableDecoder(encoder: Network, groups: readonly ColumnGroup[]): TableDecoder {
  const { layers } = encoder;
  return {
    groups: groups.map((group, k) => ({
      group,
      linear: createReadout(encoder, `decoder.0.${k}`, [0], group.columns.length),
      ...(group.kind === "numbers" && {
        spread: createReadout(encoder, `decoder.0.${k}.spread`, [], group.columns.length),
      }),
    })),
    layers: layers
      .slice(1)
      .map((_, l) => createReadout(encoder, `decoder.${l + 1}`, [l + 1], layers[l].width)),
    prior: createReadout(encoder, "prior", [], layers[layers.length - 1].width),
  };
}

/** All linear maps of a decoder. */
export const linearsOf = ({ groups, layers, prior }: TableDecoder): Linear[] => [
  ...groups.flatMap(({ linear, spread }) => (spread === undefined ? [linear] : [linear, spread])),
  ...layers,
  prior,
];

/** The bound. */
export function tableBound(
  encoder: Network,
  decoder: TableDecoder,
  entropy: "analytic" | "sampled" = "analytic",
  klWeight?: Readonly<Weight>,
): Objective {
  return sumOf(rowLikelihood(encoder, decoder), latentTerms(encoder, decoder, entropy, klWeight));
}

/** The log-likelihood of rows alone, given the lowest layer. */
export const rowLikelihood = (encoder: Network, { groups }: Pick<TableDecoder, "groups">): Objective =>
  sumOf(...groups.map((one) => likelihoodOf(encoder, one)));

function likelihoodOf(encoder: Network, { group, linear, spread }: GroupDecoder): Objective {
  const { kind, columns } = group;
  if (kind === "numbers") {
    const { missing } = group;
    return gaussianObjective(encoder, { name: linear.name, mean: linear, spread: spread!, columns, missing });
  }
  const eta = kind === "bits" ? logLikelihood : choiceLogLikelihood;
  return {
    linears: [linear],
    prepare(pass) {
      const target = inputColumns(pass, columns);
      const evaluation = componentsObjective(encoder, linear, eta, { target: target.numbers }).prepare(pass);
      const components = evaluation.components.map((component) => ({
        ...component,
        evaluate() {
          target.read();
          component.evaluate();
        },
      }));
      return { ...evaluation, components };
    },
  };
}
