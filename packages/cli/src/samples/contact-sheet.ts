/** A sheet of small images in labelled rows, as SVG and as PNG. */

import { FIGURE_WIDTH, FONT, INK, QUIET } from "../report/figure-style.ts";
import { cutTo, wrappedTo } from "../report/text-width.ts";
import { type Colour, encodePng, signPng } from "./png.ts";

/** A picture of many small images, all of one size. */
export interface Sheet {
  title: string;
  /** Lines below the title. */
  subtitle: readonly string[];
  /** Of one image, in pixels. */
  height: number;
  width: number;
  /** Images in a row. */
  columns: number;
  sections: readonly Section[];
}

/** What belongs together under a heading. */
export interface Section {
  heading: string;
  note: string;
  /** Rows that stand close together: images, and others that are to be compared with them. */
  groups: readonly (readonly Row[])[];
}

/** A row of images. */
export interface Row {
  label: string;
  /** One after the other, pixel by pixel: 0 is paper, 1 is ink. At most as many images as the sheet has columns. */
  values: ArrayLike<number>;
}

/** An image is about as wide as this, a whole number of units a pixel. */
const imageWidth = 56;
const gap = { image: 8, row: 8, group: 20, section: 34 };
const margin = { left: 10, right: 10, top: 14, bottom: 18 };
const labelWidth = 108;

const paper: Colour = [243, 245, 247];
const ink: Colour = [22, 43, 68];
/** 255 steps from paper to ink, and the white between the images. */
const palette: Colour[] = Array.from({ length: 255 }, (_, i) => {
  const mix = (c: 0 | 1 | 2) => Math.round(paper[c] + ((ink[c] - paper[c]) * i) / 254);
  return [mix(0), mix(1), mix(2)];
});
const between = palette.push([255, 255, 255]) - 1;

/** What both files say: by this they are known. */
export const sheetMark = "made by flipnet";

/** The sheet as a complete SVG document on white. */
export function sheetSvg(sheet: Sheet): string {
  const { title, subtitle, sections, columns } = sheet;
  const step = sheet.width * scaleOf(sheet) + gap.image;
  const left = margin.left + labelWidth;
  const width = Math.max(FIGURE_WIDTH, left + columns * step - gap.image + margin.right);
  const body: string[] = [];
  let y = margin.top;
  const write = (text: string, x: number, size: number, style: string) =>
    body.push(`<text x="${x}" y="${y}" font-size="${size}" ${style}>${escapeXml(text)}</text>`);

  y += 16;
  const room = width - margin.left - margin.right;
  write(cutTo(room, title, 17, "bold"), margin.left, 17, `font-weight="600" fill="${INK}"`);
  y += 4;
  for (const line of subtitle.flatMap((line) => wrappedTo(room, line, 12))) {
    y += 18;
    write(line, margin.left, 12, `fill="${QUIET}"`);
  }
  for (const { heading, note, groups } of sections) {
    y += gap.section;
    write(heading, left, 13, `font-weight="600" fill="${INK}"`);
    y += 17;
    write(note, left, 12, `fill="${QUIET}"`);
    let above = 12;
    for (const rows of groups) {
      for (const { label, values } of rows) {
        y += above;
        const { png, width, height } = stripOf(sheet, values);
        // As high as its label at least.
        const high = Math.max(height, 16);
        body.push(
          `<text x="${left - 14}" y="${y + high / 2 + 4}" font-size="12" text-anchor="end" fill="${QUIET}">${escapeXml(label)}</text>`,
          `<image x="${left}" y="${y + (high - height) / 2}" width="${width}" height="${height}" href="data:image/png;base64,${png.toString("base64")}"/>`,
        );
        y += high;
        above = gap.row;
      }
      above = gap.group;
    }
  }
  y += margin.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<!-- ${sheetMark} -->`,
    `<rect width="${width}" height="${y}" fill="white"/>`,
    `<g font-family="${FONT}">`,
    ...body,
    "</g>",
    "</svg>\n",
  ].join("\n");
}

/** Fonts for the PNG, the best first: those of common systems. */
const fonts = ["Inter", "Helvetica Neue", "Segoe UI", "Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans"];

/**
 * The sheet as a PNG file, two dots a unit of the SVG. Words are in one of this machine's fonts: where it has none at
 * all, the PNG has no words.
 */
export async function sheetPng(svg: string): Promise<{ png: Buffer; hasFonts: boolean }> {
  // Native code: only who draws pays for it.
  const { Resvg } = await import("@resvg/resvg-js");
  // It looks for the first family of a list only and has no way to ask what there is: so each writes a word of its own,
  // and what looks like the word of a font that does not exist does not exist either.
  const size = 16;
  const words = ["no such font", ...fonts].map(
    (font, i) => `<text y="${size * i + 12}" font-size="10" font-family="${font}">Raga</text>`,
  );
  const sample = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="${size * words.length}">${words.join("")}</svg>`;
  const { pixels } = new Resvg(sample).render();
  const drawn = words.map((_, i) => pixels.subarray(i * size * 256, (i + 1) * size * 256));
  const font = fonts.find((_, i) => !drawn[i + 1].equals(drawn[0]));
  const hasFonts = drawn.some((word) => word.some((value) => value > 0));
  const written = font === undefined ? svg : svg.replaceAll(FONT, font);
  const png = new Resvg(written, { fitTo: { mode: "zoom", value: dots } }).render().asPng();
  return { png: signPng(png, sheetMark), hasFonts };
}

/** Dots of the PNG a unit of the SVG. */
const dots = 2;

/** Units of the SVG a pixel of an image. */
const scaleOf = ({ width }: Sheet) => Math.max(1, Math.round(imageWidth / width));

/** A row of images as one PNG, each pixel as large as it will be, so that no viewer has to smooth it. */
function stripOf(sheet: Sheet, values: ArrayLike<number>): { png: Buffer; width: number; height: number } {
  const count = values.length / (sheet.width * sheet.height);
  const scale = scaleOf(sheet);
  const step = sheet.width * scale + gap.image;
  const [width, height] = [count * step - gap.image, sheet.height * scale];
  const pixels = new Uint8Array(dots * width * (dots * height)).fill(between);
  for (let y = 0; y < dots * height; y++) {
    for (let image = 0; image < count; image++) {
      const row = (image * sheet.height + Math.floor(y / (dots * scale))) * sheet.width;
      for (let x = 0; x < dots * sheet.width * scale; x++) {
        const value = values[row + Math.floor(x / (dots * scale))];
        pixels[y * dots * width + dots * image * step + x] = Math.round(254 * value);
      }
    }
  }
  return { png: encodePng(pixels, { width: dots * width, height: dots * height, palette }), width, height };
}

const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
