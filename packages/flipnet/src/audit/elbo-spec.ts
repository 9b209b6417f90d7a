/**
 * What an audit of an ELBO is asked: a small variational auto-encoder with its parameters and the images it sees, as
 * JSON. Parameters are laid out as in both papers, one row a unit.
 */
import type { Baseline } from "../estimators/baseline.ts";
import { InputError } from "../formats/errors.ts";
import { type NetworkSpec, networkShapes } from "../network/network.ts";
import { type AuditLayer, checkInputs, parseLayer } from "./bandit-spec.ts";
import type { LayerValues } from "./layout.ts";
import { asArray, asNumber, asNumbers, asObject, asOneOf, asTable, checkLength } from "./readers.ts";

/** What predicts a layer: its parameters. */
export type DecoderLayer = Pick<AuditLayer, "weights" | "bias">;

/** A hierarchical variational auto-encoder with {0, 1} units, and softmax units that show one-hot bits. */
export interface ElboSpec {
  /** Bernoulli units unless a layer says otherwise. Default parents: the image of the first, else the layer before. */
  encoder: readonly AuditLayer[];
  /** The first predicts the encoder's last layer but one from its last, and so on; the last predicts the image. */
  decoder: readonly DecoderLayer[];
  /** Logits of the encoder's last layer. */
  prior: readonly number[];
  /** Equally likely; bits. */
  images: readonly (readonly number[])[];
  /** Entropies H(q) (default), or `-log q` of what was sampled. */
  entropy?: "analytic" | "sampled";
  /** What the KL divergence counts, as in a warm-up; default 1. The ELBO is then that sum. */
  klWeight?: number;
  /** A constant that is subtracted from every layer's learning signal, where the estimator has one; default 0. */
  baseline?: number;
}

/** A checked `ElboSpec` with its defaults filled in. */
export interface Elbo {
  /** The encoder's. */
  readonly network: NetworkSpec;
  readonly encoder: readonly LayerValues[];
  /** From the image on: `decoder[l]` reads what `encoder[l]` shows. */
  readonly decoder: readonly LayerValues[];
  /** Without inputs. */
  readonly prior: LayerValues;
  readonly images: readonly (readonly number[])[];
  readonly entropy: "analytic" | "sampled";
  readonly klWeight: number;
  readonly baseline: Baseline | undefined;
}

const keys = ["encoder", "decoder", "prior", "images", "entropy", "klWeight", "baseline"] as const;

/** Whether a spec means to be one of an ELBO. */
export const looksLikeElbo = (value: unknown): boolean =>
  typeof value === "object" && value !== null && keys.slice(0, 4).some((key) => key in value);

/** Checks an audit's spec. Throws an `InputError` that names the value that cannot be used. */
export function parseElboSpec(value: unknown): Elbo {
  const spec = asObject(value, "the spec", keys);
  const images = asTable(spec.images, "images");
  const pixels = images[0].length;
  images.forEach((image, i) => {
    checkLength(image, `images[${i}]`, pixels, "as the first image has");
    const other = image.findIndex((x) => x !== 0 && x !== 1);
    if (other >= 0) throw new InputError(`images[${i}][${other}] is ${image[other]}; expected a bit, 0 or 1`);
  });

  const parsed = asArray(spec.encoder, "encoder").map((layer, l) =>
    parseLayer(layer, `encoder[${l}]`, false),
  );
  const encoder = parsed.map(({ values }) => values);
  const network: NetworkSpec = {
    inputs: pixels,
    units: "zero-one",
    layers: parsed.map(({ shape }) => shape),
  };
  networkShapes(network).forEach(({ parents, parentWidths }, l) => {
    const width = parentWidths.reduce((a, b) => a + b, 0);
    const [from, ...others] = parents;
    const of = others.length > 0 ? "column of its parents" : from < 0 ? "pixel" : `unit of encoder[${from}]`;
    checkInputs(encoder[l], `encoder[${l}]`, width, of);
  });
  const widths = encoder.map(({ bias }) => bias.length);
  const top = widths.length - 1;

  const decoder = asArray(spec.decoder, "decoder").map((layer, d) =>
    parseDecoderLayer(layer, `decoder[${d}]`),
  );
  checkLength(decoder, "decoder", widths.length, "one layer for each of the encoder's");
  decoder.forEach((layer, d) => {
    const l = top - d;
    checkInputs(layer, `decoder[${d}]`, widths[l], `unit of encoder[${l}]`);
    const [units, of] = l === 0 ? [pixels, "pixel"] : [widths[l - 1], `unit of encoder[${l - 1}]`];
    if (layer.bias.length !== units) {
      throw new InputError(
        `decoder[${d}] has ${layer.bias.length} units; expected ${units}, one for each ${of}`,
      );
    }
  });

  const prior = asNumbers(spec.prior, "prior");
  checkLength(prior, "prior", widths[top], `one for each unit of encoder[${top}]`);
  return {
    network,
    encoder,
    decoder: decoder.reverse(),
    prior: { weights: prior.map(() => []), bias: prior },
    images,
    entropy: asOneOf(spec.entropy ?? "analytic", "entropy", ["analytic", "sampled"]),
    klWeight: asNumber(spec.klWeight ?? 1, "klWeight"),
    baseline: spec.baseline === undefined ? undefined : asNumber(spec.baseline, "baseline"),
  };
}

function parseDecoderLayer(value: unknown, name: string): LayerValues {
  const layer = asObject(value, name, ["weights", "bias"]);
  const weights = asTable(layer.weights, `${name}.weights`);
  const bias = asNumbers(layer.bias, `${name}.bias`);
  checkLength(bias, `${name}.bias`, weights.length, "one for each row of weights");
  return { weights, bias };
}
