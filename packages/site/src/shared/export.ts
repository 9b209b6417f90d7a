/** What leaves a page: its address, files, pictures. */

/** Whether the page's address, with this state, is on the clipboard now. */
export async function copyLink(state: string): Promise<boolean> {
  history.replaceState(null, "", `#${state}`);
  try {
    await navigator.clipboard.writeText(location.href);
    return true;
  } catch {
    return false;
  }
}

/** Lets the browser save a text as a file. */
export function download(name: string, text: string, type = "application/json"): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What of its looks a picture takes along: the page's style sheet is not where it goes. */
const looks = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
];

/** A picture of the page by itself. */
export function svgText(selector: string): string {
  const picture = document.querySelector<SVGSVGElement>(selector);
  if (picture === null) return "<svg xmlns='http://www.w3.org/2000/svg'/>";
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const originals = [picture, ...picture.querySelectorAll<SVGElement>("*")];
  [copy, ...copy.querySelectorAll<SVGElement>("*")].forEach((node, i) => {
    const style = getComputedStyle(originals[i]);
    for (const name of looks) node.setAttribute(name, style.getPropertyValue(name));
    node.removeAttribute("class");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const [, , width, height] = (picture.getAttribute("viewBox") ?? "0 0 640 400").split(" ");
  const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({
    width,
    height,
    fill: getComputedStyle(document.body).backgroundColor,
  }))
    back.setAttribute(name, value);
  copy.prepend(back);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  return new XMLSerializer().serializeToString(copy);
}
