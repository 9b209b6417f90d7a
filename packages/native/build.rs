//! On macOS an addon's linker has to be told that Node's functions are there when it is loaded.
//! And the digest of what flipnet's kernels take, which build.mjs knows, goes into the addon.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=FLIPNET_OPERANDS");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") {
        println!("cargo:rustc-cdylib-link-arg=-undefined");
        println!("cargo:rustc-cdylib-link-arg=dynamic_lookup");
    }
}
