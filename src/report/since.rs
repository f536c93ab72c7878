//! A run that is made again and again, for people: the first in full, of each later one what differs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::deliveries::{comparison_text, entry_count};
use super::{Human, Paint, Reporter, Verbosity};
use crate::history::{Comparison, Keeper, Recorded, compare};
use crate::model::{RunEvent, Secrets};

/// What the run before did; nothing where there was none. Clones share one memory, which the reporter of the next run is given.
#[derive(Debug, Clone, Default)]
pub struct Earlier(Arc<Mutex<Option<Did>>>);

/// What a run did.
#[derive(Debug, Clone, Default)]
struct Did {
    deliveries: Vec<Recorded>,
    notices: Vec<String>,
}

impl Earlier {
    fn get(&self) -> Option<Did> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, did: Did) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(did);
    }
}

/// Writes one run of several for people.
pub struct Since<W: Write> {
    human: Human<W>,
    paint: Paint,
    verbosity: Verbosity,
    earlier: Earlier,
    before: Option<Did>,
    keeper: Keeper,
    did: Did,
    count: u64,
    changed: u64,
}

impl<W: Write> Since<W> {
    /// Writes to `out` what differs from `earlier`, and leaves there what this run did.
    pub fn new(out: W, paint: Paint, verbosity: Verbosity, earlier: Earlier) -> Self {
        let before = earlier.get();
        let human = match &before {
            None => Human::new(out, paint, verbosity),
            Some(_) => Human::of_part(out, paint, verbosity),
        };
        // Events are masked by now, and nothing is kept.
        let keeper = Keeper::new(None, None, Secrets::default());
        Self { human, paint, verbosity, earlier, before, keeper, did: Did::default(), count: 1, changed: 0 }
    }

    /// A delivery is over, which was compared with that of the same number in the run before.
    fn delivered(&mut self, event: &RunEvent, recorded: &Recorded, before: &Did) -> io::Result<()> {
        let earlier = before.deliveries.iter().find(|earlier| earlier.index == recorded.index);
        let mut comparison = earlier.map(|earlier| compare(earlier, recorded)).unwrap_or_default();
        // Told when they were found.
        comparison.findings.clear();
        let is_drawn_anew = earlier.is_some_and(|earlier| earlier.seed != recorded.seed);
        if is_drawn_anew {
            // Nearly all of it is another, which is what was asked for.
            comparison.payload.clear();
        }
        let is_new = earlier.is_none() || !comparison.did_the_same() || !comparison.payload.is_empty();
        self.changed += u64::from(is_new);
        if self.count > 1 && !is_new {
            return Ok(());
        }
        let mut text = String::new();
        if self.count > 1 {
            let title = format!("[{}] {} -> {}", recorded.index, recorded.event, recorded.addressee());
            text.push_str(&format!("{}\n", self.paint.strong(&crate::text::printable_line(&title))));
        }
        let was = comparison.outcome.take();
        if self.verbosity > Verbosity::Quiet {
            let shown = Comparison { outcome: None, ..comparison.clone() };
            text.push_str(&comparison_text(&shown, self.paint));
            text.push_str(&self.as_before(&comparison, recorded, earlier.is_some()));
        }
        self.human.out().write_all(text.as_bytes())?;
        self.human.on_event(event)?;
        if let Some((was, _)) = was {
            let was = format!("{}  {}\n", self.paint.faint("   was"), crate::text::printable_line(&was));
            self.human.out().write_all(was.as_bytes())?;
        }
        if is_drawn_anew && self.verbosity > Verbosity::Quiet {
            self.human.repeat(&recorded.repeat)?;
        }
        self.human.out().flush()
    }

    /// Says what is there and did not change.
    fn as_before(&self, comparison: &Comparison, recorded: &Recorded, is_known: bool) -> String {
        let calls = if comparison.calls.is_empty() { recorded.calls.len() } else { 0 };
        let logs = if comparison.logs.is_empty() { recorded.logs.len() } else { 0 };
        let same = [entry_count(calls, "call"), entry_count(logs, "line")];
        let same: Vec<String> = same.into_iter().flatten().collect();
        if same.is_empty() || !is_known {
            return String::new();
        }
        format!("{}  {}\n", self.paint.faint("  same"), self.paint.faint(&same.join(", ")))
    }

    fn finished(&mut self, held: u64, failed: u64) -> io::Result<()> {
        if self.count > 1 {
            let total = held + failed;
            let text = format!("{total} deliveries: {held} held, {failed} failed; {} not as before\n", self.changed);
            self.human.out().write_all(text.as_bytes())?;
        }
        self.human.out().flush()
    }
}

impl<W: Write> Reporter for Since<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.keeper.on_event(event);
        match event {
            RunEvent::RunStarted { count, .. } => self.count = count.unwrap_or(u64::MAX),
            RunEvent::Notice { message } => self.did.notices.push(message.clone()),
            RunEvent::DeliveryFinished { .. } => self.did.deliveries.extend(self.keeper.last().cloned()),
            // One that was cut short is compared with nothing.
            RunEvent::RunFinished { interrupted: false, .. } => self.earlier.set(self.did.clone()),
            _ => {}
        }
        let Some(before) = self.before.take() else {
            let is_cut = matches!(event, RunEvent::RunFinished { interrupted: true, .. });
            return if is_cut { Ok(()) } else { self.human.on_event(event) };
        };
        let told = match event {
            RunEvent::Notice { message } if !before.notices.contains(message) => self.human.on_event(event),
            RunEvent::Found { .. } => self.human.on_event(event),
            RunEvent::DeliveryStarted { .. } => {
                self.human.begin();
                Ok(())
            }
            RunEvent::DeliveryFinished { .. } => match self.did.deliveries.last().cloned() {
                Some(recorded) => self.delivered(event, &recorded, &before),
                None => Ok(()),
            },
            RunEvent::RunFinished { held, failed, interrupted: false, .. } => self.finished(*held, *failed),
            _ => Ok(()),
        };
        self.before = Some(before);
        told
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.human.out().flush()
    }
}
