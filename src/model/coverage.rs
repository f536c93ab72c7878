//! How much of an app's code and of its events a run has reached, in numbers.

use serde::{Serialize, Serializer};

/// How much was reached in all, and where what was not is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Over all files.
    #[serde(flatten)]
    pub total: Shares,
    /// Each file of the app's own code, by name.
    pub files: Vec<FileCoverage>,
    /// What of the app's events was fired.
    pub events: EventCoverage,
    /// What was asked for and not reached.
    pub missed: Vec<Missed>,
}

/// The four measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Shares {
    /// Statements.
    pub statements: Share,
    /// Ways of branches.
    pub branches: Share,
    /// Functions.
    pub functions: Share,
    /// Lines on which a statement begins.
    pub lines: Share,
}

/// How many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Reached at least once.
    pub covered: u64,
    /// All there are.
    pub total: u64,
}

impl Share {
    /// In hundredths of a percent, rounded down, so that 100 % means all; 100 % of nothing.
    pub const fn basis_points(self) -> u64 {
        match self.covered.saturating_mul(10_000).checked_div(self.total) {
            Some(points) => points,
            None => 10_000,
        }
    }

    /// In percent, with two digits at most.
    pub fn percent(self) -> f64 {
        // Far below where a float is exact.
        f64::from(u32::try_from(self.basis_points()).unwrap_or(u32::MAX)) / 100.0
    }
}

impl std::ops::AddAssign for Share {
    fn add_assign(&mut self, other: Self) {
        self.covered += other.covered;
        self.total += other.total;
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            covered: u64,
            total: u64,
            percent: f64,
        }
        Written { covered: self.covered, total: self.total, percent: self.percent() }.serialize(out)
    }
}

/// One of the four measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Statements.
    Statements,
    /// Ways of branches.
    Branches,
    /// Functions.
    Functions,
    /// Lines on which a statement begins.
    Lines,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Statements, Self::Branches, Self::Functions, Self::Lines];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::Branches => "branches",
            Self::Functions => "functions",
            Self::Lines => "lines",
        }
    }

    /// The name of one of what it counts.
    pub const fn one(self) -> &'static str {
        match self {
            Self::Statements => "statement",
            Self::Branches => "branch",
            Self::Functions => "function",
            Self::Lines => "line",
        }
    }
}

impl Shares {
    /// The share of one measure.
    pub const fn of(&self, measure: Measure) -> Share {
        match measure {
            Measure::Statements => self.statements,
            Measure::Branches => self.branches,
            Measure::Functions => self.functions,
            Measure::Lines => self.lines,
        }
    }
}

impl std::ops::AddAssign for Shares {
    fn add_assign(&mut self, other: Self) {
        self.statements += other.statements;
        self.branches += other.branches;
        self.functions += other.functions;
        self.lines += other.lines;
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileCoverage {
    /// Its name, as the user would write it.
    pub file: String,
    /// How much of it was reached.
    #[serde(flatten)]
    pub shares: Shares,
    /// Lines that were not, from the first to the last of each run.
    pub uncovered: Vec<(u32, u32)>,
}

/// A minimum that was not reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Missed {
    /// What it is of.
    pub measure: Measure,
    /// What was asked for, in percent.
    pub wanted: f64,
    /// What was reached, in percent.
    pub reached: f64,
    /// How many more would have to be reached.
    pub lacking: u64,
    /// Where reaching more would help most, largest first.
    pub gaps: Vec<Gap>,
}

/// Lines one after the other, none of which was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The file, as the user would write it.
    pub file: String,
    /// Its first line.
    pub first: u32,
    /// Its last line.
    pub last: u32,
    /// How many it would add.
    pub adds: u64,
}

/// What of an app's events was fired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventCoverage {
    /// Each event that the app subscribes to, or that was fired at it.
    pub events: Vec<FiredEvent>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FiredEvent {
    /// Its name.
    pub event: String,
    /// How often it was fired.
    pub fired: u64,
    /// How many of the forms of its payload were sent at least once.
    pub forms: Share,
    /// The forms that never were, by the place in the payload: `data.user.email: absent`.
    pub never: Vec<Unsent>,
}

/// A form of a payload that was never sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unsent {
    /// Where in the payload, such as `data.changes.email`; empty for the payload as a whole.
    pub path: String,
    /// What was never there.
    pub form: String,
}
