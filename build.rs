//! How the program is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str, value: &str| std::env::var_os(name).is_some_and(|is| is == value);
    // Where the program is loaded at a fixed address, its tables need no patching at start: simctl starts twice for each
    // event that it fires, and each start would touch half a megabyte. `docs/performance.md` has the figures.
    if set("CARGO_CFG_TARGET_OS", "linux") && set("CARGO_CFG_TARGET_ENV", "gnu") && set("PROFILE", "release") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
