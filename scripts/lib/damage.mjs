// Damage to what is right, at random: values, bytes, texts, tensors. The same after the same `startFrom`.
import { randomFrom } from "./runs.mjs";

let random = randomFrom(0);

/** All that is drawn from here on follows from a seed. */
export function startFrom(seed) {
  // Neighbours have to begin apart: each bit of the seed changes about half of those of the state.
  let mixed = seed | 0;
  for (const factor of [0x85ebca6b, 0xc2b2ae35]) mixed = Math.imul(mixed ^ (mixed >>> 15), factor);
  random = randomFrom((mixed ^ (mixed >>> 16)) >>> 0);
}

export const chance = (p) => random() < p;
export const below = (n) => Math.floor(n * random());
export const oneOf = (list) => list[below(list.length)];

/** What nobody expects in place of a value. */
export const hostile = [
  ...[null, true, "", "x", "../../x", "\u001b[2J", "toString", "__proto__", [], {}, [[]], [null], { a: 1 }],
  ...[0, -0, -1, 0.5, 1e9, 2 ** 53, -(2 ** 31), 1e39, 1e308, "9".repeat(400), "=1+1"],
];

/** A copy of a value as JSON can have it, one part of which is another thing, is gone, or stands there twice. */
export const damagedValue = (value) => JSON.parse(JSON.stringify(changed(value)));

function changed(value) {
  if (typeof value !== "object" || value === null || chance(0.1)) return oneOf(hostile);
  const keys = Object.keys(value);
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const key = keys.length === 0 || chance(0.05) ? oneOf(["constructor", "x", "0"]) : oneOf(keys);
  const how = random();
  if (how < 0.15) delete copy[key];
  else if (how < 0.25) copy[`${key}x`] = copy[key];
  else copy[key] = changed(copy[key]);
  return copy;
}

/** A copy of bytes that are cut, changed, doubled or mixed. */
export function damagedBytes(bytes) {
  let copy = Buffer.from(bytes);
  for (let times = 1 + below(4); times > 0; times--) {
    const [at, length] = [below(copy.length + 1), 1 + below(16)];
    const how = random();
    if (how < 0.2) copy = copy.subarray(0, at);
    else if (how < 0.4) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    else if (how < 0.5) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(below(at + 1))]);
    else for (let i = at; i < Math.min(copy.length, at + length); i++) copy[i] = below(256);
  }
  return copy;
}

/** JSON text, damaged as a value or as text. */
export const damagedJson = (value) =>
  chance(0.7) ? JSON.stringify(damagedValue(value)) : damagedBytes(JSON.stringify(value)).toString();

/** Lines of JSON, some of them damaged, gone, or there twice. */
export function damagedLines(text) {
  if (chance(0.3)) return damagedBytes(text).toString();
  const lines = text.trimEnd().split("\n");
  const at = below(lines.length);
  const how = random();
  if (how < 0.7) lines[at] = damagedJson(JSON.parse(lines[at]));
  else lines.splice(at, how < 0.85 ? 1 : 0, ...(how < 0.85 ? [] : [lines[at]]));
  return `${lines.join("\n")}\n`;
}

/** Named tensors and texts as somebody makes them who knows the format, and has them sealed. */
export function damagedTensors({ tensors, metadata }) {
  const copy = { tensors: { ...tensors }, metadata: { ...metadata } };
  if (chance(0.3)) {
    const key = oneOf(Object.keys(metadata));
    if (chance(0.2)) delete copy.metadata[key];
    else copy.metadata[key] = chance(0.5) ? damagedText(metadata[key]) : `${oneOf(hostile)}`;
    return copy;
  }
  const names = Object.keys(tensors);
  const name = oneOf(names);
  const { dtype, shape, data } = tensors[name];
  const how = random();
  if (how < 0.1) delete copy.tensors[name];
  else if (how < 0.2) copy.tensors[oneOf([`${name}x`, oneOf(names), "__proto__x"])] = tensors[name];
  else if (how < 0.3) copy.tensors[name] = { dtype, shape: [...shape].reverse(), data };
  else if (how < 0.45) {
    const [other, Values] = oneOf([
      ["F32", Float32Array],
      ["F64", Float64Array],
      ["U8", Uint8Array],
    ]);
    copy.tensors[name] = { dtype: other, shape, data: Values.from(data, Number) };
  } else {
    const values = data.slice();
    const strange = [Number.NaN, Infinity, -Infinity, -1, 0, 0.5, 3, 1e300, 3e38, 2 ** 53, 2 ** 31];
    const at = below(values.length);
    values[at] = typeof values[at] === "bigint" ? BigInt(below(9)) : oneOf(strange);
    copy.tensors[name] = { dtype, shape, data: values };
  }
  return copy;
}

/** A text that is JSON damaged as such, any other as bytes. */
function damagedText(text) {
  try {
    return damagedJson(JSON.parse(text));
  } catch {
    return damagedBytes(text).toString();
  }
}
