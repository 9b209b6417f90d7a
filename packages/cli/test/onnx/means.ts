/** Mean-field passes, which graphs are held against. */
import type { ImmediateBackend } from "../../../flipnet/src/backend/backend.ts";
import { createNetwork, type Network } from "../../../flipnet/src/network/network.ts";
import { createMeanPass, createPass, type Pass, runMeans } from "../../../flipnet/src/network/pass.ts";
import { matrixOf } from "../../../flipnet/test/helpers.ts";

/** A pass of means on these inputs, [rows, inputs]: of pixels, their own means in place of bits. */
export function meansOf(network: Network, values: readonly number[] | Float64Array, rows: number): Pass {
  const { spec, layers, front } = network;
  const backend = network.backend as ImmediateBackend;
  const twin =
    front === undefined && (spec.inputKind ?? "bits") === "bits"
      ? createNetwork(backend, { ...spec, inputKind: "real" })
      : network;
  for (const { index, block } of twin === network ? [] : twin.layers) {
    backend.copy(layers[index].block, block);
  }
  const pass = createPass(twin, matrixOf(backend, rows, values));
  pass.front?.forward();
  const means = createMeanPass(pass);
  runMeans(means);
  return means;
}
