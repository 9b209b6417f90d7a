// What credit through time is exact, and by how much the usual approximations are not: three rooms, every path of states,
// coins and actions. See docs/credit-through-time.md.
import { readFileSync } from "node:fs";
import { audit } from "flipnet";

const rooms = JSON.parse(readFileSync(new URL("three-rooms.json", import.meta.url), "utf8"));
/** A critic that is wrong everywhere. */
const base = { ...rooms, gamma: 0.9, values: [0.3, -0.2, 0.5] };
const cases = [
  ["lambda 1, any critic", {}],
  ["lambda 0.8", { lambda: 0.8 }],
  ["lambda 0", { lambda: 0 }],
  ["without gamma^t", { discountStates: false }],
  ["without gamma^t, gamma 1", { discountStates: false, gamma: 1 }],
  ["bootstrap at the limit", { bootstrap: true }],
  ["lambda 0.8, without gamma^t, bootstrap", { lambda: 0.8, discountStates: false, bootstrap: true }],
];

const flat = (nested) => nested.flat(Infinity);
const norm = (numbers) => Math.hypot(...numbers);

const rows = cases.map(([name, change]) => {
  const { exact, estimators } = audit({ ...base, ...change }, { estimators: ["reinforce", "hnca"] });
  const gradient = flat(exact);
  const { reinforce, hnca } = estimators;
  const off = ({ mean }) => norm(flat(mean).map((x, i) => x - gradient[i])) / norm(gradient);
  const sum = ({ variance }) => flat(variance).reduce((a, b) => a + b);
  const pairs = flat(hnca.variance).map((x, i) => x - flat(reinforce.variance)[i]);
  return [
    name,
    ...[reinforce, hnca].map((one) => (off(one) < 1e-12 ? "none" : `${(100 * off(one)).toFixed(1)} %`)),
    `${((100 * sum(hnca)) / sum(reinforce)).toFixed(1)} %`,
    Math.max(...pairs) < 1e-12 ? "yes" : "no",
  ];
});
const head = ["convention", "bias of REINFORCE", "of HNCA", "HNCA's variance", "in every parameter"];
const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
for (const row of [head, ...rows]) {
  console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
}
