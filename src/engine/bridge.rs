//! What a handler process may ask for, answered from the app on disk and passed on as run events.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::app::{self, App};
use crate::handler::{Host, Modules, Required};
use crate::model::{Excerpt, Frame, Level, Outcome, RunEvent, Secrets, Stream};
use crate::text::Source;

/// Stands between one handler process and the rest of simctl.
pub(super) struct Bridge<'a> {
    app: &'a App,
    secrets: &'a Secrets,
    emit: &'a mut dyn FnMut(RunEvent),
    /// The delivery at hand.
    pub(super) index: u64,
    /// Every file that the handler has loaded, for code frames.
    sources: HashMap<String, Source>,
}

impl<'a> Bridge<'a> {
    pub(super) fn new(
        app: &'a App,
        secrets: &'a Secrets,
        entry: (&str, &Source),
        emit: &'a mut dyn FnMut(RunEvent),
    ) -> Self {
        let sources = HashMap::from([(entry.0.to_owned(), entry.1.clone())]);
        Self { app, secrets, emit, index: 0, sources }
    }

    /// Passes an event on, secrets masked.
    pub(super) fn emit(&mut self, mut event: RunEvent) {
        event.mask(self.secrets);
        (self.emit)(event);
    }

    /// The line that the innermost frame of an outcome points at.
    pub(super) fn excerpt(&self, outcome: &Outcome) -> Option<Excerpt> {
        let stack: &[Frame] = match outcome {
            Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => &error.stack,
            Outcome::TimedOut { stack, .. } => stack,
            _ => return None,
        };
        let frame = stack.first()?;
        let source = self.sources.get(&frame.file)?;
        let line = source.line(frame.line);
        (!line.trim().is_empty()).then(|| Excerpt { first_line: frame.line, lines: vec![line.to_owned()] })
    }
}

impl Modules for Bridge<'_> {
    fn require(&mut self, from: &str, specifier: &str) -> Required {
        match self.app.require(from, specifier) {
            app::Required::Module { name, source } => {
                let text = source.text().to_owned();
                self.sources.insert(name.clone(), source);
                Required::Module { name, source: text }
            }
            app::Required::Package { specifier } => Required::Package { specifier },
            app::Required::Refused { message } => Required::Refused { message },
        }
    }
}

impl Host for Bridge<'_> {
    fn log(&mut self, level: Level, text: String) {
        let index = self.index;
        self.emit(RunEvent::Log { index, level, text });
    }

    fn output(&mut self, stream: Stream, text: String) {
        let index = self.index;
        self.emit(RunEvent::Output { index, stream, text });
    }

    fn notice(&mut self, message: String) {
        self.emit(RunEvent::Notice { message });
    }

    fn call(&mut self, name: &str, _args: &Value) -> Result<Value, Value> {
        Err(json!({ "status": 501, "message": format!("simctl does not simulate `{name}` yet") }))
    }
}
