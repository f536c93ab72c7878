//! Colour, where there is to be any.

use colored::{Color, Colorize as _};

/// Whether, and how, text is coloured for one stream.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colour, or none.
    pub const fn new(on: bool) -> Self {
        Self { on }
    }

    /// What went well.
    pub fn good(self, text: &str) -> String {
        self.apply(text, |text| text.green().bold())
    }

    /// What failed.
    pub fn bad(self, text: &str) -> String {
        self.apply(text, |text| text.red().bold())
    }

    /// What deserves a second look.
    pub fn warn(self, text: &str) -> String {
        self.apply(text, |text| text.yellow().bold())
    }

    /// What is said by the way.
    pub fn faint(self, text: &str) -> String {
        self.apply(text, |text| text.dimmed())
    }

    /// Names and places that the eye should find.
    pub fn strong(self, text: &str) -> String {
        self.apply(text, |text| text.bold())
    }

    /// Advice.
    pub fn hint(self, text: &str) -> String {
        self.apply(text, |text| text.color(Color::Cyan).bold())
    }

    /// The part of what was expected that is not in what came.
    pub fn good_part(self, text: &str) -> String {
        self.apply(text, |text| text.green().bold().reversed())
    }

    /// The part of what came that was not expected.
    pub fn bad_part(self, text: &str) -> String {
        self.apply(text, |text| text.red().bold().reversed())
    }

    /// Whether there is colour.
    pub const fn is_on(self) -> bool {
        self.on
    }

    fn apply(self, text: &str, style: impl FnOnce(&str) -> colored::ColoredString) -> String {
        if self.on { style(text).to_string() } else { text.to_owned() }
    }
}
