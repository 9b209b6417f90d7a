// Adds what is missing in package-lock.json: packages for other platforms that the registry at hand does not carry. npm
// leaves them out, and `npm ci` then refuses the file. Run after `npm install PACKAGE`; their digests stay unknown.
import { readFileSync, writeFileSync } from "node:fs";

const file = "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8"));
const { packages } = lock;

/** What a name such as `@scope/binding-linux-arm64-musl` says about where the package runs. */
function platform(name) {
  const words = name.split(/[/-]/);
  const named = (values) => values.filter((value) => words.includes(value));
  const libc = [
    words.some((word) => /^musl/.test(word)) && "musl",
    words.some((word) => /^gnu/.test(word)) && "glibc",
  ];
  return {
    cpu: named(["arm64", "x64", "arm", "ia32", "ppc64", "riscv64", "s390x"]),
    libc: words.includes("linux") ? libc.filter(Boolean) : [],
    os: named(["android", "darwin", "freebsd", "linux", "openharmony", "win32"]),
  };
}

for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const place = `node_modules/${name}`;
    if (packages[place] || packages[`${parent}/${place}`]) continue;
    if (!/^\d/.test(version)) throw new Error(`${parent} wants ${name} ${version}: no single version`);
    const entry = Object.entries({ dev, optional: true, ...platform(name) });
    const said = entry.filter(([, value]) => value === true || value?.length > 0);
    packages[place] = { version, ...Object.fromEntries(said.toSorted()) };
    console.error(`added ${name} ${version}`);
  }
}
const [root, ...others] = Object.keys(packages);
const sorted = [root, ...others.sort((a, b) => a.localeCompare(b, "en"))];
lock.packages = Object.fromEntries(sorted.map((place) => [place, packages[place]]));
writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
