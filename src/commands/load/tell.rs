//! How a load went, as a report; the report held against what was expected, printed, and written to files.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::super::Context;
use super::gates::Expectation;
use super::repeat;
use super::{LoadFormat, LoadOptions, LoadTargetFile};
use crate::engine::load::{Failure, Load, Record};
use crate::model::{LoadFailure, LoadKind, LoadMemory, LoadReport, LoadRun, Shards, Taken, Verdict};
use crate::report::{Paint, describe_failure, load_html, load_summary};

/// What a report says beside what was counted.
pub(super) struct Told<'a> {
    pub(super) options: &'a LoadOptions,
    pub(super) run: LoadRun,
    /// The command line, secrets masked.
    pub(super) command: &'a [String],
    /// Whether the handler is no app's.
    pub(super) external: bool,
}

impl Told<'_> {
    pub(super) fn report(self, load: Load) -> LoadReport {
        let Load { record, memory, interrupted, .. } = load;
        let (part, of) = self.options.shard.unwrap_or((0, 1));
        let mut failures: Vec<LoadFailure> = record.failures.iter().map(|failure| self.failure(failure)).collect();
        failures.sort_by_key(|failure| failure.index);
        let Record { held, failed, late, unfired, cut_off, digest, latency, handler, queueing, series, .. } = record;
        let seconds = record.took.as_secs_f64();
        let own = |taken: Taken| Taken { shard: part + 1, ..taken };
        let mut workers: Vec<Taken> = record.workers.into_iter().map(own).collect();
        workers.sort_by_key(|taken| taken.number);
        LoadReport {
            kind: LoadKind::V1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: repeat::whole(self.command, self.options),
            shards: Shards { of, parts: vec![part + 1] },
            workers: self.options.lanes as u64,
            interrupted,
            took_us: u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX),
            deliveries: held + failed,
            held,
            failed,
            late,
            unfired,
            cut_off,
            outcomes: record.outcomes.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            digest,
            asked_per_s: self.run.rate.map(|rate| rate / of as f64),
            reached_per_s: if seconds > 0.0 { (held + failed) as f64 / seconds } else { 0.0 },
            latency,
            handler,
            queueing,
            series,
            memory: LoadMemory { simctl: vec![Taken { number: part + 1, ..own(memory) }], workers },
            failures,
            notices: record.notices,
            expectations: Vec::new(),
            run: self.run,
        }
    }

    fn failure(&self, failure: &Failure) -> LoadFailure {
        LoadFailure {
            index: failure.index,
            event: failure.event.clone(),
            outcome: failure.outcome.name().to_owned(),
            what: describe_failure(&failure.outcome, failure.fault),
            place: failure.place(),
            count: failure.count,
            repeat: repeat::one(self.command, self.options, failure.index, self.external),
        }
    }
}

/// The files that reports go to.
pub(crate) struct Reports(Vec<(LoadFormat, PathBuf, File)>);

impl Reports {
    /// Opens all of them, before there is anything to write: a run whose report cannot be written is one for nothing.
    pub(crate) fn open(targets: &[LoadTargetFile], cwd: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let open = |target: &LoadTargetFile| match File::create(cwd.join(&target.file)) {
            Ok(file) => Ok((target.format, target.file.clone(), file)),
            Err(error) => Err((target.file.clone(), error)),
        };
        targets.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    fn write(self, context: &Context, report: &LoadReport) -> Verdict {
        let mut verdict = Verdict::Held;
        for (format, name, file) in self.0 {
            let mut out = BufWriter::new(file);
            let written = match format {
                LoadFormat::Json => serde_json::to_writer(&mut out, report).map_err(io::Error::from),
                LoadFormat::Html => out.write_all(load_html(report).as_bytes()),
            };
            if let Err(error) = written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
                context.console.error(&format!("{} cannot be written: {error}", name.display()), None);
                verdict = Verdict::Machine;
            }
        }
        verdict
    }
}

/// Holds a report against what was expected, shows it, and writes it.
pub(crate) fn conclude(
    context: &Context,
    mut report: LoadReport,
    expect: &[Expectation],
    reports: Reports,
    verdict: Verdict,
) -> Verdict {
    report.expectations = expect.iter().map(|expectation| expectation.check(&report)).collect();
    let missed = report.expectations.iter().any(|expected| !expected.held);
    // Who says how many may fail has said what a failure means.
    let bears_errors = expect.iter().any(Expectation::is_of_errors);
    let mut verdict = verdict;
    if missed || (report.errors() > 0 && !bears_errors) {
        verdict = verdict.and(Verdict::Problems);
    }
    if report.deliveries + report.unfired == 0 && verdict <= Verdict::Problems {
        context.console.error("nothing was fired", Some("ask for more events, or for fewer shards"));
        verdict = Verdict::CannotDo;
    }
    let written = reports.write(context, &report);
    // Of a load that could not begin everything has been said.
    if report.deliveries + report.unfired + report.cut_off == 0
        && matches!(verdict, Verdict::CannotDo | Verdict::Machine)
    {
        return verdict.and(written);
    }
    let summary = load_summary(&report, Paint::new(context.console.color_out), context.console.verbosity);
    verdict.and(written).and(context.console.write(&summary))
}
