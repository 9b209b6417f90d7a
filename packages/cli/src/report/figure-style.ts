/** How figures look: colours, markers, lines and type, and the SVG that a Vega-Lite spec becomes without a browser. */
import type { TopLevelSpec } from "vega-lite";

/** As wide as GitHub shows a README. */
export const FIGURE_WIDTH = 760;

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
export const INK = "#1f2328";
export const QUIET = "#59636e";
const RULE = "#b5bcc4";
const FAINT = "#e4e8ec";

// Okabe and Ito's colours without their yellow, which nobody sees on white, and a grey: colour-blind readers can tell
// them apart, and each method has a marker of its own as well.
export const COLOURS = [
  ...["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A"],
];
export const SHAPES = [
  ...["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right"],
  "triangle-left",
];

export const SOLID = { strokeWidth: 2 };
export const DOTTED = { strokeWidth: 1.75, strokeDash: [0.1, 3.5], strokeCap: "round" };
export const MARKER = { type: "point", filled: true, size: 44, opacity: 1, stroke: "white", strokeWidth: 1 };
export const BAND = { type: "area", opacity: 0.18, clip: true };

/** Vega-Lite's `config` of every figure. */
export const CONFIG = {
  background: "white",
  font: FONT,
  aria: false,
  view: { stroke: null },
  text: { fontSize: 12 },
  axis: {
    labelFontSize: 11,
    labelColor: QUIET,
    labelPadding: 6,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titleColor: QUIET,
    gridColor: FAINT,
    domain: false,
    ticks: false,
  },
  axisX: {
    grid: false,
    domain: true,
    domainColor: RULE,
    ticks: true,
    tickColor: RULE,
    tickSize: 4,
    labelPadding: 3,
    labelFlush: false,
    titleFontSize: 11,
  },
};

/**
 * A layer: a text that begins at the panel's left edge. It is data, as all texts of a user's have to be: Vega makes
 * expressions of the rest, in which `valueOf` is no text.
 */
export const write = (text: string, y: number, style: object) => ({
  data: { values: [{ text }] },
  mark: { type: "text", align: "left", color: INK, ...style },
  encoding: { x: { value: 0 }, y: { value: y }, text: { field: "text" } },
});

/** By this a figure is known, so that nothing else is written over. */
export const figureMark = "a flipnet figure";

/** Renders a spec whose first panel begins at `left` and `top`, {@link FIGURE_WIDTH} wide. */
export async function renderSvg(
  spec: TopLevelSpec,
  { title, height, left, top }: { title: string; height: number; left: number; top: number },
): Promise<string> {
  // Vega is large: only who draws pays for it.
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  // Of a copy: Vega marks the data as its own.
  const vega = compile(structuredClone(spec)).spec;
  // Without a browser Vega can only guess how wide a text is, so the layout is given and depends on no guess. Where there
  // is one panel, its width and height are those of the whole.
  const whole = { width: FIGURE_WIDTH - left, height: height - top };
  const { width = whole.width, height: high = whole.height } = vega as Partial<typeof whole>;
  const padding = { left, top, right: whole.width - width, bottom: whole.height - high };
  const layout = { autosize: "none", width, height: high, padding } as const;
  const view = new View(parse({ ...vega, ...layout }), { renderer: "none" });
  const svg = await view.toSVG();
  const escaped = title.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  return svg.replace(/^<svg ([^>]*)>/, `<svg $1 role="img"><title>${escaped}</title><!-- ${figureMark} -->`);
}
