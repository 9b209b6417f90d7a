/** Graphs of an auto-encoder's parts, in ONNX Runtime, against the project's own passes; seeds as in network.test.ts. */

import type { ImmediateBackend, Matrix } from "flipnet/internal/backend/backend";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { createWasmBackend } from "flipnet/internal/backend/wasm";
import { rectifiedFrontEnd } from "flipnet/internal/front-ends/rectified";
import { GivenDraws } from "flipnet/internal/network/draws";
import { createNetwork, initialiseWeights, type Units } from "flipnet/internal/network/network";
import { computeLogits, createPass, samplePass } from "flipnet/internal/network/pass";
import { createDecoder, decoderParameters, elboObjective } from "flipnet/internal/objectives/elbo";
import { deriveKey, newKey, siteKey } from "flipnet/internal/random/threefry";
import { sampleImages, type Vae } from "flipnet/internal/tasks/vae-images";
import { beforeAll, describe, expect, test } from "vitest";
import { matrixOf, numbers } from "../../../flipnet/test/helpers.ts";
import { type VaePart, vaeGraph } from "../../src/onnx/vae.ts";
import { meansOf } from "./means.ts";
import { differences, load, modelOf } from "./session.ts";

const reference = createReferenceBackend();
let portable: ImmediateBackend;
beforeAll(async () => {
  portable = await createWasmBackend({ kernels: "portable" });
});

const pixels = 30;
/** Three layers, one of softmax units; the last reads the first as well. */
function build(backend: ImmediateBackend, units: Units, nonlinear: readonly number[] = []): Vae {
  const front =
    nonlinear.length > 0
      ? rectifiedFrontEnd(backend, { inputs: pixels, widths: nonlinear, centred: true, name: "encoder" })
      : undefined;
  const encoder = createNetwork(
    backend,
    {
      inputs: front?.outputs ?? pixels,
      ...(front && { inputKind: "real" }),
      units,
      layers: [
        { kind: "bernoulli", units: 20 },
        { kind: "softmax", units: 6, choices: 4 },
        { kind: "bernoulli", units: 10, parents: [1, 0] },
      ],
    },
    front,
  );
  const decoder = createDecoder(encoder, { nonlinear });
  const parts = [...encoder.layers, ...(front?.parameters ?? []), ...decoderParameters(decoder)];
  initialiseWeights(backend, parts, 5);
  parts.forEach(({ block, width }, part) => {
    const values = backend.readNow(block).map((w) => 2 * w);
    values.set(numbers(part, width), values.length - width);
    backend.write(block, values.map(Math.fround));
  });
  return { encoder, decoder };
}

const rows = 200;
const uniforms = (seed: number, width: number) => numbers(seed, rows * width, 0, 1);
const noise = {
  "noise.hidden.0": uniforms(0, 20),
  "noise.hidden.1": uniforms(1, 6),
  "noise.hidden.2": uniforms(2, 10),
  "noise.image": uniforms(3, pixels),
};
/** The noise of some places. */
const noiseOf = (...places: string[]) =>
  Object.fromEntries(Object.entries(noise).filter(([name]) => places.includes(name.slice("noise.".length))));

/** What a layer of two choices shows. */
const coded = (units: Units, bits: ArrayLike<number>) =>
  Array.from(bits, (bit) => (units === "plus-minus" ? 2 * bit - 1 : bit));

/** An image, the project's own pass on it with the noise given, and its bound on each row. */
function passed({ encoder, decoder }: Vae) {
  const image = uniforms(9, pixels).map((u) => (u < 0.3 ? 1 : 0));
  const pass = createPass(encoder, matrixOf(portable, rows, image));
  const given = encoder.layers.map((_, l) => matrixOf(portable, rows, Object.values(noise)[l]));
  samplePass(pass, new GivenDraws(({ layer }) => given[layer.index]));
  const elbo = new Float64Array(rows);
  const { components } = elboObjective(encoder, { entropy: "sampled", decoder }).prepare(pass);
  for (const { evaluate, value } of components) {
    evaluate();
    portable.readNow(value).forEach((term, b) => {
      elbo[b] += term;
    });
  }
  return { image, pass, elbo };
}

describe.each(["zero-one", "plus-minus"] as const)(
  "with units of coding %s and the noise given,",
  (units) => {
    const graph = async (vae: Vae, part: VaePart) =>
      load(modelOf(await vaeGraph(vae, { graph: "noise", part })));

    test("the auto-encoder's codes, image and bound are those of the project's own pass", async () => {
      const vae = build(portable, units);
      const { image, pass, elbo } = passed(vae);
      const logits = portable.matrix(rows, pixels);
      computeLogits(pass, vae.decoder.layers[0], logits);
      const p = portable.readNow(logits).map((l) => 1 / (1 + Math.exp(-l)));

      // Bits as an image are what they are, whatever the noise.
      const input = { input: image, "noise.input": uniforms(10, pixels) };
      const run = await graph(vae, "autoencoder");
      const found = await run({ ...input, ...noise }, rows);
      const bits = pass.layers.map((layer) => [...portable.readNow(layer.bits)]);
      const codes = [coded(units, bits[0]), bits[1], coded(units, bits[2])];
      codes.forEach((code, l) => {
        expect(differences(found[`hidden.${l}`], code)).toEqual([]);
      });
      const drawn = Array.from(p, (probability, e) => (noise["noise.image"][e] < probability ? 1 : 0));
      expect(differences(found.image, drawn)).toEqual([]);
      const off = (values: Float64Array, exact: Float64Array) =>
        Math.max(...values.map((value, e) => Math.abs(value - exact[e]) / (1 + Math.abs(exact[e]))));
      expect(off(found.probabilities, p)).toBeLessThan(1e-6);
      // A sum of 96 logarithms, most of one sign.
      expect(off(found.elbo, elbo)).toBeLessThan(4e-6);

      const encode = await graph(vae, "encoder");
      const encoded = await encode({ ...input, ...noiseOf("hidden.0", "hidden.1", "hidden.2") }, rows);
      expect(Object.keys(encoded)).toEqual(["hidden.0", "hidden.1", "hidden.2"]);
      codes.forEach((code, l) => {
        expect(differences(encoded[`hidden.${l}`], code)).toEqual([]);
      });
    });

    test("the generator draws the images that sampleImages draws, and so does the decoder from its code", async () => {
      const vae = build(portable, units);
      const images = await sampleImages(vae, { count: rows, seed: 4 });
      const key = deriveKey(4, "images", 0, newKey());
      /** Uniforms of `sampleImages`, place 0 being the image. */
      const ofPlace = (place: number, width: number): Matrix => {
        const u = portable.matrix(rows, width);
        portable.uniforms(siteKey(key, place, 0, newKey()), u);
        return u;
      };
      const own = Object.fromEntries(
        [
          ["image", pixels] as const,
          ...vae.encoder.layers.map(({ units }, l) => [`hidden.${l}`, units] as const),
        ].map(([name, width], place) => [`noise.${name}`, portable.readNow(ofPlace(place, width))]),
      );
      const generate = await graph(vae, "generator");
      const found = await generate(own, rows);
      expect(differences(found.image, images.bits)).toEqual([]);
      const errors = [...found.probabilities].map((p, e) => Math.abs(p - images.probabilities[e]));
      expect(Math.max(...errors)).toBeLessThan(1e-6);

      const { "noise.hidden.2": _, ...below } = own;
      const decode = await graph(vae, "decoder");
      const decoded = await decode({ code: found["hidden.2"], ...below }, rows);
      expect(differences(decoded.image, found.image)).toEqual([]);
      expect(differences(decoded["hidden.0"], found["hidden.0"])).toEqual([]);
    });
  },
);

test.each(["zero-one", "plus-minus"] as const)(
  "behind rectifiers the bound is the same too, units %s",
  async (units) => {
    const vae = build(portable, units, [14, 12]);
    const { image, pass, elbo } = passed(vae);
    const run = await load(modelOf(await vaeGraph(vae, { graph: "noise", part: "autoencoder" })));
    const found = await run({ input: image, "noise.input": uniforms(10, pixels), ...noise }, rows);
    expect(differences(found["hidden.0"], coded(units, portable.readNow(pass.layers[0].bits)))).toEqual([]);
    elbo.forEach((value, b) => {
      expect(Math.abs(found.elbo[b] - value)).toBeLessThan(4e-6 * (1 + Math.abs(value)));
    });
  },
);

describe("without noise", () => {
  test("the generator draws as many images as it is asked for, each layer's units by the one above", async () => {
    const vae = build(reference, "zero-one");
    const count = 5_000;
    const generate = await load(
      modelOf(await vaeGraph(vae, { graph: "sample", part: "generator", seed: 1 })),
    );
    const found = await generate({ count: [count] }, count);
    expect(found.image).toHaveLength(count * pixels);
    // The bound of network.test.ts; a turned-around unit with p = 0.4 would be at 29.
    const check = (bits: Float64Array, p: (e: number) => number, width: number) => {
      for (let j = 0; j < width; j++) {
        let [sum, variance] = [0, 0];
        for (let e = j; e < bits.length; e += width) {
          sum += bits[e] - p(e);
          variance += p(e) * (1 - p(e));
        }
        expect(Math.abs(sum) / Math.sqrt(variance)).toBeLessThan(7.5);
      }
    };
    const prior = reference.readNow(vae.decoder.prior.bias).map((l) => 1 / (1 + Math.exp(-l)));
    check(found["hidden.2"], (e) => prior[e % 10], 10);
    check(found.image, (e) => found.probabilities[e], pixels);
  });

  test("the mean-field auto-encoder is a function of the image", async () => {
    const vae = build(reference, "plus-minus");
    const { encoder, decoder } = vae;
    const image = uniforms(9, pixels).map(Math.fround);
    const pass = meansOf(encoder, image, rows);
    const logits = reference.matrix(rows, pixels);
    computeLogits(pass, decoder.layers[0], logits);
    const exact = reference.readNow(logits).map((l) => 1 / (1 + Math.exp(-l)));

    const run = await load(modelOf(await vaeGraph(vae, { graph: "mean-field", part: "autoencoder" })));
    const found = await run({ input: image }, rows);
    expect(Object.keys(found)).toEqual(["hidden.0", "hidden.1", "hidden.2", "probabilities"]);
    const errors = [...found.probabilities].map((p, e) => Math.abs(p - exact[e]));
    expect(Math.max(...errors)).toBeLessThan(1e-6);
  });
});
