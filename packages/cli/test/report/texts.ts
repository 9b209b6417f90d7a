/**
 * Where the texts of an SVG stand, in the widest of the usual fonts: `font-widths.json` has what their files say of each
 * character. Arial and Helvetica are as wide as Liberation Sans, which was made so.
 */
import { readFileSync } from "node:fs";

type Widths = Record<"plain" | "bold", number[]>;
const { characters: all, ...fonts } = JSON.parse(
  readFileSync(new URL("font-widths.json", import.meta.url), "utf8"),
) as { characters: string } & Record<string, Widths>;

/** Those whose widths are known. */
export const characters = [...all];

/** Names of the fonts whose widths are known. */
export const fontNames = Object.keys(fonts);

/** Pixels. */
export function widthIn(name: string, text: string, size: number, weight: "plain" | "bold"): number {
  const widths = (fonts as unknown as Record<string, Widths>)[name][weight];
  return [...text].reduce((sum, character) => {
    const width = widths[characters.indexOf(character)];
    if (width === undefined) throw new Error(`nothing says how wide ${character} is`);
    return sum + (width * size) / 1000;
  }, 0);
}

/** What a text covers: from its baseline up as high as a capital letter, and down as a comma. */
export interface Box {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The texts of an SVG: in groups that are moved, themselves at a place or moved, some of them turned. */
export function textBoxes(svg: string, font: string): Box[] {
  const at = [{ x: 0, y: 0 }];
  const boxes: Box[] = [];
  for (const [, close, name, rest, text = ""] of svg.matchAll(
    /<(\/?)(g|text)\b([^>]*)>(?:([^<]*)<\/text>)?/g,
  )) {
    if (close) {
      at.pop();
      continue;
    }
    const [, x = "0", y = "0"] = /translate\(([-\d.e]+),([-\d.e]+)\)/.exec(rest) ?? [];
    const [, ownX = x] = / x="([-\d.]+)"/.exec(rest) ?? [];
    const [, ownY = y] = / y="([-\d.]+)"/.exec(rest) ?? [];
    const here = { x: at.at(-1)!.x + Number(ownX), y: at.at(-1)!.y + Number(ownY) };
    if (name === "g") {
      if (!rest.endsWith("/")) at.push(here);
      continue;
    }
    const size = Number.parseFloat(/font-size="([\d.]+)(px)?"/.exec(rest)![1]);
    const weight = /font-weight="(600|bold)"/.test(rest) ? "bold" : "plain";
    const written = text.replace(/&#?\w+;/g, "&");
    const width = widthIn(font, written, size, weight);
    const anchor = /text-anchor="(\w+)"/.exec(rest)?.[1] ?? "start";
    const before = { start: 0, middle: width / 2, end: width }[anchor]!;
    const [up, down] = [0.75 * size, 0.15 * size];
    boxes.push(
      /rotate\(-90\)/.test(rest)
        ? {
            text,
            left: here.x - up,
            right: here.x + down,
            top: here.y - width + before,
            bottom: here.y + before,
          }
        : {
            text,
            left: here.x - before,
            right: here.x - before + width,
            top: here.y - up,
            bottom: here.y + down,
          },
    );
  }
  return boxes;
}

/** What is wrong with where the texts stand: those that are cut by the edge, and those that lie on each other. */
export function misplaced(svg: string, font: string): string[] {
  const [width, height] = ["width", "height"].map((name) =>
    Number(new RegExp(`<svg[^>]* ${name}="(\\d+)"`).exec(svg)![1]),
  );
  const boxes = textBoxes(svg, font).filter(({ text }) => text !== "");
  const cut = boxes.filter(
    ({ left, right, top, bottom }) => left < 0 || top < 0 || right > width || bottom > height,
  );
  const overlapping = boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
      .map((b) => `${a.text} lies on ${b.text}`),
  );
  return [...cut.map(({ text }) => `${text} is cut`), ...overlapping];
}
