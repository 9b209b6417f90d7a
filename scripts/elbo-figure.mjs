// Draws docs/figures/elbo.svg: the HNCA paper's Figure 2, an ELBO of three layers as function components, seen from each
// layer in turn. Which layers a component reads, and where it stands, is asked of the objective that trains.
//
//   node scripts/elbo-figure.mjs             after npm run build
//   node scripts/elbo-figure.mjs --print     to stdout instead
import { writeFile } from "node:fs/promises";
import {
  createNetwork,
  createPass,
  createReferenceBackend,
  placeOf,
} from "../packages/flipnet/dist/index.js";
import { elboObjective } from "../packages/flipnet/dist/objectives/elbo.js";

const backend = createReferenceBackend();
const unit = { kind: "bernoulli", units: 1 };
const network = createNetwork(backend, { inputs: 1, units: "zero-one", layers: [unit, unit, unit] });
const { components } = elboObjective(network).prepare(createPass(network, backend.matrix(1, 1)));

/** For each place: fill, stroke, and what f-HNCA credits a unit with. */
const places = {
  direct: ["#d3ecd3", "#3a8a40", "p q (f₁ − f₀)", "reads the layer itself"],
  both: ["#fde2b9", "#d07c0a", "(1 − p) p′ f₁ − p (1 − p′) f₀", "reads it and layers it leads to"],
  mediated: ["#fad3e0", "#c44577", "(p′ − p) f", "reads layers it leads to"],
  upstream: ["#e3dcf2", "#7a66ab", "nothing", "out of its reach"],
};

const ink = "#24292f";
const faint = "#8b949e";
const [left, step, panelHeight] = [76, 184, 234];
const width = 2 * left + 3 * step + 116;
const height = 3 * panelHeight + 132;
/** Of a panel: entropies, layers, log-probabilities. */
const [above, middle, below] = [56, 124, 192];
const radius = 23;
const box = { width: 132, height: 40 };

const digits = "₀₁₂₃";
const columnOf = (layer) => left + (layer + 1) * step;
const symbolOf = (layer) => (layer < 0 ? "X" : `Φ${digits[layer + 1]}`);

/** Where a component is drawn, what it is called in the paper, and whether the image has a part in it. */
function describe({ name }) {
  const [kind, number] = name.split(".");
  const l = number === undefined ? network.layers.length : Number(number);
  const x = columnOf(l - 1) + step / 2;
  if (kind === "entropy") {
    return { x, y: above, label: `H(q${digits[l + 1]}( · | ${symbolOf(l - 1)}))`, image: l === 0 };
  }
  const given = kind === "prior" ? "" : ` | ${symbolOf(l)}`;
  return { x, y: below, label: `log p${digits[l]}(${symbolOf(l - 1)}${given})`, image: l === 0 };
}

const text = (x, y, content, { size = 15, fill = ink, anchor = "middle", extra = "" } = {}) =>
  `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" text-anchor="${anchor}"${extra}>${content}</text>`;
const math = ' font-style="italic" font-family="Cambria, Georgia, \'DejaVu Serif\', serif"';
const code = " font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\"";

/** The objective as one layer sees it. */
function panel(layer, top) {
  const parts = [];
  const link = (from, { x, y }, color, dash = "") => {
    const toY = y < middle ? y + box.height / 2 : y - box.height / 2;
    const fromX = columnOf(from);
    const distance = Math.hypot(x - fromX, toY - middle);
    const [startX, startY] = [
      fromX + (radius * (x - fromX)) / distance,
      middle + (radius * (toY - middle)) / distance,
    ];
    parts.push(
      `<line x1="${startX.toFixed(1)}" y1="${startY.toFixed(1)}" x2="${x}" y2="${toY}" stroke="${color}" stroke-width="1.6"${dash}/>`,
    );
  };

  for (let l = -1; l < 2; l++) {
    const [x1, x2] = [columnOf(l) + radius, columnOf(l + 1) - radius - 2];
    parts.push(
      `<line x1="${x1}" y1="${middle}" x2="${x2}" y2="${middle}" stroke="${ink}" stroke-width="1.8" marker-end="url(#arrow)"/>`,
      text((x1 + x2) / 2, middle - 8, `q${digits[l + 2]}`, { extra: math }),
    );
  }
  for (const component of components) {
    const { x, y, label, image } = describe(component);
    const [fill, stroke] = places[placeOf(component, layer)];
    if (image) link(-1, { x, y }, faint, ' stroke-dasharray="3 4"');
    for (const from of component.reads) link(from, { x, y }, stroke);
    parts.push(
      `<rect x="${x - box.width / 2}" y="${y - box.height / 2}" width="${box.width}" height="${box.height}" rx="7" fill="${fill}" stroke="${stroke}" stroke-width="1.6"/>`,
      text(x, y - 1, label, { extra: math }),
      text(x, y + 13, component.name, { size: 10, fill: "#57606a", extra: code }),
    );
  }
  for (let l = -1; l < 3; l++) {
    const own = l === layer.index;
    const shape = own ? `fill="${ink}" stroke="${ink}"` : `fill="#fff" stroke="${ink}"`;
    parts.push(
      `<circle cx="${columnOf(l)}" cy="${middle}" r="${radius}" ${shape} stroke-width="1.8"/>`,
      text(columnOf(l), middle + 6, symbolOf(l), { size: 18, fill: own ? "#fff" : ink, extra: math }),
    );
  }
  const title = text(24, 22, `seen from ${symbolOf(layer.index)}`, {
    anchor: "start",
    extra: ' font-weight="600"',
  });
  return `<g transform="translate(0 ${top})">\n${[title, ...parts].join("\n")}\n</g>`;
}

function legend(top) {
  const entries = Object.entries(places).map(([name, [fill, stroke, credit, meaning]], i) => {
    const x = 24 + (i % 2) * 380;
    const y = top + 18 + Math.floor(i / 2) * 46;
    return [
      `<rect x="${x}" y="${y}" width="30" height="30" rx="6" fill="${fill}" stroke="${stroke}" stroke-width="1.6"/>`,
      text(x + 42, y + 12, `<tspan font-weight="600">${name}</tspan>: ${meaning}`, {
        size: 14,
        anchor: "start",
      }),
      text(
        x + 42,
        y + 29,
        name === "upstream" ? "no credit; its own entropy by its exact derivative" : credit,
        { size: 14, anchor: "start", extra: name === "upstream" ? "" : math },
      ),
    ].join("\n");
  });
  return [`<line x1="16" y1="${top}" x2="${width - 16}" y2="${top}" stroke="#d0d7de"/>`, ...entries].join(
    "\n",
  );
}

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif" role="img" aria-label="The evidence lower bound of three layers as function components, coloured by where each stands as seen from one layer">
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="5.5" markerHeight="5.5" orient="auto"><path d="M0 0 8 4 0 8z" fill="${ink}"/></marker></defs>
<rect width="${width}" height="${height}" rx="10" fill="#fff"/>
${network.layers.map((layer, i) => panel(layer, 12 + i * panelHeight)).join("\n")}
${legend(3 * panelHeight + 16)}
</svg>
`;

if (process.argv.includes("--print")) process.stdout.write(svg);
else await writeFile(new URL("../docs/figures/elbo.svg", import.meta.url), svg);
