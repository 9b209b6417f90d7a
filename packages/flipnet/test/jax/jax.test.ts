import { describe, expect, test } from "vitest";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { convolutions } from "../../src/front-ends/convolutions.ts";
import type { FrontEnd } from "../../src/front-ends/front-end.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createNetwork, initialiseWeights } from "../../src/network/network.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { Learner } from "../../src/training/learner.ts";
import { matrixOf, numbers } from "../helpers.ts";

// An optional peer: without it there is nothing to test.
const jax = await import("@jax-js/jax").catch(() => undefined);

describe.skipIf(jax === undefined)("a front end from jax-js", async () => {
  const backend = await createWasmBackend({ kernels: "portable" });
  const [B, height, width, channels, kernel] = [4, 8, 7, [3, 5], 3];
  const inputs = height * width;

  const builtIn = () => {
    const front = convolutions(backend, { shape: [height, width], channels, kernel });
    for (const [i, { block }] of front.parameters.entries()) backend.write(block, numbers(i, block.columns));
    return front;
  };

  /** The same network: images there are [examples, channels, height, width], and kernels [out, in, height, width]. */
  async function throughJax(): Promise<FrontEnd> {
    const { lax, nn, numpy } = jax!;
    const { jaxFrontEnd } = await import("../../src/jax/index.ts");
    const front = builtIn();
    const depths = [1, ...channels];
    const parameters = Object.fromEntries(
      channels.flatMap((units, i) => {
        const block = Float32Array.from(backend.readNow(front.parameters[i].block));
        const window = kernel ** 2 * depths[i];
        return [
          [
            `w${i}`,
            numpy.array(block.slice(0, window * units), { shape: [kernel, kernel, depths[i], units] }),
          ],
          [`b${i}`, numpy.array(block.slice(window * units))],
        ];
      }),
    );
    return jaxFrontEnd(backend, {
      shape: [1, height, width],
      outputs: front.outputs,
      parameters,
      apply({ w0, b0, w1, b1 }, x) {
        const convolve = (x: typeof w0, w: typeof w0, b: typeof w0) =>
          nn.relu(lax.conv(x, w.transpose([3, 2, 0, 1]), [1, 1], "VALID").add(b.reshape([-1, 1, 1])));
        return convolve(convolve(x, w0, b0), w1, b1).transpose([0, 2, 3, 1]);
      },
    });
  }

  const fronts = async () => [builtIn(), await throughJax()];

  test("agrees with the built-in convolutions", async () => {
    const results = (await fronts()).map((front) => {
      const pass = front.prepare(matrixOf(backend, B, numbers(1, B * inputs)));
      pass.forward();
      pass.backward(matrixOf(backend, B, numbers(2, B * front.outputs)));
      return [pass.output, ...pass.gradients].flatMap((m) => [...backend.readNow(m)]);
    });
    expect(results[1].length).toBe(results[0].length);
    results[1].forEach((value, e) => {
      expect(value).toBeCloseTo(results[0][e], 4);
    });
  });

  test.each([hnca, reinforce])(
    "$name takes the same steps and measures the same variance",
    async (estimator) => {
      const runs = await Promise.all(
        (await fronts()).map(async (front) => {
          const network = createNetwork(
            backend,
            {
              inputs: front.outputs,
              inputKind: "real",
              units: "plus-minus",
              layers: [
                { kind: "bernoulli", units: 6 },
                { kind: "softmax", units: 1, choices: 3 },
              ],
            },
            front,
          );
          initialiseWeights(backend, network.layers, 3);
          const input = matrixOf(backend, B, numbers(5, B * inputs));
          const objective = rewardObjective(matrixOf(backend, B, numbers(6, B, 0, 1)));
          const problem = {
            network,
            input,
            objective,
            baseline: "none",
            baselineDecay: 0.99,
          } as const;
          const learner = new Learner(estimator, problem, sgd({ learningRate: 0.02 }));
          const draws = new GeneratedDraws(backend, 7);
          const sums = backend.sums(2 * learner.parameters.length);
          for (let step = 1; step <= 3; step++) {
            draws.startStep(step);
            learner.sample(draws);
            learner.learn(step, sums, true);
          }
          const totals = await backend.readSums(sums);
          const variance = front.parameters.reduce(
            (sum, _, i) => sum + totals[2 * (network.layers.length + i)],
            0,
          );
          return {
            variance,
            parameters: front.parameters.flatMap(({ block }) => [...backend.readNow(block)]),
          };
        }),
      );
      expect(runs[1].variance).toBeCloseTo(runs[0].variance, 3);
      expect(runs[0].variance).toBeGreaterThan(0.01);
      runs[1].parameters.forEach((value, e) => {
        expect(value).toBeCloseTo(runs[0].parameters[e], 4);
      });
    },
  );

  test("says what is wrong with a parameter", async () => {
    const { jaxFrontEnd } = await import("../../src/jax/index.ts");
    const parameters = { w: [1, 2] as never };
    await expect(
      jaxFrontEnd(backend, { shape: [2], outputs: 2, parameters, apply: (_, x) => x }),
    ).rejects.toThrow('the front end\'s parameter "w" has no shape; expected an array of jax-js');
  });

  test("says what is wrong with an output", async () => {
    const { jaxFrontEnd } = await import("../../src/jax/index.ts");
    const parameters = { w: jax!.numpy.zeros([2]) };
    const front = await jaxFrontEnd(backend, {
      shape: [2],
      outputs: 3,
      parameters,
      apply: ({ w }, x) => x.mul(w),
    });
    expect(() => front.prepare(matrixOf(backend, 1, [1, 2])).forward()).toThrow(
      "the front end gave 2 numbers for its outputs; expected 3",
    );
  });
});
