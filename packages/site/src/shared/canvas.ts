/** Colours of the style sheet for what is drawn pixel by pixel: red, green and blue of each name, 0 to 255. */
export function colorsOf(context: CanvasRenderingContext2D, names: readonly string[]): number[][] {
  const style = getComputedStyle(document.documentElement);
  return names.map((name) => {
    // A canvas says every colour in six digits, however the style sheet has it.
    context.fillStyle = style.getPropertyValue(name).trim();
    const value = Number.parseInt(String(context.fillStyle).slice(1), 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
  });
}
