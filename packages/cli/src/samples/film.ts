/** An episode as an animated SVG. What an environment looks like is said here, by its name. */
import type { Played } from "flipnet/internal/training/play";
import { FONT, INK, QUIET } from "../report/figure-style.ts";

/** What stands still, and what moves: shapes that are shifted or turned, at each state. */
interface Scene {
  /** Seconds a step. */
  readonly step: number;
  readonly still: string;
  moving(states: Played["states"]): string;
}

const [width, height] = [480, 260];
const round = (x: number) => Math.round(100 * x) / 100;

/** A group that is moved over all states, one after the other, again and again. */
const moved = (
  content: string,
  kind: "translate" | "rotate",
  values: readonly (readonly number[])[],
  seconds: number,
): string => {
  const said = values.map((numbers) => numbers.map(round).join(" "));
  const animation = `<animateTransform attributeName="transform" type="${kind}" dur="${round(seconds)}s" repeatCount="indefinite" values="${said.join(";")}"/>`;
  return `<g transform="${kind}(${said[0]})">${animation}${content}</g>`;
};

const degrees = (radians: number) => (180 * radians) / Math.PI;

/** Angles that never jump by more than half a turn. */
function unwrapped(angles: readonly number[]): number[] {
  let turns = 0;
  return angles.map((angle, i) => {
    if (i > 0) turns -= Math.round((angle - angles[i - 1]) / (2 * Math.PI));
    return angle + 2 * Math.PI * turns;
  });
}

const line = (x1: number, y1: number, x2: number, y2: number, colour: string, thick: number) =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="${thick}" stroke-linecap="round"/>`;
const disc = (x: number, y: number, r: number, colour: string) =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${colour}"/>`;
const [blue, orange] = ["#0072B2", "#D55E00"];

/** The hill of the mountain car, in pixels. */
const hill = (x: number): [number, number] => [
  (width * (x + 1.2)) / 1.8,
  height - 40 - 70 * (Math.sin(3 * x) + 1),
];

/** Seconds that an episode takes. */
const lasting = (states: Played["states"], step: number) => step * Math.max(1, states.length - 1);

const scenes: Readonly<Record<string, Scene>> = {
  "cart-pole": {
    step: 0.02,
    still: line(0, 200, width, 200, QUIET, 1),
    moving(states) {
      const seconds = lasting(states, this.step);
      const pole = moved(
        line(0, 0, 0, -100, orange, 6),
        "rotate",
        states.map(([, , angle]) => [degrees(angle)]),
        seconds,
      );
      const cart = `<rect x="-30" y="0" width="60" height="24" fill="${blue}"/>${pole}`;
      return moved(
        cart,
        "translate",
        states.map(([x]) => [width / 2 + (x * width) / 5.4, 176]),
        seconds,
      );
    },
  },
  acrobot: {
    step: 0.1,
    still: line(width / 2 - 100, 80, width / 2 + 100, 80, QUIET, 1),
    moving(states) {
      const seconds = lasting(states, this.step);
      const turned = (content: string, which: number) => {
        const angles = unwrapped(states.map((state) => state[which])).map((angle) => [-degrees(angle)]);
        return moved(content, "rotate", angles, seconds);
      };
      const lower = `<g transform="translate(0 60)">${turned(line(0, 0, 0, 60, orange, 6), 1)}</g>`;
      const upper = turned(line(0, 0, 0, 60, blue, 6) + lower, 0);
      return `<g transform="translate(${width / 2} 140)">${upper}${disc(0, 0, 4, INK)}</g>`;
    },
  },
  "mountain-car": {
    step: 0.04,
    still: `<polyline fill="none" stroke="${QUIET}" points="${Array.from({ length: 61 }, (_, i) => hill(-1.2 + 0.03 * i).map(round)).join(" ")}"/>${disc(...hill(0.5), 4, orange)}`,
    moving(states) {
      const places = states.map(([x]) => hill(x));
      return moved(disc(0, -8, 8, blue), "translate", places, lasting(states, this.step));
    },
  },
  "grid-world": {
    step: 0.4,
    still: `${Array.from({ length: 6 }, (_, i) => line(140 + 40 * i, 40, 140 + 40 * i, 240, QUIET, 1) + line(140, 40 + 40 * i, 340, 40 + 40 * i, QUIET, 1)).join("")}<rect x="304" y="204" width="32" height="32" fill="${orange}" opacity="0.5"/>`,
    moving(states) {
      const cells = states.map(([cell]) => [160 + 40 * (cell % 5), 60 + 40 * Math.floor(cell / 5)]);
      return moved(disc(0, 0, 12, blue), "translate", cells, lasting(states, this.step));
    },
  },
};

/** Environments of which there can be a film. */
export const filmed: readonly string[] = Object.keys(scenes);

/** By what a film of ours is known. */
export const filmMark = "made by flipnet film";

/** @param environment one of `filmed` */
export function filmSvg(environment: string, played: Played): string {
  const scene = scenes[environment];
  const earned = played.rewards.reduce((a, b) => a + b, 0);
  const how = played.ended ? "ended" : "cut";
  const says = `${environment}: ${played.actions.length} steps, return ${round(earned)}, ${how}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${says}">
<title>${says}</title>
<desc>${filmMark}</desc>
<rect width="${width}" height="${height}" fill="white"/>
<text x="12" y="22" font-family="${FONT.replaceAll('"', "'")}" font-size="13" fill="${INK}">${says}</text>
${scene.still}
${scene.moving(played.states)}
</svg>
`;
}
