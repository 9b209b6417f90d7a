// npm run pack:native [-- FOLDER]: packs @flipnet/native and one package for each platform that is built (build.mjs), as
// napi-rs has them: small ones with `os`, `cpu` and `libc`, of which npm installs the one that fits. Only in the packed
// package.json are they its optional dependencies: in the repository's they would have to be published before `npm ci`.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const folder = import.meta.dirname;
const out = resolve(process.argv[2] ?? "native-packages");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const { version, license, engines } = manifest;

const platforms = readdirSync(folder).flatMap((file) => /^flipnet\.(.+)\.node$/.exec(file)?.[1] ?? []);
if (platforms.length === 0) {
  console.error("no native kernels are built; npm run build:native makes them");
  process.exit(1);
}

/** What a name such as `linux-x64-gnu` says about where it runs. */
function restrictions(platform) {
  const [os, cpu, abi] = platform.split("-");
  const libc = { gnu: "glibc", musl: "musl" }[abi];
  return { os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) };
}

const work = mkdtempSync(join(tmpdir(), "flipnet-native-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
mkdirSync(out, { recursive: true });

/** Packs a folder that `fill` puts files into. */
function pack(name, content, fill) {
  const place = join(work, name.replaceAll("/", "-"));
  mkdirSync(place);
  fill(place);
  copyFileSync(join(folder, "LICENSE"), join(place, "LICENSE"));
  writeFileSync(join(place, "package.json"), `${JSON.stringify(content, undefined, 2)}\n`);
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", out], {
    cwd: place,
    encoding: "utf8",
  });
  console.log(join(out, packed.trim()));
}

for (const platform of platforms) {
  const name = `${manifest.name}-${platform}`;
  const file = `flipnet.${platform}.node`;
  const description = `${manifest.name} for ${platform}`;
  const content = {
    name,
    version,
    description,
    license,
    engines,
    ...restrictions(platform),
    main: file,
    files: [file],
  };
  pack(name, content, (place) => copyFileSync(join(folder, file), join(place, file)));
}

const optionalDependencies = Object.fromEntries(
  platforms.map((platform) => [`${manifest.name}-${platform}`, version]),
);
pack(manifest.name, { ...manifest, optionalDependencies }, (place) => {
  for (const file of manifest.files) if (file !== "LICENSE") cpSync(join(folder, file), join(place, file));
});
