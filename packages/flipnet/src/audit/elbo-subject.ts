/** A variational auto-encoder to audit estimators on. */
import type { ImmediateBackend } from "../backend/backend.ts";
import { createNetwork } from "../network/network.ts";
import { elboObjective } from "../objectives/elbo.ts";
import { countElboStates, exactElbo } from "./elbo-exact.ts";
import type { Elbo } from "./elbo-spec.ts";
import { type ParameterArrays, toArrays, toBlock } from "./layout.ts";
import type { Subject } from "./subject.ts";

/** What a report says of the auto-encoder itself. */
export interface ElboAnswers {
  /** Mean over the images. */
  elbo: number;
  /** Weights and bias of each layer. */
  exactEncoder: ParameterArrays;
  /** The decoder's layers as the spec has them, then the prior. */
  exactDecoder: ParameterArrays;
}

/** Its linear maps: the encoder's layers, the decoder's from the image on, the prior. */
export function elboSubject(backend: ImmediateBackend, vae: Elbo): Subject<ElboAnswers> {
  const { encoder, decoder, prior, images, entropy, klWeight, baseline = "none" } = vae;
  const network = createNetwork(backend, vae.network);
  const objective = elboObjective(network, {
    entropy,
    klWeight: klWeight === 1 ? undefined : { value: klWeight },
  });
  const linears = [...network.layers, ...objective.linears];
  [...encoder, ...decoder, prior].forEach((values, i) => {
    backend.write(linears[i].block, toBlock(values));
  });

  return {
    offers: ["components", "evaluations", "slopes"],
    backend,
    network,
    linears,
    states: countElboStates(vae),
    exact(visited) {
      const { elbo, encoder, decoder, prior } = exactElbo(vae, visited);
      const exactDecoder = [...toArrays(decoder.toReversed()), prior.bias];
      const answers = { elbo, exactEncoder: toArrays(encoder), exactDecoder };
      return { gradient: [...encoder, ...decoder, prior], answers };
    },
    prepare(estimator, draws, rows) {
      const input = backend.matrix(rows, network.inputs);
      const prepared = estimator.prepare({
        network,
        input,
        objective,
        baseline: estimator.baseline ? baseline : "none",
        baselineDecay: 0.99,
      });
      return {
        prepared,
        credits: [...prepared.credits, ...prepared.evaluation.credits],
        run() {
          const seen = draws.choose("image", images.length);
          backend.write(
            input,
            Array.from(seen).flatMap((i) => images[i]),
          );
          prepared.sample(draws);
          prepared.credit();
          prepared.evaluation.differentiate();
        },
      };
    },
  };
}
