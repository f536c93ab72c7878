//! Where reaching more would raise a measure most.

use super::collector::Covered;
use super::summary::line_counts;
use crate::model::{Gap, Measure};

/// How many gaps are told.
const MOST: usize = 5;

/// The largest gaps of a measure: lines one after the other with only uncovered ones of what it counts.
pub fn gaps(files: &[Covered<'_>], measure: Measure) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = files.iter().flat_map(|file| gaps_of(file, measure)).collect();
    gaps.sort_by(|a, b| b.adds.cmp(&a.adds).then_with(|| (&a.file, a.first).cmp(&(&b.file, b.first))));
    gaps.truncate(MOST);
    gaps
}

fn gaps_of(file: &Covered<'_>, measure: Measure) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut goes_on = false;
    for (line, count) in units(file, measure) {
        let is_gap = count == 0;
        match gaps.last_mut().filter(|_| goes_on && is_gap) {
            Some(gap) => {
                gap.last = gap.last.max(line);
                gap.adds += 1;
            }
            None if is_gap => gaps.push(Gap {
                file: file.source.file().to_string_lossy().into_owned(),
                first: line,
                last: line,
                adds: 1,
            }),
            None => {}
        }
        goes_on = is_gap;
    }
    gaps
}

/// What a measure counts in a file, each with its line and how often it was reached, by line.
fn units(file: &Covered<'_>, measure: Measure) -> Vec<(u32, u64)> {
    let Covered { map, counted, .. } = file;
    let mut units: Vec<(u32, u64)> = match measure {
        Measure::Lines => return line_counts(map, counted).into_iter().collect(),
        Measure::Statements => {
            map.statements.iter().zip(&counted.statements).map(|(loc, &count)| (loc.start.line, count)).collect()
        }
        Measure::Functions => {
            map.functions.iter().zip(&counted.functions).map(|(one, &count)| (one.decl.start.line, count)).collect()
        }
        Measure::Branches => {
            let ways = map.branches.iter().zip(&counted.branches);
            ways.flat_map(|(branch, counts)| {
                let line = |way: usize| branch.paths.get(way).copied().flatten().unwrap_or(branch.loc).start.line;
                counts.iter().enumerate().map(move |(way, &count)| (line(way), count))
            })
            .collect()
        }
    };
    units.sort_by_key(|(line, _)| *line);
    units
}
