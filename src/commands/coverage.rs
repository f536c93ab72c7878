//! Coverage of a run of scenarios: what counts, what is written of it, and whether it is enough.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Context;
use super::whole_file::WholeFile;
use crate::app::{App, Reading, Script};
use crate::coverage::{Collector, Covered, EventsSeen, gaps, html, istanbul, lcov, summary};
use crate::model::{Coverage, Measure, Missed, RunEvent, Share, Verdict};
use crate::report::{FanOut, Reporter, Sections};
use crate::schema::Schemas;

/// `--coverage`, `--coverage-report` and `--coverage-min`.
#[derive(Debug, Clone)]
pub struct CoverageOptions {
    /// What is written, and where to.
    pub reports: Vec<CoverageReport>,
    /// What must be reached, in percent.
    pub minima: Vec<(Measure, f64)>,
}

/// A format, and the file it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageReport {
    /// The format.
    pub format: CoverageFormat,
    /// The file.
    pub file: PathBuf,
}

/// How coverage is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverageFormat {
    /// The trace file of lcov.
    Lcov,
    /// Istanbul's `coverage-final.json`.
    Istanbul,
    /// A page with the source marked.
    Html,
    /// The numbers, as the JSON stream of the run has them.
    Json,
}

/// What measures one app.
pub(super) struct Measuring {
    options: CoverageOptions,
    collector: Collector,
    events: Arc<Mutex<EventsSeen>>,
}

/// Hears of payloads as they are told of.
struct Ear(Arc<Mutex<EventsSeen>>);

impl Reporter for Ear {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hear(event);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

impl Measuring {
    /// Makes the app's code ready to be counted.
    pub(super) fn new(
        options: &CoverageOptions,
        app: &App,
        (script, reading): (&Script, &Reading),
        schemas: &Schemas,
    ) -> Self {
        let collector = Collector::new(app, script, &reading.files);
        let events = Arc::new(Mutex::new(EventsSeen::new(app, schemas)));
        Self { options: options.clone(), collector, events }
    }

    /// What handlers count with.
    pub(super) const fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Says which files are not counted, and listens to what is told from here on.
    pub(super) fn listen(&self, reporters: &mut FanOut) {
        for message in self.collector.notices() {
            reporters.on_event(&RunEvent::Notice { message: message.clone() });
        }
        reporters.add("coverage", Box::new(Ear(Arc::clone(&self.events))));
    }

    /// Tells what was reached, writes the reports, and says whether it was enough.
    pub(super) fn finish(&self, context: &Context, reporters: &mut FanOut, sections: &Sections) -> Verdict {
        let files = self.collector.covered();
        let mut coverage = summary(&files);
        coverage.events = self.events.lock().unwrap_or_else(PoisonError::into_inner).coverage();
        coverage.missed = self.missed(&coverage, &files);
        reporters.on_event(&RunEvent::CoverageMeasured { coverage: Box::new(coverage.clone()) });
        sections.add("Coverage", html::section(&coverage));
        let mut verdict = if coverage.missed.is_empty() { Verdict::Held } else { Verdict::Problems };
        for missed in &coverage.missed {
            complain(context, missed);
        }
        for report in &self.options.reports {
            let text = write(report.format, &coverage, &files);
            let whole = WholeFile::new(&context.cwd.join(&report.file));
            if let Err(error) = whole.and_then(|whole| whole.write(&text)) {
                context.console.error(&format!("{} cannot be written: {error}", report.file.display()), None);
                verdict = verdict.and(Verdict::Machine);
            }
        }
        verdict
    }

    fn missed(&self, coverage: &Coverage, files: &[Covered<'_>]) -> Vec<Missed> {
        let one = |&(measure, wanted): &(Measure, f64)| {
            let share = coverage.total.of(measure);
            let reached = share.percent();
            let lacking = lacking(share, wanted);
            (lacking > 0).then(|| Missed { measure, wanted, reached, lacking, gaps: gaps(files, measure) })
        };
        self.options.minima.iter().filter_map(one).collect()
    }
}

/// How many more must be reached for that many percent.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "far smaller")]
fn lacking(share: Share, percent: f64) -> u64 {
    // A product such as 0.7 * 10 may lie a little above the whole number that is meant.
    let needed = (share.total as f64 * percent / 100.0 - 1e-9).ceil();
    (needed as u64).saturating_sub(share.covered)
}

fn complain(context: &Context, missed: &Missed) {
    let Missed { measure, wanted, reached, lacking, gaps } = missed;
    let what = format!("{reached:.2}% of the {} are reached, and {wanted}% were asked for", measure.name());
    let counted = |count: u64| match (count, measure) {
        (1, _) => format!("1 {}", measure.one()),
        _ => format!("{count} {}", measure.name()),
    };
    let gap = |gap: &crate::model::Gap| {
        let lines = if gap.first == gap.last { gap.first.to_string() } else { format!("{}-{}", gap.first, gap.last) };
        format!("  {}:{lines}  {}", gap.file, counted(gap.adds))
    };
    let told: Vec<String> = gaps.iter().map(gap).collect();
    let hint = format!("{} more would do; most are in\n{}", counted(*lacking), told.join("\n"));
    context.console.error(&what, Some(&hint));
}

fn write(format: CoverageFormat, coverage: &Coverage, files: &[Covered<'_>]) -> String {
    let line = |value: Result<String, serde_json::Error>| value.map(|text| text + "\n").unwrap_or_default();
    match format {
        CoverageFormat::Lcov => lcov(files),
        CoverageFormat::Istanbul => line(serde_json::to_string(&istanbul(files))),
        CoverageFormat::Html => html::page(coverage, files),
        CoverageFormat::Json => line(serde_json::to_string_pretty(coverage)),
    }
}
