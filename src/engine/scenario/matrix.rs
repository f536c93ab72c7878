//! A matrix: one scenario for each combination of variants, locales, runtimes and platforms.

use std::fmt::Display;
use std::str::FromStr;

use crate::model::{Code, Finding, Findings, Platform, Runtime};
use crate::payload::{Locale, Variant};
use crate::text::Source;
use crate::text::json::Node;

/// How many scenarios a matrix may make.
const MOST_CELLS: usize = 200;

/// One combination; what it does not name is as the scenario has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) variant: Option<Variant>,
    pub(super) locale: Option<Locale>,
    pub(super) runtime: Option<Runtime>,
    pub(super) platform: Option<Platform>,
    /// Its values as they are written.
    values: Vec<String>,
}

impl Cell {
    /// What is added to the names of the scenario and its snapshots: ` [kit, ja_jp]`; nothing where there is no matrix.
    pub(super) fn suffix(&self) -> String {
        if self.values.is_empty() { String::new() } else { format!(" [{}]", self.values.join(", ")) }
    }
}

/// The cells of a scenario's matrix; one that names nothing where there is none.
pub(super) fn cells(root: &Node, source: &Source, findings: &mut Findings) -> Vec<Cell> {
    let mut cells = vec![Cell::default()];
    let members = root.get("matrix").and_then(Node::members).unwrap_or_default();
    for member in members {
        let key = member.key.as_str();
        if let Some(own) = root.member(key) {
            let what = format!("`{key}` is said here, and in `matrix` too");
            let place = source.place(own.key_range.clone());
            findings.push(Finding::new(Code::BadScenario, what).at(place).hint("remove one of the two"));
        }
        let items = member.value.items().unwrap_or_default();
        let count = cells.len().saturating_mul(items.len());
        if count > MOST_CELLS {
            let what = format!("the matrix makes {count} scenarios of this one, {MOST_CELLS} are the most");
            findings.push(Finding::new(Code::BadScenario, what).at(source.place(member.key_range.clone())));
            return vec![Cell::default()];
        }
        let with = |cell: &Cell, item: &Node| {
            let mut cell = cell.clone();
            let text = item.as_str().unwrap_or_default();
            let known = match key {
                "variant" => set(&mut cell.variant, text),
                "locale" => set(&mut cell.locale, text),
                "platform" => set(&mut cell.platform, text),
                _ => {
                    cell.runtime = runtime(text);
                    Ok(())
                }
            };
            cell.values.push(text.to_owned());
            known.map(|()| cell)
        };
        let mut next = Vec::new();
        for (at, cell) in cells.iter().enumerate() {
            for item in items {
                match with(cell, item) {
                    Ok(cell) => next.push(cell),
                    // Each value is told of once.
                    Err(_) if at > 0 => {}
                    Err(what) => {
                        findings.push(Finding::new(Code::BadScenario, what).at(source.place(item.range.clone())));
                    }
                }
            }
        }
        cells = next;
    }
    cells
}

fn set<T: FromStr<Err: Display>>(place: &mut Option<T>, text: &str) -> Result<(), String> {
    *place = Some(text.parse().map_err(|wrong: T::Err| wrong.to_string())?);
    Ok(())
}

fn runtime(name: &str) -> Option<Runtime> {
    [Runtime::Embedded, Runtime::Node].into_iter().find(|runtime| runtime.to_string() == name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;
    use crate::text::yaml;

    #[test]
    fn each_combination_is_a_cell() {
        let text = "matrix: { variant: [docs, kit], runtime: [embedded, node], platform: ['2.3'] }";
        let source = Source::new("a.yaml", text.as_bytes().to_vec()).unwrap();
        let mut findings = Vec::new();
        let all = cells(&yaml::read(&source).0.unwrap(), &source, &mut findings);
        let names: Vec<String> = all.iter().map(Cell::suffix).collect();
        let expected = [" [docs, embedded, 2.3]", " [docs, node, 2.3]", " [kit, embedded, 2.3]", " [kit, node, 2.3]"];
        assert_eq!((names.as_slice(), findings.len()), (expected.map(str::to_owned).as_slice(), 0));
        assert_eq!(all[3].runtime, Some(Runtime::Node));
    }
}
