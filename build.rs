//! How the program is linked, and what of the embedded runtime is compiled beforehand.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "cargo and a build script talk by the environment and by what is printed, and a script that fails does so loudly"
)]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use rquickjs::module::WriteOptionsEndianness::{Big, Little};
use rquickjs::{Context, Module, Runtime, WriteOptions};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Where the program is loaded at a fixed address, its tables need no patching at start, which would touch half
    // a megabyte. `docs/performance.md` has the figures.
    if target("OS") == "linux"
        && target("ENV") == "gnu"
        && env::var("PROFILE").is_ok_and(|profile| profile == "release")
    {
        println!("cargo::rustc-link-arg-bins=-no-pie");
        // And the unwinder is linked in, where the C compiler brings it along: one library less to load.
        if has_library("libgcc_eh.a") {
            println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
        }
    }
    compile_script("prelude");
    compile_script("describe");
}

/// Whether the C compiler has that library at hand; it answers with the bare name where it has not.
fn has_library(name: &str) -> bool {
    let answer = Command::new("cc").arg(format!("-print-file-name={name}")).output();
    answer.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}

fn target(what: &str) -> String {
    env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default()
}

/// Compiles a script of every realm to the engine's byte code: to read that takes a process a third of the time.
///
/// Byte code can be had of modules only, so the script, which is an expression, is what its module exports: once, as an app
/// may import the module by its name, and is to find nothing there.
fn compile_script(name: &str) {
    let file = format!("src/handler/{name}.js");
    println!("cargo::rerun-if-changed={file}");
    let script = fs::read_to_string(&file).expect("a script of the runtime");
    let source = format!(
        "let script = {script};\nexport default () => {{ const own = script; script = undefined; return own; }};"
    );
    let runtime = Runtime::new().expect("an engine");
    let context = Context::full(&runtime).expect("a realm");
    let endianness = if target("ENDIAN") == "big" { Big } else { Little };
    let options = WriteOptions { endianness, strip_source: true, ..WriteOptions::default() };
    let code = context
        .with(|ctx| Module::declare(ctx, format!("simctl:{name}"), source)?.write(options))
        .expect("a script that compiles");
    let out = env::var("OUT_DIR").expect("cargo says where to");
    fs::write(Path::new(&out).join(format!("{name}.qbc")), code).expect("the byte code is written");
}
