//! The prelude as the engine's byte code: a process that runs many events compiles it once rather than for each realm.
//!
//! It comes from this very process and engine, and nobody else can reach it. Byte code can be had of modules only, so the
//! prelude is wrapped in one; modules are strict, which apps need not be, so their files are compiled as they are.

use rquickjs::loader::Loader as _;
use rquickjs::loader::bundle::Bundle;
use rquickjs::{Context, Ctx, Function, Module, Runtime, WriteOptions};

use super::super::PRELUDE;

/// The module's name, and the file's in stacks.
const NAME: &str = "simctl:prelude";

/// The prelude, compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prelude(&'static [(&'static str, &'static [u8])]);

impl Prelude {
    /// Compiles it in an engine that no app has seen. It is kept until the process ends.
    pub(super) fn compile() -> Option<Self> {
        let runtime = Runtime::new().ok()?;
        let context = Context::full(&runtime).ok()?;
        // An app may import the module, as the engine knows it by its name: it finds nothing there.
        let source = format!(
            "let prelude = {PRELUDE};\nexport default () => {{ const own = prelude; prelude = undefined; return own; }};"
        );
        let code = context.with(|ctx| Module::declare(ctx, NAME, source)?.write(WriteOptions::default())).ok()?;
        Some(Self(Box::leak(Box::new([(NAME, &*code.leak())]))))
    }

    /// The prelude's function, in the realm of `ctx`.
    pub(super) fn load<'js>(self, ctx: &Ctx<'js>) -> rquickjs::Result<Function<'js>> {
        let (module, _) = Bundle(self.0).load(ctx, NAME, None)?.eval()?;
        module.get::<_, Function>("default")?.call(())
    }
}
