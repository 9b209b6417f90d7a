/**
 * A front end of fully connected layers: hidden units are `tanh(l / 2)` or softplus, outputs linear. The former is all the
 * backend's dense products and its logistic function, as `tanh(l / 2) = sigmoid(l) - sigmoid(-l)`; a softplus,
 * `ln(1 + e^l)`, is formed on the host.
 */
import { type Backend, type ImmediateBackend, immediate, type Matrix } from "../backend/backend.ts";
import { softplus } from "../backend/softplus.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { FrontEnd, Parameters } from "./front-end.ts";

/** The shape of a dense front end. */
export interface DenseOptions {
  /** Numbers it takes an example. */
  inputs: number;
  /** Widths of the hidden layers, the input's side first; none makes a linear map. */
  hidden: readonly number[];
  /** Numbers it gives an example. */
  outputs: number;
  /** What its parameters are called in files, `NAME.0` and so on; default "dense". */
  name?: string;
  /** What hidden units make of their logit; default "tanh", of half of it. */
  activation?: "tanh" | "softplus";
}

const optionNames: Names<DenseOptions> = { inputs: 1, hidden: 1, outputs: 1, name: 1, activation: 1 };

/**
 * Fully connected layers, all parameters zero; `initialiseWeights` draws them from `parameters`.
 *
 * @throws InputError for widths that cannot be, and for softplus on a backend that cannot be read within a step
 */
export function denseFrontEnd(backend: Backend, options: DenseOptions): FrontEnd {
  refuseUnknown("denseFrontEnd", optionNames, options);
  const { inputs, hidden, outputs, name = "dense", activation = "tanh" } = options;
  const widths = [inputs, ...hidden, outputs];
  const wrong = widths.find((width) => !isWhole(width, 1));
  if (wrong !== undefined) {
    throw new InputError(`the front end has a width of ${wrong}; expected whole numbers of at least 1`);
  }
  /** A block as [I, J] weights and then [1, J] biases. */
  const parts = (block: Matrix, place: number) => {
    const [I, J] = [widths[place], widths[place + 1]];
    return { weights: backend.view(block, 0, I, J), bias: backend.view(block, I * J, 1, J) };
  };
  const activate = activation === "softplus" ? onHost(immediate(backend)) : tanhOf(backend);
  const parameters = widths.slice(1).map((width, place): Parameters => {
    const block = backend.matrix(1, (widths[place] + 1) * width);
    return { name: `${name}.${place}`, block, width };
  });

  return {
    inputs,
    outputs,
    parameters,
    prepare(input) {
      const matrix = (columns: number) => backend.matrix(input.rows, columns);
      const gradients = parameters.map(({ block }) => backend.matrix(1, block.columns));
      const layers = parameters.map(({ block, width }, place) => {
        const isHidden = place < hidden.length;
        const logits = matrix(width);
        return {
          ...parts(block, place),
          gradient: parts(gradients[place], place),
          logits,
          /** What a hidden layer shows, its two probabilities, and its credit. */
          shown: isHidden ? matrix(width) : logits,
          p: isHidden ? matrix(width) : undefined,
          q: isHidden ? matrix(width) : undefined,
          credit: isHidden ? matrix(width) : undefined,
        };
      });
      const read = (place: number) => (place === 0 ? input : layers[place - 1].shown);
      return {
        output: layers[layers.length - 1].logits,
        gradients,
        forward() {
          layers.forEach(({ weights, bias, logits, shown, p, q }, place) => {
            backend.broadcast(bias, logits);
            backend.product(read(place), "real", weights, logits);
            if (p === undefined || q === undefined) return;
            backend.sigmoid(logits, p, q);
            activate(logits, p, q, shown);
          });
        },
        backward(credit, inputCredit) {
          let g = credit;
          for (let place = layers.length - 1; place >= 0; place--) {
            const { weights, gradient } = layers[place];
            backend.outerProduct(read(place), "real", g, gradient.weights, false);
            backend.columnMeans(g, gradient.bias, false);
            if (place === 0) {
              if (inputCredit !== undefined) backend.transposedProduct(g, weights, inputCredit, false);
              return;
            }
            const below = layers[place - 1];
            backend.transposedProduct(g, weights, below.credit!, false);
            if (activation === "softplus") backend.multiply(below.credit!, below.p!, below.credit!);
            else backend.meanSlope(below.credit!, below.p!, below.q!, 2, below.credit!);
            g = below.credit!;
          }
        },
      };
    },
  };
}

/** Writes what hidden units show, from their logits and the two probabilities that these make. */
type Activate = (logits: Matrix, p: Matrix, q: Matrix, out: Matrix) => void;

const tanhOf =
  (backend: Backend): Activate =>
  (_, p, q, out) =>
    backend.subtract(p, q, out);

function onHost(backend: ImmediateBackend): Activate {
  const rooms = new Map<Matrix, Float64Array>();
  return (logits, _p, _q, out) => {
    let room = rooms.get(logits);
    if (room === undefined) {
      room = new Float64Array(logits.rows * logits.columns);
      rooms.set(logits, room);
    }
    backend.readNow(logits, room);
    for (let e = 0; e < room.length; e++) room[e] = softplus(room[e]);
    backend.write(out, room);
  };
}
