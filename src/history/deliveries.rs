//! The deliveries of one app, kept one a line.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::recorded::Recorded;
use crate::app::HistorySettings;
use crate::keep::{Bounds, Log, LogError};

/// The folder in `.simctl/` in which they are.
const FOLDER: &str = "history";

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
        let lines = self.log.read()?;
        let mut listed = Listed { damaged: lines.damaged, ..Listed::default() };
        for line in lines.lines {
            match Recorded::read(&line) {
                Some(recorded) if filter.holds(&recorded) => listed.deliveries.push(recorded),
                Some(_) => {}
                None => listed.damaged += 1,
            }
        }
        // Two runs at once may have ended in another order than they began.
        listed.deliveries.sort_by_key(|recorded| recorded.id);
        if let Some(most) = filter.most {
            listed.deliveries.drain(..listed.deliveries.len().saturating_sub(most));
        }
        Ok(listed)
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
    fn holds(&self, recorded: &Recorded) -> bool {
        let of_outcome = |wanted: &str| match wanted {
            "held" => recorded.held,
            "failed" => !recorded.held,
            kind => recorded.outcome_name() == kind,
        };
        self.event.as_ref().is_none_or(|event| *event == recorded.event)
            && self.outcome.as_deref().is_none_or(of_outcome)
            && self.since.is_none_or(|since| recorded.at.parse::<Timestamp>().is_ok_and(|at| at >= since))
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
