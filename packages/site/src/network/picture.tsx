/** Pictures of a training: its coins, its field, curves, a coin's credit, a cloud of gradients. */

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { useMemo, useRef } from "preact/hooks";
import { colorsOf, useDrawing } from "../shared/canvas.ts";
import { DigitPicture, side as pixels } from "../shared/digit.tsx";
import { percent, signed, threeDigits } from "../shared/numbers.ts";
import {
  type Cloud,
  type Detail,
  type Field,
  type LaneView,
  side,
  type UnitView,
  type Walk,
} from "./question.ts";
import { board, isPlane, type TaskName, words } from "./spec.ts";

/** A lane with all that there is to say of it. */
export type Detailed = LaneView & { readonly detail: Detail };

/** Where something stands. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly r: number;
}

/** A column a layer. */
function columns(counts: readonly number[], width: number, height: number): Place[][] {
  const x = scaleLinear([0, counts.length - 1], [34, width - 44]);
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
function Lines({ places, weights }: { places: readonly Place[][]; weights: Detail["weights"] }) {
  const paths = new Map<string, string>();
  const at = places.map((column) => column.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`));
  weights.forEach((layer, l) => {
    const [from, to] = [at[l], at[l + 1]];
    if (from === undefined || to === undefined || layer.length !== from.length * to.length) return;
    const most = layer.reduce((most, weight) => Math.max(most, Math.abs(weight)), 2);
    layer.forEach((weight, e) => {
      const part = Math.abs(weight) / most;
      if (part < 0.02) return;
      const key = `${weight < 0 ? "less" : "more"} ${Math.min(3, Math.floor(part * 4))}`;
      const line = `M${from[Math.floor(e / to.length)]}L${to[e % to.length]}`;
      paths.set(key, (paths.get(key) ?? "") + line);
    });
  });
  return (
    <>
      {[...paths].map(([key, path]) => {
        const [sign, bin] = key.split(" ");
        return <path key={key} class={`wire ${sign}`} d={path} stroke-width={thicknesses[Number(bin)]} />;
      })}
    </>
  );
}

/** A digit among coins: all of its pixels as one path, and a line to everyone who looks at it. */
function SeenDigit({
  input,
  place: { x, y },
  to,
}: {
  input: readonly number[];
  place: Place;
  to: readonly Place[];
}) {
  const size = 64;
  const pixel = size / pixels;
  const ink = input
    .map((on, e) =>
      on ? `M${(e % pixels) * pixel} ${Math.floor(e / pixels) * pixel}h${pixel}v${pixel}h${-pixel}z` : "",
    )
    .join("");
  return (
    <g class="input">
      <path class="looks" d={to.map((coin) => `M${x + 34} ${y}L${coin.x} ${coin.y}`).join("")} />
      <g transform={`translate(${x - 30} ${y - size / 2})`}>
        <rect width={size} height={size} rx={3} />
        <path class="ink" d={ink} />
      </g>
    </g>
  );
}

/** What every column of the picture has: inputs, then coins or choices. */
const countsOf = (task: TaskName, { input, layers }: LaneView): number[] => [
  task === "digits" ? 1 : input.length,
  ...layers.map(({ p }) => p.length),
];

/** What a reward says. */
function verdictOf(task: TaskName, reward: number): string {
  if (task === "walk") return `earns ${signed(reward)}`;
  return `${reward > 0 ? "right" : "wrong"}: ${reward > 0 ? "+1" : reward < 0 ? "−1" : "0"}`;
}

/** What is asked of a picture of a network. */
interface Pictured {
  readonly id: string;
  readonly task: TaskName;
  /** What the coins do, in quick succession while it plays. */
  readonly lane: LaneView;
  /** The last one with its details: what is more than a coin's two faces is drawn from this. */
  readonly still: Detailed;
  /** As far as a step has gone: as in `phasesOf`. */
  readonly phase: number;
  readonly chosen: readonly [number, number];
  readonly choose: (unit: readonly [number, number]) => void;
}

/** A network on one example. While it plays, a coin's face is all that changes in every picture: no text, no layout. */
export function NetworkPicture({ id, task, lane, still, phase, chosen, choose }: Pictured) {
  const counts = countsOf(task, still);
  const shape = counts.join();
  const height = Math.max(210, 30 + 24 * Math.max(...counts));
  const places = useMemo(() => columns(counts, 440, height), [shape]);
  const depth = still.layers.length;
  const isChoice = places[depth].length > 1;
  const behind = useMemo(
    () => <Behind task={task} lane={still} places={places} phase={phase} />,
    [still, places, phase],
  );
  const words = useMemo(
    () => <Words task={task} lane={still} places={places} phase={phase} />,
    [still, places, phase],
  );
  const label = useMemo(() => describe(task, still), [still]);
  const [l, j] = chosen;
  return (
    <svg
      class="figure network"
      id={id}
      viewBox={`0 0 440 ${height + (isChoice ? 46 : 0)}`}
      role="img"
      aria-label={label}
    >
      {behind}
      {lane.layers.map(({ p, bits }, layer) =>
        bits.map((bit, unit) => {
          const place = places[layer + 1]?.[unit];
          if (place === undefined) return null;
          const fell = phase > layer;
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the two menus below do the same by keys
            <circle
              key={`${layer}.${unit}`}
              class={`unit ${fell ? (bit === 1 ? "on" : "off") : "waiting"}${l === layer && j === unit ? " chosen" : ""}`}
              cx={place.x}
              cy={place.y}
              r={place.r}
              fill-opacity={fell ? 1 : 0.12 + 0.6 * p[unit]}
              onClick={() => choose([layer, unit])}
            />
          );
        }),
      )}
      {words}
    </svg>
  );
}

interface Part {
  readonly task: TaskName;
  readonly lane: Detailed;
  readonly places: readonly Place[][];
  readonly phase: number;
}

/** Lines, what is seen, and each coin's credit as a ring. */
function Behind({ task, lane: { layers, input, detail }, places, phase }: Part) {
  const most = Math.max(1e-9, ...layers.flatMap(({ credit }) => credit.map(Math.abs)));
  return (
    <>
      <Lines places={places} weights={detail.weights} />
      {task === "digits" ? (
        <SeenDigit input={input} place={places[0][0]} to={places[1]} />
      ) : (
        places[0].map(({ x, y, r }, i) => (
          <g key={i} class={task === "walk" && input[i] === 1 ? "input here" : "input"}>
            <rect x={x - 1.3 * r - 6} y={y - 9} width={2.6 * r + 12} height={18} rx={4} />
            <text x={x} y={y}>
              {inputText(task, input, i)}
            </text>
          </g>
        ))
      )}
      {phase >= layers.length + 2 &&
        layers.map(({ credit }, l) =>
          credit.map((value, j) => {
            const part = Math.abs(value) / most;
            if (part <= 0.02) return null;
            const { x, y, r } = places[l + 1][j];
            return (
              <circle
                key={`${l}.${j}`}
                class={`credit ${value < 0 ? "less" : "more"}`}
                cx={x}
                cy={y}
                r={r + 2 + 4 * part}
                stroke-width={1 + 4 * part}
              />
            );
          }),
        )}
    </>
  );
}

function inputText(task: TaskName, input: readonly number[], i: number): string {
  if (isPlane(task)) return signed(input[i]);
  if (task === "walk") return i < board.size ? `row ${i + 1}` : `col ${i + 1 - board.size}`;
  return input[i] > 0 ? "1" : "0";
}

/** What the last layer can say, what it said, and what that earned. */
function Words({ task, lane: { layers, reward }, places, phase }: Part) {
  const depth = layers.length;
  const output = places[depth];
  const isChoice = output.length > 1;
  const { p, bits } = layers[depth - 1];
  const last = output[output.length - 1];
  return (
    <>
      {isChoice &&
        output.map(({ x, y }, j) => (
          <g key={j} class={phase >= depth && bits[j] === 1 ? "choice on" : "choice"}>
            <text class="choice-name" x={x} y={y}>
              {words[task][j]}
            </text>
            <rect class="chance" x={x + 18} y={y - 4} width={18 * p[j]} height={8} />
          </g>
        ))}
      {phase >= depth && (
        <text class="figure-note end" x={432} y={last.y + (isChoice ? 32 : 40)}>
          says {isChoice ? words[task][bits.indexOf(1)] : bits[0]}
        </text>
      )}
      {phase >= depth + 1 && (
        <text class={`verdict end ${reward > 0 ? "more" : "less"}`} x={432} y={last.y + (isChoice ? 52 : 62)}>
          {verdictOf(task, reward)}
        </text>
      )}
    </>
  );
}

const describe = (task: TaskName, { layers, reward }: LaneView): string =>
  `A network. ${layers
    .map(({ bits }, l) =>
      l === layers.length - 1 && bits.length > 1
        ? `It says ${words[task][bits.indexOf(1)]}`
        : `Layer ${l + 1}: ${bits.filter((bit) => bit === 1).length} of ${bits.length} coins are on`,
    )
    .join("; ")}. The reward is ${threeDigits(reward)}.`;

/** What the network says all over a square: as a probability, or as one sample of it. */
export function FieldPicture({
  field,
  input,
  sample,
  label,
}: {
  field: Field;
  input: readonly number[];
  sample: boolean;
  label: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useDrawing(
    canvas,
    (context) => {
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
    },
    [field, sample],
  );
  return (
    <div class="field">
      <canvas ref={canvas} width={side} height={side} role="img" aria-label={label} />
      <svg viewBox="-1 -1 2 2" aria-hidden="true">
        <circle cx={input[0]} cy={-input[1]} r={0.05} class="spot" />
      </svg>
    </div>
  );
}

/** How likely each guess is, coins being flipped again and again. */
export function GuessPicture({
  field: { mean },
  answer,
  method,
  names,
}: {
  field: Field;
  answer: number | undefined;
  method: number;
  names: readonly string[];
}) {
  const best = mean.indexOf(Math.max(...mean));
  return (
    <svg
      class="figure guesses"
      viewBox="0 0 440 110"
      role="img"
      aria-label={`How likely each guess is: ${names.map((name, a) => `${name} ${percent(mean[a])}`).join(", ")}`}
    >
      {names.map((name, a) => {
        const x = 22 + 40 * a;
        const height = 70 * mean[a];
        return (
          <g key={name} class={`method-${method}`}>
            <rect class="track" x={x} y={16} width={30} height={70} />
            <rect class="filled" x={x} y={86 - height} width={30} height={height} />
            <text class={a === answer ? "middle answer" : "middle"} x={x + 15} y={104}>
              {name}
            </text>
            {a === best && (
              <text class="figure-note middle" x={x + 15} y={11}>
                {Math.round(100 * mean[a])} %
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** The board of a walk: how likely each move is in each cell, and the way of the episode that is shown. */
export function BoardPicture({ field: { mean }, walk, label }: { field: Field; walk: Walk; label: string }) {
  const { size } = board;
  const cell = 40;
  const middle = (at: number) => ({ x: cell * ((at % size) + 0.5), y: cell * (Math.floor(at / size) + 0.5) });
  // Steps into the wall stay: a little circle would hide in the line, so the way is drawn by moves alone.
  const way = walk.cells.map((at) => `${middle(at).x} ${middle(at).y}`);
  const now = middle(walk.cells[walk.at]);
  const turns = [
    [0, -1],
    [0, 1],
    [-1, 0],
    [1, 0],
  ];
  return (
    <svg class="figure board" viewBox={`0 0 ${size * cell} ${size * cell}`} role="img" aria-label={label}>
      {Array.from({ length: size * size }, (_, at) => {
        const { x, y } = middle(at);
        const isGoal = at === size * size - 1;
        return (
          <g key={at}>
            <rect
              class={isGoal ? "cell goal" : "cell"}
              x={x - cell / 2}
              y={y - cell / 2}
              width={cell}
              height={cell}
            />
            {isGoal ? (
              <text class="prize" x={x + 17} y={y - 8}>
                +1
              </text>
            ) : (
              turns.map(([right, down], move) => {
                const p = mean[turns.length * at + move];
                const long = 4 + 13 * p;
                return (
                  <path
                    key={move}
                    class="move"
                    opacity={0.15 + 0.85 * p}
                    d={`M${x + right * long} ${y + down * long}L${x + 4 * down} ${y + 4 * right}L${x - 4 * down} ${y - 4 * right}z`}
                  />
                );
              })
            )}
          </g>
        );
      })}
      <path class="way" d={`M${way.join("L")}`} />
      <circle class="walker" cx={now.x} cy={now.y} r={7} />
    </svg>
  );
}

/** A number over all steps so far, a line each. */
export function Curves({
  title,
  lanes,
  of,
  domain,
  format,
  titleOf,
  tick: tickText = String,
}: {
  title: string;
  titleOf: (name: string) => string;
  lanes: readonly Detailed[];
  of: (detail: Detail) => Float32Array;
  domain?: readonly [number, number];
  format: (value: number) => string;
  tick?: (value: number) => string;
}) {
  const all = lanes.map(({ detail }) => of(detail));
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
      {lanes.map(({ name }, i) => (
        <text key={name} class={`curve-name end method-${i}`} x={504} y={18 + 16 * i}>
          {i === 0 ? "—" : "– –"} {titleOf(name)}
        </text>
      ))}
      {y.ticks(4).map((tick) => (
        <g key={tick}>
          <line class="axis" x1={52} x2={504} y1={y(tick)} y2={y(tick)} />
          <text class="figure-note end" x={46} y={y(tick) + 4}>
            {tickText(tick).replace("-", "−")}
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
  const { prior, bit, children, posterior, credit, image } = unit;
  const most = Math.max(1e-9, ...(image ?? []).map(Math.abs));
  return (
    <div class={`unit-table method-${method}`}>
      {image && (
        <figure class="weights">
          <DigitPicture
            values={image.map((weight) => weight / most)}
            label="The coin's weights to the pixels"
            signs
          />
          <figcaption class="small">
            What it looks for: ink in blue places makes it likelier on, in orange ones less.
          </figcaption>
        </figure>
      )}
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
                <td>{child.did}</td>
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
        HNCA: the reward {threeDigits(reward)} × ({percent(posterior)} − {percent(prior)}) ={" "}
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
