//! What a scenario expected and what happened instead.

use serde::Serialize;

use super::{Place, Secrets};

/// One expectation that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What was looked at, such as `returned.count` or `db.visits.updates`.
    pub what: String,
    /// What was expected: JSON of a value, else words.
    pub expected: String,
    /// What there was.
    pub actual: String,
    /// Where the expectation stands.
    #[serde(flatten)]
    pub place: Place,
}

impl Difference {
    /// Masks every secret in it.
    pub fn mask(&mut self, secrets: &Secrets) {
        for text in [&mut self.what, &mut self.expected, &mut self.actual] {
            *text = secrets.mask(text);
        }
        for line in self.place.excerpt.iter_mut().flat_map(|excerpt| &mut excerpt.lines) {
            *line = secrets.mask(line);
        }
    }
}
