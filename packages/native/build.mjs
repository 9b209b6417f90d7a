// npm run build:native [-- --target TRIPLE ...]: compiles the kernels with cargo, for this machine or for those of the
// named Rust targets, and puts each beside addon.cjs, where it looks for them.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const folder = import.meta.dirname;
const version = readFileSync(join(folder, "../flipnet/src/backend/generated/version.ts"), "utf8");
const [, operands] = /operands: string = "(.*)"/.exec(version);
const { values } = parseArgs({ options: { target: { type: "string", multiple: true } } });

/** What npm calls a platform, by Rust's name of it, and what its linker calls a library. */
const platforms = {
  "x86_64-unknown-linux-gnu": ["linux-x64-gnu", "libflipnet_native.so"],
  "x86_64-unknown-linux-musl": ["linux-x64-musl", "libflipnet_native.so"],
  "aarch64-unknown-linux-gnu": ["linux-arm64-gnu", "libflipnet_native.so"],
  "aarch64-unknown-linux-musl": ["linux-arm64-musl", "libflipnet_native.so"],
  "x86_64-apple-darwin": ["darwin-x64", "libflipnet_native.dylib"],
  "aarch64-apple-darwin": ["darwin-arm64", "libflipnet_native.dylib"],
  "x86_64-pc-windows-msvc": ["win32-x64-msvc", "flipnet_native.dll"],
};

function run(command, ...options) {
  try {
    return execFileSync(command, options, {
      cwd: folder,
      // A library that is loaded cannot have a C library of its own, as Rust's programs for musl have.
      env: { ...process.env, FLIPNET_OPERANDS: operands, RUSTFLAGS: "-C target-feature=-crt-static" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
  } catch (error) {
    if (error.code !== "ENOENT") process.exit(error.status ?? 1);
    console.error(
      "native kernels are compiled by Rust's cargo, which is not here; WebAssembly's need nothing",
    );
    process.exit(1);
  }
}

const host = () => /^host: (.+)$/m.exec(run("rustc", "-vV"))[1];

for (const target of values.target ?? [host()]) {
  const platform = platforms[target];
  if (platform === undefined) {
    console.error(`target is ${target}; expected one of ${Object.keys(platforms).join(", ")}`);
    process.exit(2);
  }
  const [name, library] = platform;
  // Beyond this machine's own the linker is Zig's: pip install ziglang cargo-zigbuild.
  run("cargo", target === host() ? "build" : "zigbuild", "--release", "--locked", "--target", target);
  copyFileSync(join(folder, "target", target, "release", library), join(folder, `flipnet.${name}.node`));
  console.error(`native kernels: ${name}`);
}
