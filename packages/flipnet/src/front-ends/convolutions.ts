/**
 * Convolutions in front of stochastic layers (HNCA paper, appendix F): each a `kernel` by `kernel` window, one pixel a
 * step and never beyond the edge, then a rectifier. Their last outputs, place by place, are the features (D-29).
 */
import type { Backend, Matrix, Window } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { FrontEnd, Parameters } from "./front-end.ts";

/** Convolutions over images. */
export interface ConvolutionOptions {
  /** The images' size, `[height, width]` or `[height, width, channels]`, the channels of a pixel side by side. */
  shape: readonly number[];
  /** Channels of each convolution's output, input side first. */
  channels: readonly number[];
  /** Rows and columns of the window; default 3. */
  kernel?: number;
}

const optionNames: Names<ConvolutionOptions> = { shape: 1, channels: 1, kernel: 1 };

/** One of them: its block is the weights `[a window, J]`, then the bias. */
export interface Convolution extends Parameters {
  readonly window: Window;
  readonly places: number;
}

/** Whether these are the parameters of a convolution. */
export const isConvolution = (parameters: Parameters): parameters is Convolution => "window" in parameters;

/**
 * Convolutions with all parameters zero; `initialiseWeights` fills them in.
 *
 * @throws InputError for images of another kind of shape, or a kernel that does not fit them
 */
export function convolutions(backend: Backend, options: ConvolutionOptions): FrontEnd {
  refuseUnknown("convolutions", optionNames, options);
  const { shape, channels, kernel = 3 } = options;
  if ((shape.length !== 2 && shape.length !== 3) || !shape.every((size) => isWhole(size, 1))) {
    throw new InputError(
      `the images have shape [${shape}]; expected [height, width] or [height, width, channels] for convolutions`,
    );
  }
  if (channels.length === 0) throw new InputError("there are no convolutions; expected at least one");
  const counts = [
    ...channels.map((count) => ["number of channels", count] as const),
    ["kernel", kernel] as const,
  ];
  for (const [what, count] of counts) {
    if (!isWhole(count, 1)) {
      throw new InputError(`the convolutions' ${what} is ${count}; expected a whole number of at least 1`);
    }
  }
  let [height, width, depth = 1] = shape;
  const layers = channels.map((units, index): Convolution => {
    if (kernel > Math.min(height, width)) {
      throw new InputError(
        `the kernel of convolutions.${index} is ${kernel} x ${kernel}; expected at most its images' ${height} x ${width}`,
      );
    }
    const window: Window = { height, width, channels: depth, kernel };
    const block = backend.matrix(1, (kernel ** 2 * depth + 1) * units);
    [height, width, depth] = [height - kernel + 1, width - kernel + 1, units];
    return { name: `convolutions.${index}`, block, width: units, window, places: height * width };
  });

  return {
    inputs: shape.reduce((product, length) => product * length, 1),
    outputs: height * width * depth,
    parameters: layers,

    prepare(input) {
      const B = input.rows;
      /** Weights and bias of a block, or of its gradient. */
      const partsOf = (block: Matrix, { window, width }: Convolution) => {
        const rows = window.kernel ** 2 * window.channels;
        return {
          weights: backend.view(block, 0, rows, width),
          bias: backend.view(block, rows * width, 1, width),
        };
      };
      let x = input;
      const stages = layers.map((layer) => {
        const { block, width, window, places } = layer;
        const stage = { layer, window, x, y: backend.matrix(B, places * width), ...partsOf(block, layer) };
        x = stage.y;
        return stage;
      });
      const gradients = layers.map(({ block }) => backend.matrix(1, block.columns));
      let back: ReturnType<typeof prepareBack> | undefined;

      /** What `backward` needs, from the last convolution to the first. */
      function prepareBack() {
        return stages
          .map((stage, index) => {
            const { layer, y } = stage;
            const g = backend.matrix(B, y.columns);
            const gByPlace = backend.view(g, 0, B * layer.places, layer.width);
            const into = partsOf(gradients[index], layer);
            return { ...stage, g, gByPlace, into };
          })
          .reverse();
      }

      return {
        output: x,
        gradients,
        forward() {
          for (const { x, y, window, weights, bias } of stages) backend.convolve(x, window, weights, bias, y);
        },
        backward(credit, inputCredit) {
          back ??= prepareBack();
          backend.copy(credit, back[0].g);
          for (let i = 0; i < back.length; i++) {
            const { layer, x, y, g, gByPlace, window, weights, into } = back[i];
            backend.rectifierGradient(y, g);
            backend.convolutionGradient(x, window, g, into.weights);
            // The mean over examples of the sum over places.
            backend.columnMeans(gByPlace, into.bias, false);
            backend.addScaled(into.bias, layer.places - 1, into.bias);
            const below = i + 1 < back.length ? back[i + 1].g : inputCredit;
            if (below !== undefined) backend.convolveBack(g, window, weights, below);
          }
        },
      };
    },
  };
}
