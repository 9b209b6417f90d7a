/** Rows that an auto-encoder of a table draws: coins for the topmost layer, then layer by layer down to the columns. */
import { sampleFrom } from "../network/laws.ts";
import type { Network } from "../network/network.ts";
import { computeLogits, createPass } from "../network/pass.ts";
import { varianceOf } from "../objectives/gaussian.ts";
import type { TableDecoder } from "../objectives/table-bound.ts";
import { deriveKey, newKey, siteKey, uniformAt } from "../random/threefry.ts";

/**
 * Rows out of nothing, a function of the seed: [count, inputs], each category one-hot.
 *
 * @param encoder the network of codes, whose layers' buffers are used
 */
export async function sampleRows(
  encoder: Network,
  decoder: TableDecoder,
  { count, seed }: { count: number; seed: number },
): Promise<Float32Array> {
  const { backend, inputs: width } = encoder;
  const scope = backend.scope();
  try {
    const pass = scope.run(() => createPass(encoder, backend.matrix(count, width)));
    const key = deriveKey(seed, "images", 0, newKey());
    for (const layer of encoder.layers.toReversed()) {
      const outcome = pass.layers[layer.index];
      const linear = decoder.layers[layer.index] ?? decoder.prior;
      computeLogits(pass, linear, outcome.logits);
      if (layer.kind === "bernoulli") backend.sigmoid(outcome.logits, outcome.p, outcome.q);
      else backend.softmax(outcome.logits, layer.choices, outcome.p);
      const uniforms = scope.run(() => backend.matrix(count, layer.width / layer.choices));
      backend.uniforms(siteKey(key, layer.index + 1, 0, newKey()), uniforms);
      sampleFrom(backend, outcome, uniforms);
    }
    const rows = new Float32Array(count * width);
    for (const [place, { group, linear, spread }] of decoder.groups.entries()) {
      const { kind, columns } = group;
      const logits = scope.run(() => backend.matrix(count, linear.width));
      computeLogits(pass, linear, logits);
      const values = await backend.read(logits);
      const s = spread && (await backend.read(spread.bias));
      const own = deriveKey(seed, "images", place + 1, newKey());
      for (let row = 0; row < count; row++) {
        const at = row * columns.length;
        if (kind === "choice") {
          const chosen = choose(values.subarray(at, at + columns.length), uniformAt(own, row));
          rows[row * width + columns[chosen]] = 1;
          continue;
        }
        columns.forEach((column, j) => {
          rows[row * width + column] =
            kind === "bits"
              ? Number(uniformAt(own, at + j) < 1 / (1 + Math.exp(-values[at + j])))
              : values[at + j] + Math.sqrt(varianceOf(s![j])) * normal(own, at + j);
        });
      }
    }
    return rows;
  } finally {
    scope.release();
  }
}

/** A choice by the law of these logits. */
function choose(logits: ArrayLike<number>, u: number): number {
  const powers = Array.from(logits, (l) => Math.exp(l - Math.max(...Array.from(logits))));
  let rest = u * powers.reduce((sum, power) => sum + power, 0);
  const found = powers.findIndex((power) => {
    rest -= power;
    return rest < 0;
  });
  return found < 0 ? powers.length - 1 : found;
}

/** A standard normal number, of two uniforms (Box and Muller 1958). */
const normal = (key: Parameters<typeof uniformAt>[0], index: number): number =>
  Math.sqrt(-2 * Math.log(1 - uniformAt(key, 2 * index))) *
  Math.cos(2 * Math.PI * uniformAt(key, 2 * index + 1));
