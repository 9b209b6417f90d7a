// Finds the compiled kernels and gives them the form of the WebAssembly ones: functions of numbers, on one memory.
"use strict";

const { join } = require("node:path");

/** Names of this platform, as npm's packages of compiled addons have them. Of Linux, one for each C library. */
const { platform, arch } = process;
const abis = { linux: ["-gnu", "-musl"], win32: ["-msvc"] }[platform] ?? [""];

/** What `npm run build:native` made in a clone, or the platform's package; else why there is none. */
function load() {
  const reasons = [];
  for (const abi of abis) {
    const name = `${platform}-${arch}${abi}`;
    for (const path of [join(__dirname, `flipnet.${name}.node`), `@flipnet/native-${name}`]) {
      try {
        return { addon: require(path), file: require.resolve(path) };
      } catch (error) {
        if (error.code !== "MODULE_NOT_FOUND") reasons.push(error.message.split("\n")[0]);
      }
    }
  }
  return { reason: reasons.join("; ") || undefined };
}

const { addon, file, reason } = load();

/** Widths that this processor has, narrowest first; none where nothing could be loaded. */
const kinds = addon?.kinds ?? [];

/** What each kernel takes, as flipnet's generated `signatures` have it but for a trailing scratch. */
const signatures = Object.fromEntries(
  addon?.kernels.map((name, at) => [name, addon.signatures[at].trim()]) ?? [],
);

/** Flips make their tables where they use them, in their scratch. */
const none = () => 0;
const rooms = {
  flipTables: none,
  flipTableFloats: none,
  flipStepFloats: none,
  flipScratchFloats: addon?.tableFloats,
  flipSoftmaxScratchFloats: addon?.tableFloats,
  switchScratchFloats: addon?.tableFloats,
  switchSoftmaxScratchFloats: addon?.tableFloats,
  entropyDifferencesScratchFloats: addon?.tableFloats,
};

/** Takes a loop that measures what the processor can do, by name; returns what it did, in operations on four floats, or bytes. */
const limit = (kind, name, amount) => addon.limit(kinds.indexOf(kind), addon.limits.indexOf(name), amount);

/** The function `kernels(memory)` of one kind, which flipnet asks an addon for. */
function kernelsOf(kind) {
  return (memory) => {
    const place = kinds.indexOf(kind);
    if (place < 0) throw new Error(`${kind}: this processor, or this package, has none`);
    const { numbers, call } = addon;
    const bytes = () => new Uint8Array(memory.buffer);
    const number = addon.memory(bytes());
    const kernel = (name, at) => [
      name,
      (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t) => {
        numbers[0] = a;
        numbers[1] = b;
        numbers[2] = c;
        numbers[3] = d;
        numbers[4] = e;
        numbers[5] = f;
        numbers[6] = g;
        numbers[7] = h;
        numbers[8] = i;
        numbers[9] = j;
        numbers[10] = k;
        numbers[11] = l;
        numbers[12] = m;
        numbers[13] = n;
        numbers[14] = o;
        numbers[15] = p;
        numbers[16] = q;
        numbers[17] = r;
        numbers[18] = s;
        numbers[19] = t;
        call(number, place, at);
      },
    ];
    return {
      kernels: { ...Object.fromEntries(addon.kernels.map(kernel)), ...rooms },
      grown: () => addon.moved(number, bytes()),
    };
  };
}

module.exports = { kinds, file, reason, operands: addon?.operands, signatures, kernelsOf, limit };
