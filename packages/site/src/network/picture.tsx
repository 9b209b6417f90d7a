/** Pictures of a training: its coins, its field, curves, a coin's credit, a cloud of gradients. */

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { useEffect, useRef } from "preact/hooks";
import { colorsOf } from "../shared/canvas.ts";
import { percent, signed, threeDigits } from "../shared/numbers.ts";
import { type Cloud, type LaneView, side, type UnitView } from "./question.ts";

/** Where coins stand: a column a layer. */
function columns(counts: readonly number[], width: number, height: number) {
  const x = scaleLinear([0, counts.length - 1], [34, width - 30]);
  return counts.map((count, column) => {
    const gap = Math.min(46, (height - 30) / count);
    return Array.from({ length: count }, (_, i) => ({
      x: x(column),
      y: height / 2 + (i - (count - 1) / 2) * gap,
      r: Math.min(13, gap * 0.42),
    }));
  });
}

const thicknesses = [0.4, 1, 2, 3.4];

/** All lines of a network as one path for each thickness and sign: few elements, whatever the number of weights. */
function Lines({ places, weights }: { places: ReturnType<typeof columns>; weights: LaneView["weights"] }) {
  const paths = new Map<string, string[]>();
  weights.forEach((layer, l) => {
    const [from, to] = [places[l], places[l + 1]];
    const most = Math.max(2, ...layer.map(Math.abs));
    layer.forEach((weight, e) => {
      const start = from[Math.floor(e / to.length)];
      const end = to[e % to.length];
      const part = Math.abs(weight) / most;
      if (part < 0.02) return;
      const key = `${weight < 0 ? "less" : "more"} ${Math.min(3, Math.floor(part * 4))}`;
      const path = paths.get(key) ?? [];
      path.push(`M${start.x.toFixed(1)} ${start.y.toFixed(1)}L${end.x.toFixed(1)} ${end.y.toFixed(1)}`);
      paths.set(key, path);
    });
  });
  return (
    <>
      {[...paths].map(([key, path]) => {
        const [sign, bin] = key.split(" ");
        return (
          <path key={key} class={`wire ${sign}`} d={path.join("")} stroke-width={thicknesses[Number(bin)]} />
        );
      })}
    </>
  );
}

/** The network on one example, as far as a step has gone: `phase` as in `phasesOf`. */
export function NetworkPicture({
  id,
  lane,
  input,
  phase,
  chosen,
  choose,
}: {
  id: string;
  lane: LaneView;
  input: readonly number[];
  phase: number;
  chosen: readonly [number, number];
  choose: (unit: readonly [number, number]) => void;
}) {
  const { layers, weights, reward } = lane;
  const height = Math.max(210, 30 + 24 * Math.max(...layers.map(({ p }) => p.length), input.length));
  const places = columns([input.length, ...layers.map(({ p }) => p.length)], 440, height);
  const depth = layers.length;
  const most = Math.max(1e-9, ...layers.flatMap(({ credit }) => credit.map(Math.abs)));
  const [output] = places[depth];
  return (
    <svg class="figure network" id={id} viewBox={`0 0 440 ${height}`} role="img" aria-label={describe(lane)}>
      <Lines places={places} weights={weights} />
      {places[0].map(({ x, y, r }, i) => (
        <g key={i} class="input">
          <rect x={x - 1.3 * r - 6} y={y - 9} width={2.6 * r + 12} height={18} rx={4} />
          <text x={x} y={y}>
            {Number.isInteger(input[i]) ? (input[i] > 0 ? "1" : "0") : signed(input[i])}
          </text>
        </g>
      ))}
      {layers.map(({ p, bits, credit }, l) =>
        places[l + 1].map(({ x, y, r }, j) => {
          const fell = phase > l;
          const face = fell ? (bits[j] === 1 ? "on" : "off") : "waiting";
          const part = Math.abs(credit[j]) / most;
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the two menus below do the same by keys
            <g
              key={j}
              class={`unit ${face} ${chosen[0] === l && chosen[1] === j ? "chosen" : ""}`}
              onClick={() => choose([l, j])}
            >
              {phase >= depth + 2 && part > 0.02 && (
                <circle
                  class={`credit ${credit[j] < 0 ? "less" : "more"}`}
                  cx={x}
                  cy={y}
                  r={r + 2 + 4 * part}
                  stroke-width={1 + 4 * part}
                />
              )}
              <circle class="body" cx={x} cy={y} r={r} fill-opacity={fell ? 1 : 0.12 + 0.6 * p[j]} />
            </g>
          );
        }),
      )}
      {phase >= depth && (
        <text class="figure-note end" x={432} y={output.y + 40}>
          says {layers[depth - 1].bits[0]}
        </text>
      )}
      {phase >= depth + 1 && (
        <text class={`verdict end ${reward > 0 ? "more" : "less"}`} x={432} y={output.y + 62}>
          {reward > 0 ? "right: +1" : "wrong: −1"}
        </text>
      )}
    </svg>
  );
}

const describe = ({ layers, reward }: LaneView): string =>
  `A network. ${layers
    .map(
      ({ bits }, l) =>
        `Layer ${l + 1}: ${bits.filter((bit) => bit === 1).length} of ${bits.length} coins are on`,
    )
    .join("; ")}. The reward is ${reward}.`;

/** What the network says everywhere: as a probability, or as one sample of it. */
export function FieldPicture({
  field,
  input,
  sample,
  label,
}: {
  field: NonNullable<LaneView["field"]>;
  input: readonly number[];
  sample: boolean;
  label: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const [more, less, back] = colorsOf(context, ["--more", "--less", "--raised"]);
    const image = context.createImageData(side, side);
    const values = sample ? field.sample : field.mean;
    values.forEach((value, i) => {
      const away = 2 * value - 1;
      const color = away > 0 ? more : less;
      // The first row of the field is the lowest one.
      const pixel = 4 * ((side - 1 - Math.floor(i / side)) * side + (i % side));
      for (let c = 0; c < 3; c++)
        image.data[pixel + c] = back[c] + Math.abs(away) * 0.85 * (color[c] - back[c]);
      image.data[pixel + 3] = 255;
    });
    context.putImageData(image, 0, 0);
  });
  return (
    <div class="field">
      <canvas ref={canvas} width={side} height={side} role="img" aria-label={label} />
      <svg viewBox="-1 -1 2 2" aria-hidden="true">
        <circle cx={input[0]} cy={-input[1]} r={0.05} class="spot" />
      </svg>
    </div>
  );
}

/** A number over all steps so far, a line each. */
export function Curves({
  title,
  lanes,
  of,
  domain,
  format,
}: {
  title: string;
  lanes: readonly LaneView[];
  of: (lane: LaneView) => Float32Array;
  domain?: readonly [number, number];
  format: (value: number) => string;
}) {
  const all = lanes.map(of);
  const steps = Math.max(...all.map((values) => values.length));
  const finite = all.flatMap((values) => Array.from(values).filter(Number.isFinite));
  const [least, most] = domain ?? [Math.min(0, ...finite), Math.max(0.1, ...finite)];
  const x = scaleLinear([0, Math.max(100, steps)], [52, 504]);
  const y = scaleLinear([least, most], [150, 40]).nice();
  // As many points as there are pixels.
  const every = Math.max(1, Math.floor(steps / 400));
  const path = line<number>()
    .x((place) => x(place * every + 1))
    .defined((_, i, places) => i < places.length);
  return (
    <svg
      class="figure"
      viewBox="0 0 520 190"
      role="img"
      aria-label={`${title}: ${lanes.map((lane, i) => `${lane.name} ${all[i].length ? format(all[i].at(-1)!) : "none yet"}`).join(", ")}`}
    >
      <text class="figure-note" x={10} y={18}>
        {title}
      </text>
      {y.ticks(4).map((tick) => (
        <g key={tick}>
          <line class="axis" x1={52} x2={504} y1={y(tick)} y2={y(tick)} />
          <text class="figure-note end" x={46} y={y(tick) + 4}>
            {domain ? `${Math.round(100 * tick)}` : tick}
          </text>
        </g>
      ))}
      {x.ticks(4).map((tick) => (
        <text key={tick} class="figure-note middle" x={x(tick)} y={172}>
          {tick}
        </text>
      ))}
      {all.map((values, i) => {
        const places = Array.from({ length: Math.floor(values.length / every) }, (_, k) => k).filter((k) =>
          Number.isFinite(values[k * every]),
        );
        return (
          <path
            key={lanes[i].name}
            class={`curve method-${i}`}
            d={path.y((place) => y(values[place * every]))(places) ?? ""}
          />
        );
      })}
    </svg>
  );
}

/** What the children of a coin did, how likely that was, and the credit that follows. */
export function UnitTable({ unit, reward, method }: { unit: UnitView; reward: number; method: number }) {
  const { prior, bit, children, posterior, credit } = unit;
  return (
    <div class={`unit-table method-${method}`}>
      <p class="small">
        Is on with <span data-number={`prior ${method}`}>{percent(prior)}</span>; came up{" "}
        <b>{bit === 1 ? "on" : "off"}</b>.
      </p>
      {children.length > 0 ? (
        <table>
          <thead>
            <tr>
              <th scope="col">Child</th>
              <th scope="col">did</th>
              <th scope="col">had this been on</th>
              <th scope="col">off</th>
              <th scope="col">ratio</th>
            </tr>
          </thead>
          <tbody>
            {children.map((child, k) => (
              <tr key={k}>
                <th scope="row">{k + 1}</th>
                <td>{child.bit === 1 ? "on" : "off"}</td>
                <td class="number">{percent(child.ifOn)}</td>
                <td class="number">{percent(child.ifOff)}</td>
                <td class="number">× {threeDigits(child.ifOn / child.ifOff)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="small">It acts, and has no children: what it did itself is all there is to know.</p>
      )}
      <p>
        The ratios, multiplied with the odds before, make{" "}
        <b data-number={`posterior ${method}`}>{percent(posterior)}</b>: how likely it is that this coin was
        on, if one knows what {children.length > 0 ? "its children" : "it"} did.
      </p>
      <p>
        HNCA: {reward > 0 ? "+1" : "−1"} × ({percent(posterior)} − {percent(prior)}) ={" "}
        <b data-number={`hnca ${method}`}>{threeDigits(reward * (posterior - prior))}</b>. This network's rule
        gives <b data-number={`credit ${method}`}>{threeDigits(credit)}</b>.
      </p>
    </div>
  );
}

/** Gradients of one example as dots, the true one as a cross. */
export function CloudPicture({ clouds }: { clouds: readonly (Cloud | undefined)[] }) {
  const points = clouds.flatMap((cloud) => cloud?.points ?? []);
  const most = Math.max(1e-9, ...points.flat().map(Math.abs), ...clouds.map((cloud) => cloud?.truth ?? 0));
  const scale = scaleLinear([-most, most], [-130, 130]);
  const drawn = clouds.find((cloud) => cloud?.drawn)?.drawn;
  return (
    <figure>
      <svg
        class="figure"
        id="cloud-picture"
        viewBox="0 0 640 300"
        role="img"
        aria-label="200 gradients of each network, and the true one"
      >
        {clouds.map((cloud, i) => {
          const middle = 160 + 320 * i;
          return (
            <g key={i} class={`method-${i}`}>
              <line class="axis" x1={middle - 135} x2={middle + 135} y1={150} y2={150} />
              <line class="axis" x1={middle} x2={middle} y1={15} y2={285} />
              {cloud?.points.map(([along, across], k) => (
                <circle key={k} class="dot" cx={middle + scale(along)} cy={150 - scale(across)} r={3} />
              ))}
              {cloud && <path class="cross" d={`M${middle + scale(cloud.truth) - 7} 150h14m-7 -7v14`} />}
            </g>
          );
        })}
      </svg>
      <figcaption class="small">
        Each dot is the gradient that one pass gives for this example: to the right what it has of the true
        gradient, the cross; up what it has of a direction across.{" "}
        {drawn
          ? `The true gradient is the mean of ${drawn.toLocaleString("en")} of HNCA's: there are too many coins to go through.`
          : "The true gradient is exact: all outcomes of all coins, gone through."}
      </figcaption>
    </figure>
  );
}
