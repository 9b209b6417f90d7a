/**
 * A front end of fully connected layers of leaky rectifiers, `max(l, s l)`, the last of which gives the features; its inputs may be
 * centred first. And what reads such features linearly, both together as one differentiable network.
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { FrontEnd, FrontPass, Parameters } from "./front-end.ts";

/** The shape of a rectified front end. */
export interface RectifiedOptions {
  /** Numbers it takes an example. */
  inputs: number;
  /** Units of its layers, the input's side first; none where it only centres. */
  widths: readonly number[];
  /** Whether a number of its own, which stays as it is written, is subtracted from every input; default: no. */
  centred?: boolean;
  /** What is left of a negative logit, from 0 on, below 1; default 0.3. */
  slope?: number;
  /** What its parameters are called in files, `NAME.0` and so on, and `NAME.centre`; default "rectified". */
  name?: string;
}

const optionNames: Names<RectifiedOptions> = { inputs: 1, widths: 1, centred: 1, slope: 1, name: 1 };

/** One of its layers. */
export interface RectifiedLayer extends Parameters {
  readonly slope: number;
}

/** What is subtracted from its inputs, [1, inputs]. */
export interface Centre extends Parameters {
  readonly centres: true;
}

/** Whether these are the parameters of a layer of rectifiers. */
export const isRectified = (parameters: Parameters): parameters is RectifiedLayer => "slope" in parameters;

/** Whether these are what inputs are centred by. */
export const isCentre = (parameters: Parameters): parameters is Centre => "centres" in parameters;

/**
 * Layers of leaky rectifiers, all parameters zero; `initialiseWeights` draws their weights, and the centre is the caller's to write.
 *
 * @throws InputError for widths or a slope that cannot be
 */
export function rectifiedFrontEnd(backend: Backend, options: RectifiedOptions): FrontEnd {
  refuseUnknown("rectifiedFrontEnd", optionNames, options);
  const { inputs, widths, centred = false, slope = 0.3, name = "rectified" } = options;
  const wrong = [inputs, ...widths].find((width) => !isWhole(width, 1));
  if (wrong !== undefined) {
    throw new InputError(`the front end has a width of ${wrong}; expected whole numbers of at least 1`);
  }
  if (widths.length === 0 && !centred) {
    throw new InputError("the front end has no layers and does not centre; expected one or the other");
  }
  if (!(slope >= 0 && slope < 1)) {
    throw new InputError(`the rectifiers' slope is ${slope}; expected a number from 0 on, below 1`);
  }
  const centre: Centre | undefined = centred
    ? { name: `${name}.centre`, block: backend.matrix(1, inputs), width: 0, rate: 0, centres: true }
    : undefined;
  const layers = widths.map((width, place): RectifiedLayer => {
    const rows = place === 0 ? inputs : widths[place - 1];
    return { name: `${name}.${place}`, block: backend.matrix(1, (rows + 1) * width), width, slope };
  });
  return {
    inputs,
    outputs: widths[widths.length - 1] ?? inputs,
    parameters: [...(centre === undefined ? [] : [centre]), ...layers],

    prepare(input) {
      const matrix = (columns: number) => backend.matrix(input.rows, columns);
      const seen = centre === undefined ? input : matrix(inputs);
      const stages = layers.map((layer, place) => ({
        map: linearMap(backend, layer, place === 0 ? inputs : widths[place - 1]),
        logits: matrix(layer.width),
        shown: matrix(layer.width),
        /** Of what it shows, and of its logits. */
        credit: matrix(layer.width),
        ofLogits: matrix(layer.width),
        room: matrix(layer.width),
      }));
      const read = (place: number) => (place === 0 ? seen : stages[place - 1].shown);
      const still = centre === undefined ? [] : [backend.matrix(1, inputs)];
      return {
        output: read(stages.length),
        gradients: [...still, ...stages.map(({ map }) => map.gradient)],
        forward() {
          if (centre !== undefined) {
            backend.broadcast(centre.block, seen);
            backend.subtract(input, seen, seen);
          }
          stages.forEach(({ map, logits, shown }, place) => {
            map.forward(read(place), logits);
            backend.fill(shown, 0);
            backend.addScaled(logits, slope, shown);
            backend.maximum(logits, shown, shown);
          });
        },
        backward(credit, inputCredit) {
          let g = credit;
          for (let place = stages.length - 1; place >= 0; place--) {
            const { map, shown, ofLogits, room } = stages[place];
            // All of it where the unit is on, a part of it where it is off.
            backend.copy(g, room);
            backend.rectifierGradient(shown, room);
            backend.fill(ofLogits, 0);
            backend.addScaled(g, slope, ofLogits);
            backend.addScaled(room, 1 - slope, ofLogits);
            const below = place === 0 ? inputCredit : stages[place - 1].credit;
            map.backward(read(place), ofLogits, below);
            if (below === undefined) return;
            g = below;
          }
          if (stages.length === 0 && inputCredit !== undefined) backend.copy(g, inputCredit);
        },
      };
    },
  };
}

/** A front end and a linear map of its outputs, whose block is `parameters`, as one differentiable network. */
export function readOut(backend: Backend, front: FrontEnd, parameters: Parameters): FrontEnd {
  return {
    inputs: front.inputs,
    outputs: parameters.width,
    parameters: [...front.parameters, parameters],
    prepare(input): FrontPass {
      const features = front.prepare(input);
      const map = linearMap(backend, parameters, front.outputs);
      const output = backend.matrix(input.rows, parameters.width);
      const credit = backend.matrix(input.rows, front.outputs);
      return {
        output,
        gradients: [...features.gradients, map.gradient],
        forward() {
          features.forward();
          map.forward(features.output, output);
        },
        backward(g, inputCredit) {
          map.backward(features.output, g, credit);
          features.backward(credit, inputCredit);
        },
      };
    },
  };
}

/** `W x + c` of a block of parameters, there and back. */
function linearMap(backend: Backend, { block, width }: Parameters, rows: number) {
  const parts = (of: Matrix) => ({
    weights: backend.view(of, 0, rows, width),
    bias: backend.view(of, rows * width, 1, width),
  });
  const gradient = backend.matrix(1, block.columns);
  const [own, into] = [parts(block), parts(gradient)];
  return {
    gradient,
    forward(x: Matrix, out: Matrix): void {
      backend.broadcast(own.bias, out);
      backend.product(x, "real", own.weights, out);
    },
    backward(x: Matrix, g: Matrix, below: Matrix | undefined): void {
      backend.outerProduct(x, "real", g, into.weights, false);
      backend.columnMeans(g, into.bias, false);
      if (below !== undefined) backend.transposedProduct(g, own.weights, below, false);
    },
  };
}
