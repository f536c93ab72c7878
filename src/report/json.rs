//! The JSON stream: one run event a line, as `schemas/run-event.schema.json` describes them.

use std::io::{self, Write};

use super::Reporter;
use crate::model::RunEvent;
use crate::text::printable_json;

/// Writes each event as one line of JSON, at once.
pub struct Json<W> {
    out: W,
}

impl<W: Write> Json<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Reporter for Json<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        let text = serde_json::to_string(event)?;
        self.out.write_all(printable_json(&text).as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
