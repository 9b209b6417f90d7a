/**
 * How wide a text is at most in the usual fonts, for no browser tells here: each character as wide as in the wider of
 * DejaVu Sans and Liberation Sans, whose widths are Arial's and Helvetica's. What fits so fits in all of them.
 */

/** From the space to the tilde, and what figures write beside those. */
const characters = `${Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("")}’−±×–…·“”≤`;

/** Thousandths of the type's size. */
const plain = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
  636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 556, 1015, 684, 686, 722, 770, 667, 611, 778, 752, 295,
  500, 667, 557, 863, 748, 787, 667, 787, 722, 667, 611, 732, 684, 989, 685, 667, 685, 390, 337, 390, 838,
  556, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521,
  392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838, 318, 838, 838, 838, 556, 1000, 318, 518, 518, 838,
];
const bold = [
  348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696,
  696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 611, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372,
  556, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838,
  556, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595,
  478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838, 380, 838, 838, 838, 556, 1000, 380, 657, 657, 838,
];

/** Any other character is taken to be as wide as it is high, as those of Chinese are. */
const OTHER = 1000;

/** Pixels. */
export function textWidth(text: string, size: number, weight: "plain" | "bold" = "plain"): number {
  const widths = weight === "bold" ? bold : plain;
  let width = 0;
  for (const character of text) width += widths[characters.indexOf(character)] ?? OTHER;
  return (width * size) / 1000;
}

/** A text in lines of at most so many pixels; a word that is wider is a line of its own. */
export function wrappedTo(
  most: number,
  text: string,
  size: number,
  weight: "plain" | "bold" = "plain",
): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, size, weight) <= most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A text cut at its end to at most so many pixels. */
export function cutTo(most: number, text: string, size: number, weight: "plain" | "bold" = "plain"): string {
  if (textWidth(text, size, weight) <= most) return text;
  let cut = [...text];
  while (cut.length > 0 && textWidth(`${cut.join("")}…`, size, weight) > most) cut = cut.slice(0, -1);
  return `${cut.join("").trimEnd()}…`;
}
