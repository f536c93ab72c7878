//! The flags of coverage.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use clap::{ArgAction, Args as ClapArgs};

use crate::commands::{CoverageFormat, CoverageOptions, CoverageReport};
use crate::model::Measure;

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Coverage")]
pub(super) struct CoverageFlags {
    /// Tell how much of the app's code, and of its events, the scenarios reach
    #[arg(long)]
    coverage: bool,
    /// Write it to a file, too: lcov, istanbul, html or json, each with =FILE; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report, action = ArgAction::Append)]
    coverage_report: Vec<CoverageReport>,
    /// Fail where fewer percent of the lines are reached: 80, or lines=80,branches=70 and the like
    #[arg(long, value_name = "PERCENT", value_parser = minima)]
    coverage_min: Option<Minima>,
}

#[derive(Debug, Clone)]
struct Minima(Vec<(Measure, f64)>);

impl CoverageFlags {
    pub(super) fn into_options(self) -> Option<CoverageOptions> {
        let minima = self.coverage_min.map(|minima| minima.0).unwrap_or_default();
        let wanted = self.coverage || !self.coverage_report.is_empty() || !minima.is_empty();
        wanted.then_some(CoverageOptions { reports: self.coverage_report, minima })
    }

    /// What is wrong with the flags taken together.
    pub(super) fn fault(&self) -> Option<String> {
        let doubled = |(at, one): (usize, &CoverageReport)| {
            self.coverage_report[..at]
                .iter()
                .any(|other| other.file == one.file)
                .then(|| one.file.display().to_string())
        };
        let file = self.coverage_report.iter().enumerate().find_map(doubled)?;
        Some(format!("`--coverage-report` names `{file}` twice: each report needs a file of its own"))
    }
}

fn report(text: &str) -> Result<CoverageReport, String> {
    let known = "`lcov`, `istanbul`, `html` and `json` are";
    let (name, file) = text.split_once('=').unwrap_or((text, ""));
    let format = match name {
        "lcov" => CoverageFormat::Lcov,
        "istanbul" => CoverageFormat::Istanbul,
        "html" => CoverageFormat::Html,
        "json" => CoverageFormat::Json,
        _ => return Err(format!("`{name}` is not a format of coverage: {known}")),
    };
    if file.is_empty() {
        return Err(format!("a file was expected: `{name}=FILE`"));
    }
    Ok(CoverageReport { format, file: file.into() })
}

fn minima(text: &str) -> Result<Minima, String> {
    let mut minima: Vec<(Measure, f64)> = Vec::new();
    for part in text.split(',') {
        let (measure, percent) = match part.split_once('=') {
            None => (Measure::Lines, part),
            Some((name, percent)) => {
                let measure = Measure::ALL.into_iter().find(|measure| measure.name() == name.trim());
                let known = "`statements`, `branches`, `functions` and `lines` are";
                (measure.ok_or_else(|| format!("`{name}` is not measured: {known}"))?, percent)
            }
        };
        let percent = percent.trim().trim_end_matches('%');
        let number = percent.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
        let number =
            number.ok_or_else(|| format!("`{percent}` is no percentage: a number from 0 to 100 was expected"))?;
        if minima.iter().any(|(other, _)| *other == measure) {
            return Err(format!("`{}` has two minima", measure.name()));
        }
        minima.push((measure, number));
    }
    Ok(Minima(minima))
}
