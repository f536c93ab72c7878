//! The scripts of every realm as the engine's byte code, which `build.rs` has made of `prelude.js` and `describe.js`.
//!
//! It is part of this program, and of the engine in it; nobody else can reach it. An app's own files are compiled as they are: byte
//! code can be had of modules only, and those are strict, which apps need not be.

use rquickjs::loader::Loader as _;
use rquickjs::loader::bundle::Bundle;
use rquickjs::{Ctx, Function};

/// A script, compiled: the module's name, which is the file's in stacks, and its code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script(&'static [(&'static str, &'static [u8]); 1]);

/// What makes a realm.
pub(super) const PRELUDE: Script =
    Script(&[("simctl:prelude", include_bytes!(concat!(env!("OUT_DIR"), "/prelude.qbc")))]);

/// What describes values.
pub(super) const DESCRIBER: Script =
    Script(&[("simctl:describe", include_bytes!(concat!(env!("OUT_DIR"), "/describe.qbc")))]);

impl Script {
    /// The script's function, in the realm of `ctx`; once in each.
    pub(super) fn load<'js>(self, ctx: &Ctx<'js>) -> rquickjs::Result<Function<'js>> {
        let [(name, _)] = self.0;
        let (module, _) = Bundle(self.0.as_slice()).load(ctx, name, None)?.eval()?;
        module.get::<_, Function>("default")?.call(())
    }
}
