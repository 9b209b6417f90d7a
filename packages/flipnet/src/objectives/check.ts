/**
 * Whether an objective is what it says: by trying. Estimators believe what components declare, and a wrong word makes
 * them biased without a sign of it.
 */

import { type ImmediateBackend, immediate, type Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { initialiseWeights, type Layer, type Network } from "../network/network.ts";
import { computeLaw, createMeanPass, createPass, runMeans, samplePass, showMeans } from "../network/pass.ts";
import { deriveKey, newKey, uniformAt } from "../random/threefry.ts";
import { layersRead, type Objective, unitOf } from "./objective.ts";
import { prepareTries } from "./what-if.ts";

/** How closely an objective is looked at. */
export interface CheckOptions {
  /** Samples of the network for each row of the input, one after the other; default 4. */
  samples?: number;
  /** Decides the samples; default 0. */
  seed?: number;
  /** Largest difference between what a component says and what it does, relative to its values; default 1e-3. */
  tolerance?: number;
}

const optionNames: Names<CheckOptions> = { samples: 1, seed: 1, tolerance: 1 };

/**
 * Samples the network, changes one unit after the other with all else as it was, and compares what components do with
 * what they say: the layers that they read, what each unit is worth to them; and, on a pass of means, their slopes and
 * second derivatives.
 * Meanwhile the parameters of the network and of the objective's linear maps and networks are random numbers: where they are zero, nothing depends on anything. One evaluation a
 * unit and sample: not for every step.
 *
 * @param input [B, inputs] examples
 * @throws InputError that names the component, the layer and the unit
 */
export function checkObjective(
  network: Network,
  objective: Objective,
  input: Matrix,
  options: CheckOptions = {},
): void {
  refuseUnknown("checkObjective", optionNames, options);
  const backend = immediate(network.backend);
  const fronts = (objective.fronts ?? []).flatMap(({ parameters }) => parameters);
  const parameters = [...network.layers, ...objective.linears, ...fronts];
  const before = parameters.map(({ block }) => backend.readNow(block));
  initialiseWeights(backend, parameters, options.seed ?? 0);
  parameters.forEach(({ block, width }, place) => {
    const key = deriveKey(options.seed ?? 0, "test", place, newKey());
    const values = Array.from({ length: width }, (_, e) => 2 * uniformAt(key, e) - 1);
    backend.write(block, values, block.columns - width);
  });
  try {
    compare(backend, network, objective, input, options);
    compareSlopes(backend, network, objective, input, options);
    compareCurvatures(backend, network, objective, input, options);
  } finally {
    for (const [place, { block }] of parameters.entries()) backend.write(block, before[place]);
  }
}

function compare(
  backend: ImmediateBackend,
  network: Network,
  objective: Objective,
  input: Matrix,
  { samples = 4, seed = 0, tolerance = 1e-3 }: CheckOptions,
): void {
  const pass = createPass(network, input);
  const tryUnits = prepareTries(pass);
  const { components } = objective.prepare(pass);
  const draws = new GeneratedDraws(backend, seed, "test");
  const idle = new Set(components.flatMap(({ name, reads }) => reads.map((index) => `${name} ${index}`)));
  for (let step = 1; step <= samples; step++) {
    draws.startStep(step);
    samplePass(pass, draws);
    for (const component of components) {
      if (component.observed) continue;
      const { name, reads, value, evaluate, addDifferences } = component;
      const values = () => {
        evaluate();
        const found = backend.readNow(value);
        const b = found.findIndex((one) => !Number.isFinite(one));
        if (b < 0) return found;
        throw new InputError(
          `the component "${name}" is ${found[b]} on example ${b}; expected a finite number`,
        );
      };
      const size = Math.max(1, ...values().map(Math.abs));
      for (const layer of network.layers) {
        const { index, width } = layer;
        const isRead = reads.includes(index);
        const said = backend.matrix(pass.batchSize, width);
        if (isRead) addDifferences?.(layer, said);
        const expected = addDifferences && backend.readNow(said);
        const found = new Float64Array(pass.batchSize * width);
        tryUnits(layer, values, found);
        const refuse = (e: number, why: string) => {
          throw new InputError(`the component "${name}" ${why.replace("UNIT", unitOf(layer, e))}`);
        };
        found.forEach((difference, e) => {
          if (difference !== 0) idle.delete(`${name} ${index}`);
          if (!isRead && Math.abs(difference) > tolerance * size) {
            refuse(e, `depends on UNIT, and says that it reads ${layersRead(component)}`);
          }
          if (isRead && expected && Math.abs(difference - expected[e]) > tolerance * size) {
            refuse(e, `says that UNIT is worth ${expected[e]}; it is worth ${difference}`);
          }
        });
      }
    }
  }
  for (const component of components) {
    for (const index of component.observed ? [] : component.reads) {
      if (!idle.has(`${component.name} ${index}`)) continue;
      throw new InputError(
        `the component "${component.name}" says that it reads layer ${index}, and none of its units, ${unitOf(network.layers[index], 0)} the first, changed it in ${samples * pass.batchSize} samples`,
      );
    }
  }
}

/** Half the distance over which a slope is looked at. */
const reach = 1 / 16;

/** An objective on a mean-field pass, and a way to have a layer show other means there, which its children see. */
function prepareMeans(
  backend: ImmediateBackend,
  network: Network,
  objective: Objective,
  input: Matrix,
  seed: number,
) {
  const sampled = createPass(network, input);
  // What it draws is not looked at, but a front end has to run.
  samplePass(sampled, new GeneratedDraws(backend, seed, "test"));
  const means = createMeanPass(sampled);
  const { components } = objective.prepare(means);
  const show = (layer: Layer, shown: Float64Array) => {
    backend.write(means.layers[layer.index].bits, shown);
    showMeans(means, layer);
    for (const { layer: child } of layer.children) computeLaw(means, child);
  };
  return { means, components, show };
}

/** By central differences on a mean-field pass. */
function compareSlopes(
  backend: ImmediateBackend,
  network: Network,
  objective: Objective,
  input: Matrix,
  { seed = 0, tolerance = 1e-3 }: CheckOptions,
): void {
  const { means, components, show } = prepareMeans(backend, network, objective, input, seed);
  for (const { name, reads, value, evaluate, addSlopes } of components) {
    for (const layer of addSlopes === undefined ? [] : reads.map((index) => network.layers[index])) {
      const { index, width, choices } = layer;
      const { bits } = means.layers[index];
      const valuesAt = (shown: Float64Array) => {
        show(layer, shown);
        evaluate();
        return backend.readNow(value);
      };
      runMeans(means);
      const usual = backend.readNow(bits);
      const size = Math.max(1, ...valuesAt(usual).map(Math.abs));
      const said = backend.matrix(means.batchSize, width);
      addSlopes!(layer, said);
      const expected = backend.readNow(said);
      for (let j = 0; j < width; j++) {
        // Of a softmax unit one choice takes from the next, as slopes are known up to a constant a unit.
        const next = choices === 1 ? -1 : j - (j % choices) + ((j + 1) % choices);
        const moved = (by: number) => {
          const shown = Float64Array.from(usual);
          for (let e = 0; e < shown.length; e += width) {
            shown[e + j] += by;
            if (next >= 0) shown[e + next] -= by;
          }
          return Float64Array.from(valuesAt(shown));
        };
        const [up, down] = [moved(reach), moved(-reach)];
        up.forEach((one, b) => {
          const found = one - down[b];
          const slope = expected[b * width + j] - (next < 0 ? 0 : expected[b * width + next]);
          if (Math.abs(found - 2 * reach * slope) <= tolerance * size) return;
          throw new InputError(
            `the component "${name}" says that its slope at ${unitOf(layer, j)} is ${slope}; it is ${found / (2 * reach)}`,
          );
        });
      }
    }
  }
}

/** Second derivatives, by central differences of slopes on a mean-field pass: of {0,1} and {-1,+1} units. */
function compareCurvatures(
  backend: ImmediateBackend,
  network: Network,
  objective: Objective,
  input: Matrix,
  { seed = 0, tolerance = 1e-3 }: CheckOptions,
): void {
  const { means, components, show } = prepareMeans(backend, network, objective, input, seed);
  const zeros = (width: number) => backend.matrix(means.batchSize, width);
  for (const { name, reads, evaluate, addSlopes, curvature } of components) {
    if (curvature === undefined) continue;
    const readLayers = reads.map((index) => network.layers[index]);
    for (const moved of readLayers) {
      const { bits } = means.layers[moved.index];
      runMeans(means);
      const usual = backend.readNow(bits);
      /** The slopes at what each layer shows, where one unit shows so much more. */
      const slopesAt = (unit: number, by: number) => {
        show(
          moved,
          usual.map((one, e) => one + (e % moved.width === unit ? by : 0)),
        );
        evaluate();
        return readLayers.map((layer) => {
          const out = zeros(layer.width);
          addSlopes!(layer, out);
          return backend.readNow(out);
        });
      };
      for (let j = 0; j < moved.width; j++) {
        const [up, down] = [slopesAt(j, reach / 2), slopesAt(j, -reach / 2)];
        slopesAt(j, 0);
        const direction = zeros(moved.width);
        backend.write(
          direction,
          usual.map((_, e) => (e % moved.width === j ? 1 : 0)),
        );
        const diagonal = zeros(moved.width);
        curvature.addDiagonal(moved, diagonal);
        const own = backend.readNow(diagonal);
        readLayers.forEach((layer, place) => {
          const said = zeros(layer.width);
          const directions = network.layers.map((one) => (one === moved ? direction : undefined));
          curvature.addSlopeChanges(layer, directions, said);
          backend.readNow(said).forEach((one, e) => {
            const found = (up[place][e] - down[place][e]) / reach;
            const isOwn = layer === moved && e % layer.width === j;
            const size = Math.max(1, Math.abs(up[place][e]));
            const wrong = [one, ...(isOwn ? [own[e]] : [])].find(
              (told) => !(Math.abs(told - found) <= tolerance * size),
            );
            if (wrong === undefined) return;
            throw new InputError(
              `the component "${name}" says that its slope at ${unitOf(layer, e)} changes by ${wrong} with ${unitOf(moved, j)}; it changes by ${found}`,
            );
          });
        });
      }
    }
  }
}
