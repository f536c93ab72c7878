//! One file: parsed, its counters put into its text, and the result parsed again before anybody runs it.

use crate::app::script::parsed;
use crate::text::Source;

use super::comments::Hints;
use super::lines::Lines;
use super::map::FileMap;
use super::splice::Moved;
use super::walk::Walk;

/// The largest file that is instrumented, in bytes. What is larger is a bundle, and no app's own code.
const LARGEST: usize = 4 << 20;

/// A file with counters in it.
#[derive(Debug, Clone)]
pub struct Instrumented {
    /// Its text. `counter` is free in it: an array of numbers, all 0 at first.
    pub text: String,
    /// The name of that array.
    pub counter: String,
    /// What is counted.
    pub map: FileMap,
    moved: Vec<Moved>,
}

/// Why a file has no counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uncountable {
    /// A comment in it asks for that.
    Asked,
    /// The reason, in the middle of a sentence.
    Because(String),
}

impl Instrumented {
    /// What stands before a place on its line that was not there before: line, original column and length, for each place.
    /// Columns are from 1, in UTF-16 units with `utf16`, else in bytes.
    pub fn columns(&self, utf16: bool) -> Vec<u32> {
        let column = |moved: &Moved| match (utf16, moved.line) {
            (true, _) => moved.units + 1,
            // QuickJS, whose columns are bytes, has those of the first line from 0.
            (false, 1) => moved.bytes,
            (false, _) => moved.bytes + 1,
        };
        self.moved.iter().flat_map(|moved| [moved.line, column(moved), moved.length]).collect()
    }
}

/// Puts counters into a file.
///
/// # Errors
/// It is not to be counted, or cannot be.
pub fn instrument(source: &Source) -> Result<Instrumented, Uncountable> {
    let because = |why: &str| Uncountable::Because(why.to_owned());
    if source.text().len() > LARGEST {
        return Err(Uncountable::Because(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let (instrumented, faults) = parsed(source, |program, source| {
        let text = source.text();
        let hints = Hints::read(&program.comments, text)?;
        let lines = Lines::of(text);
        let counter = free_name(text);
        let mut walk = Walk::new(&lines, hints, counter.clone());
        walk.program(program);
        let (map, splices) = walk.into_parts();
        let (text, moved) = splices.into_text(text, &lines);
        Some(Instrumented { text, counter, map, moved })
    })
    .map_err(|_| because("it cannot be parsed"))?;
    if !faults.is_empty() {
        return Err(because("it has a syntax error"));
    }
    let instrumented = instrumented.ok_or(Uncountable::Asked)?;
    // A counter in the wrong place must not be what the app fails of.
    let again =
        Source::new(source.file(), instrumented.text.clone().into_bytes()).map(|again| parsed(&again, |_, _| ()));
    match again {
        Ok(Ok(((), faults))) if faults.is_empty() => Ok(instrumented),
        _ => Err(because("no place was found for its counters")),
    }
}

/// A name that the text does not hold.
fn free_name(text: &str) -> String {
    let names = (0..).map(|number| if number == 0 { "_$".to_owned() } else { format!("_${number}") });
    names.into_iter().find(|name| !text.contains(name.as_str())).unwrap_or_default()
}
