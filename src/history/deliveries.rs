//! The deliveries of one app, kept one a line.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::recorded::{Brief, Recorded};
use crate::app::HistorySettings;
use crate::keep::{Bounds, Log, LogError};
use crate::model::Outcome;

/// The folder in `.simctl/` in which they are.
const FOLDER: &str = "history";

/// Outcomes that are no kind of their own: whatever is a success, and whatever is none.
const HELD: &str = "held";
const FAILED: &str = "failed";

/// All deliveries of an app that are still kept.
#[derive(Debug, Clone)]
pub struct History {
    log: Log,
}

/// Which deliveries are wanted: those of which all that is given holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this event.
    pub event: Option<String>,
    /// With this outcome: a kind such as `threw`, or `held` or `failed`.
    pub outcome: Option<String>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub most: Option<usize>,
}

/// When something begins to count: a time, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// A time.
    Time(Timestamp),
    /// So long before now.
    Ago(Duration),
}

/// An app's history as the app's own settings have it.
#[derive(Debug)]
pub struct Settled {
    /// The history.
    pub history: History,
    /// Whether deliveries are to be kept in it.
    pub keep: bool,
    /// Why the settings could not be read, where that is so; the usual ones count then.
    pub complaint: Option<String>,
}

/// The deliveries that were asked for.
#[derive(Debug, Default)]
pub struct Listed {
    /// Oldest first.
    pub deliveries: Vec<Recorded>,
    /// How many lines could not be read: a run was killed while it wrote, or something else wrote there.
    pub damaged: u64,
}

/// The deliveries that were looked for.
#[derive(Debug)]
pub struct Found {
    /// Newest first.
    pub briefs: Vec<Brief>,
    /// How many there are, those included that were too many to be given.
    pub found: usize,
    /// How many deliveries are kept in all.
    pub kept: u64,
    /// How many lines could not be read.
    pub damaged: u64,
}

impl History {
    /// What is kept where nothing else is asked for: a thousand deliveries of the last 30 days, in at most 32 MiB.
    pub const BOUNDS: Bounds = Bounds { count: 1000, bytes: 32 << 20, age: Duration::from_secs(30 * 24 * 60 * 60) };

    /// The history of the app in `root`, which must be there. Nothing is opened or made before it is needed.
    pub fn open(root: &Path, bounds: Bounds) -> Self {
        Self { log: Log::new(root, FOLDER, bounds) }
    }

    /// The history of the app in `root`, within the bounds that its `simctl.json` sets.
    pub fn settled(root: &Path) -> Settled {
        let (settings, complaint) = match HistorySettings::read(root) {
            Ok(settings) => (settings, None),
            Err(what) => (HistorySettings::default(), Some(what)),
        };
        let bounds = Bounds {
            count: settings.count.unwrap_or(Self::BOUNDS.count),
            bytes: settings.bytes.unwrap_or(Self::BOUNDS.bytes),
            age: settings.age.unwrap_or(Self::BOUNDS.age),
        };
        Settled { history: Self::open(root, bounds), keep: settings.keep, complaint }
    }

    /// The folder that it is kept in.
    pub fn folder(&self) -> &Path {
        self.log.folder()
    }

    /// Takes a number for a delivery that is still to be kept.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn reserve(&self) -> Result<u64, LogError> {
        self.log.reserve()
    }

    /// Keeps a delivery, under the number that was reserved for it or the next one. Gives that number.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn keep(&self, reserved: Option<u64>, recorded: &Recorded) -> Result<u64, LogError> {
        self.log.append(reserved, &|id| serde_json::to_vec(&Recorded { id, ..recorded.clone() }).unwrap_or_default())
    }

    /// The deliveries that `filter` holds of, oldest first.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn list(&self, filter: &Filter) -> Result<Listed, LogError> {
        let mut deliveries = Vec::new();
        let damaged = self.visit(&mut |brief, line| {
            if filter.holds(&brief) {
                deliveries.push(Recorded::read(line)?);
            }
            Some(())
        })?;
        let mut listed = Listed { deliveries, damaged };
        // Two runs at once may have ended in another order than they began.
        listed.deliveries.sort_by_key(|recorded| recorded.id);
        if let Some(most) = filter.most {
            listed.deliveries.drain(..listed.deliveries.len().saturating_sub(most));
        }
        Ok(listed)
    }

    /// The deliveries that `filter` holds of and that have `text` in them, whatever its case; newest first. All are
    /// looked at, and none is held in memory as a whole.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn search(&self, filter: &Filter, text: &str) -> Result<Found, LogError> {
        let text = text.to_lowercase();
        let has_text = |line: &[u8]| text.is_empty() || String::from_utf8_lossy(line).to_lowercase().contains(&text);
        let (mut kept, mut briefs) = (0, Vec::new());
        let damaged = self.visit(&mut |brief, line| {
            kept += 1;
            if filter.holds(&brief) && has_text(line) {
                briefs.push(brief);
            }
            Some(())
        })?;
        briefs.sort_by_key(|brief: &Brief| std::cmp::Reverse(brief.id));
        let found = briefs.len();
        briefs.truncate(filter.most.unwrap_or(usize::MAX));
        Ok(Found { briefs, found, kept, damaged })
    }

    /// Hands over each delivery and its line, oldest first. Gives how many lines are damaged; one that `each` gives
    /// nothing for is.
    fn visit(&self, each: &mut dyn FnMut(Brief, &[u8]) -> Option<()>) -> Result<u64, LogError> {
        let mut unread = 0;
        let damaged = self.log.visit(&mut |line| {
            if Brief::read(line).and_then(|brief| each(brief, line)).is_none() {
                unread += 1;
            }
        })?;
        Ok(damaged + unread)
    }

    /// The delivery of that number.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn get(&self, id: u64) -> Result<Option<Recorded>, LogError> {
        let start = format!("{{\"id\":{id},");
        let line = self.log.newest(&|line| line.starts_with(start.as_bytes()) && Recorded::read(line).is_some())?;
        Ok(line.as_deref().and_then(Recorded::read))
    }

    /// The newest delivery.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn last(&self) -> Result<Option<Recorded>, LogError> {
        let line = self.log.newest(&|line| Recorded::read(line).is_some())?;
        Ok(line.as_deref().and_then(Recorded::read))
    }

    /// Removes every delivery; their numbers begin at 1 again. Gives how many there were.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn clear(&self) -> Result<usize, LogError> {
        self.log.clear()
    }
}

impl Filter {
    fn holds(&self, delivery: &Brief) -> bool {
        let of_outcome = |wanted: &str| match wanted {
            HELD => delivery.held,
            FAILED => !delivery.held,
            kind => delivery.outcome_name() == kind,
        };
        self.event.as_ref().is_none_or(|event| *event == delivery.event)
            && self.outcome.as_deref().is_none_or(of_outcome)
            && self.since.is_none_or(|since| delivery.at.parse::<Timestamp>().is_ok_and(|at| at >= since))
    }

    /// The outcomes that can be asked for.
    pub fn outcomes() -> impl Iterator<Item = &'static str> {
        [HELD, FAILED].into_iter().chain(Outcome::NAMES)
    }
}

impl Since {
    /// The time that it means at `now`.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Time(time) => time,
            Self::Ago(ago) => {
                jiff::SignedDuration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago).ok()).unwrap_or(now)
            }
        }
    }
}
