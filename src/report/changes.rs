//! A check that is made again and again, for people: the first in full, of each later one what is new and what is gone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Write};
use std::rc::Rc;

use super::human::check_summary;
use super::{Human, Paint, Reporter, Verbosity, render_finding};
use crate::model::{Code, Finding, RunEvent, Severity};
use crate::text::printable_line;

/// What the check before found; nothing where there was none. Clones share one memory, which the reporter of the next
/// check is given.
#[derive(Debug, Clone, Default)]
pub struct Before(Rc<RefCell<Option<Vec<Finding>>>>);

impl Before {
    /// Whether there was a check before.
    pub fn is_known(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// Writes one check of several for people.
pub struct Changes<W: Write> {
    out: Out<W>,
    paint: Paint,
    verbosity: Verbosity,
    before: Before,
    found: Vec<Finding>,
}

enum Out<W: Write> {
    /// The first check.
    First(Box<Human<W>>),
    Later(W),
}

impl<W: Write> Changes<W> {
    /// Writes to `out` what differs from `before`, and leaves there what this check finds.
    pub fn new(out: W, paint: Paint, verbosity: Verbosity, before: Before) -> Self {
        let is_first = !before.is_known();
        let out = if is_first { Out::First(Box::new(Human::new(out, paint, verbosity))) } else { Out::Later(out) };
        Self { out, paint, verbosity, before, found: Vec::new() }
    }

    /// What is said of a later check: each new finding, a line for each that is gone, and a line about all.
    fn text(&self, before: &[Finding], summary: &str) -> String {
        let new = without(&self.found, before);
        let gone = without(before, &self.found);
        let mut text: String = new.iter().map(|finding| render_finding(finding, self.paint)).collect();
        if self.verbosity == Verbosity::Quiet {
            return text;
        }
        for finding in &gone {
            let code = format!("{}[{}]", finding.severity.name(), finding.code.name());
            let file = finding.place.file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default();
            let what = format!("{code}{file}: {}", finding.message);
            text.push_str(&format!("{}: {}\n", self.paint.good("gone"), printable_line(&what)));
        }
        let changes = match (new.len(), gone.len()) {
            (0, 0) if self.found.is_empty() => String::new(),
            (0, 0) => ", as before".to_owned(),
            (new, 0) => format!("; {new} new"),
            (0, gone) => format!("; {gone} gone"),
            (new, gone) => format!("; {new} new, {gone} gone"),
        };
        text + &self.paint.strong(&format!("{summary}{changes}")) + "\n"
    }
}

impl<W: Write> Reporter for Changes<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        if let RunEvent::Found { finding } = event {
            self.found.push(finding.clone());
        }
        let RunEvent::CheckFinished { files, errors, warnings, notes, .. } = event else {
            return match &mut self.out {
                Out::First(human) => human.on_event(event),
                Out::Later(_) => Ok(()),
            };
        };
        let before = self.before.0.borrow().clone().unwrap_or_default();
        let text = self.text(&before, &check_summary(*files, *errors, *warnings, *notes));
        let written = match &mut self.out {
            Out::First(human) => human.on_event(event),
            Out::Later(out) => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
        };
        *self.before.0.borrow_mut() = Some(std::mem::take(&mut self.found));
        written
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        match self.out {
            Out::First(human) => human.finish(),
            Out::Later(mut out) => out.flush(),
        }
    }
}

/// What makes a finding the same one after an edit: all but its line, which moves with the text above.
type Identity<'f> = (Code, Severity, Option<&'f std::path::Path>, Option<&'f str>, &'f str);

fn identity(finding: &Finding) -> Identity<'_> {
    let place = &finding.place;
    (finding.code, finding.severity, place.file.as_deref(), place.pointer.as_deref(), &finding.message)
}

/// The findings that are not among `others`; of findings alike, as many as there are more.
fn without<'f>(findings: &'f [Finding], others: &'f [Finding]) -> Vec<&'f Finding> {
    let mut left: HashMap<Identity<'_>, usize> = HashMap::new();
    for other in others {
        *left.entry(identity(other)).or_default() += 1;
    }
    let is_new = |finding: &&'f Finding| match left.get_mut(&identity(finding)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    findings.iter().filter(is_new).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;
    use crate::text::Source;

    fn finding(line: usize, what: &str) -> Finding {
        let text = "\n".repeat(line);
        let source = Source::new("manifest.json", text.into_bytes()).unwrap();
        Finding::new(Code::UnknownEvent, what).at(source.place(line - 1..line - 1))
    }

    fn check(before: &Before, found: &[Finding]) -> String {
        let mut written = Vec::new();
        let mut changes = Changes::new(&mut written, Paint::new(false), Verbosity::Normal, before.clone());
        let errors = found.len() as u64;
        for finding in found {
            changes.on_event(&RunEvent::Found { finding: finding.clone() }).unwrap();
        }
        let exit_code = u8::from(errors > 0);
        changes.on_event(&RunEvent::CheckFinished { files: 2, errors, warnings: 0, notes: 0, exit_code }).unwrap();
        Box::new(changes).finish().unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn the_first_check_is_told_in_full_and_the_next_by_what_differs() {
        let before = Before::default();
        let first = check(&before, &[finding(3, "first"), finding(4, "two")]);
        assert!(first.contains("first") && first.contains("two") && first.contains("2 errors"), "{first}");
        let second = check(&before, &[finding(9, "first"), finding(2, "three")]);
        assert!(second.starts_with("error[unknown-event]: three\n"), "{second}");
        assert!(second.contains("gone: error[unknown-event] in manifest.json: two\n"), "{second}");
        assert!(second.ends_with("2 files checked: 2 errors; 1 new, 1 gone\n"), "{second}");
        assert!(!second.contains("first"), "{second}");
        assert_eq!(
            check(&before, &[finding(9, "first"), finding(2, "three")]),
            "2 files checked: 2 errors, as before\n"
        );
        let last = check(&before, &[]);
        assert!(last.ends_with("2 files checked: nothing found; 2 gone\n"), "{last}");
        assert_eq!(check(&before, &[]), "2 files checked: nothing found\n");
    }

    #[test]
    fn of_two_findings_alike_one_can_be_new() {
        let before = Before::default();
        check(&before, &[finding(3, "one")]);
        assert!(check(&before, &[finding(3, "one"), finding(5, "one")]).ends_with("; 1 new\n"));
    }
}
