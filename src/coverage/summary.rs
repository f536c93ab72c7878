//! Maps and counts in numbers, by Istanbul's rules.

use std::collections::BTreeMap;

use super::collector::Covered;
use super::map::{Counted, FileMap};
use crate::model::{Coverage, FileCoverage, Share, Shares};

/// The numbers of all files. What is said of events and minima is left empty.
pub fn summary(files: &[Covered<'_>]) -> Coverage {
    let mut coverage = Coverage::default();
    for file in files {
        let shares = shares(file.map, &file.counted);
        coverage.total += shares;
        let uncovered = runs(&line_counts(file.map, &file.counted));
        coverage.files.push(FileCoverage {
            file: file.source.file().to_string_lossy().into_owned(),
            shares,
            uncovered,
        });
    }
    coverage
}

/// The numbers of one file.
pub(super) fn shares(map: &FileMap, counted: &Counted) -> Shares {
    Shares {
        statements: share(counted.statements.iter().copied()),
        branches: share(counted.branches.iter().flatten().copied()),
        functions: share(counted.functions.iter().copied()),
        lines: share(line_counts(map, counted).into_values()),
    }
}

fn share(counts: impl Iterator<Item = u64>) -> Share {
    counts.fold(Share::default(), |share, count| Share {
        covered: share.covered + u64::from(count > 0),
        total: share.total + 1,
    })
}

/// How often each line was reached on which a statement begins: as often as the statement of it that was reached most.
pub(super) fn line_counts(map: &FileMap, counted: &Counted) -> BTreeMap<u32, u64> {
    let mut lines = BTreeMap::new();
    for (loc, &count) in map.statements.iter().zip(&counted.statements) {
        let line: &mut u64 = lines.entry(loc.start.line).or_default();
        *line = count.max(*line);
    }
    lines
}

/// Runs of lines that were not reached. Lines on which nothing begins do not end a run.
fn runs(lines: &BTreeMap<u32, u64>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    let mut goes_on = false;
    for (&line, &count) in lines {
        match runs.last_mut().filter(|_| goes_on && count == 0) {
            Some(run) => run.1 = line,
            None if count == 0 => runs.push((line, line)),
            None => {}
        }
        goes_on = count == 0;
    }
    runs
}
