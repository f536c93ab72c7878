//! `simctl report merge`: the reports of a run's shards, added up to the report of the run.

use std::path::{Path, PathBuf};

use super::Context;
use super::load::{Expectation, LoadTargetFile, Reports, conclude};
use crate::model::{LoadReport, Verdict};
use crate::text::{LARGEST_FILE, list};

/// The most shards that a load has.
pub const MOST_SHARDS: u64 = 10_000;

/// The flags of `report merge`.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// The shards' reports.
    pub files: Vec<PathBuf>,
    /// `--expect`
    pub expect: Vec<Expectation>,
    /// `--report`
    pub reports: Vec<LoadTargetFile>,
}

/// Adds the reports up, and shows what they come to.
pub fn merge_reports(context: &Context, options: &MergeOptions) -> Verdict {
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for file in &options.files {
        match read(context, file) {
            Ok(report) => all.push((file.as_path(), report)),
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(clashes(&all));
    faults.extend(options.reports.iter().filter_map(|target| overwrites(context, target, &options.files)));
    if !faults.is_empty() {
        faults.iter().for_each(|fault| context.console.error(fault, None));
        return Verdict::CannotDo;
    }
    for (file, report) in all.iter().filter(|(_, report)| report.interrupted) {
        let what =
            format!("{}: this shard was ended before its time, after {} deliveries", file.display(), report.deliveries);
        context.console.error(&what, Some("fire it again: what the shards come to is not the run"));
    }
    let merged = all.into_iter().map(|(_, report)| report).reduce(|mut sum, report| {
        sum.merge(report);
        sum
    });
    let Some(mut merged) = merged else { return Verdict::CannotDo };
    merged.command = whole_command(&merged.command);
    let reports = match Reports::open(&options.reports, &context.cwd) {
        Ok(reports) => reports,
        Err((file, error)) => {
            context.console.error(&format!("{} cannot be written: {error}", file.display()), None);
            return Verdict::Machine;
        }
    };
    let verdict = if merged.interrupted { Verdict::Problems } else { Verdict::Held };
    conclude(context, merged, &options.expect, reports, verdict)
}

/// Why a report would be lost to the sum.
fn overwrites(context: &Context, target: &LoadTargetFile, files: &[PathBuf]) -> Option<String> {
    let place = |file: &Path| context.cwd.join(file).canonicalize().ok();
    let there = place(&target.file)?;
    let is_one = files.iter().any(|file| place(file).as_ref() == Some(&there));
    is_one.then(|| {
        format!("{} is one of the reports that are added up: give the sum a file of its own", target.file.display())
    })
}

/// One shard's report.
fn read(context: &Context, file: &Path) -> Result<LoadReport, String> {
    let shown = file.display();
    let path = context.cwd.join(file);
    let data = std::fs::metadata(&path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if !data.is_file() {
        // A pipe would be waited for.
        return Err(format!("{shown} is not a regular file"));
    }
    let length = data.len();
    if length > LARGEST_FILE {
        return Err(format!("{shown} is larger than the {} MiB that simctl reads", LARGEST_FILE >> 20));
    }
    let bytes = std::fs::read(&path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let report: LoadReport =
        serde_json::from_slice(&bytes).map_err(|error| format!("{shown} is not a report of a load: {error}"))?;
    let within = |part: &u64| (1..=report.shards.of).contains(part);
    if report.shards.parts.is_empty() || !report.shards.parts.iter().all(within) || report.shards.of > MOST_SHARDS {
        return Err(format!("{shown} is not a report of a load: its shards are none of its run"));
    }
    Ok(report)
}

/// Why the reports are not those of one run's shards, each once and none missing.
fn clashes(all: &[(&Path, LoadReport)]) -> Vec<String> {
    let Some(((first_file, first), rest)) = all.split_first() else { return Vec::new() };
    let mut faults = Vec::new();
    for (file, report) in rest {
        if let Some(what) = difference(first, report) {
            faults.push(format!("{} and {} are of different runs: {what}", first_file.display(), file.display()));
        }
    }
    if !faults.is_empty() {
        return faults;
    }
    for part in 1..=first.shards.of {
        let have: Vec<String> = all
            .iter()
            .filter(|(_, report)| report.shards.parts.contains(&part))
            .map(|(file, _)| file.display().to_string())
            .collect();
        if have.len() > 1 {
            let names = list(have.iter().map(String::as_str));
            faults.push(format!("shard {part}/{} is there more than once: in {names}", first.shards.of));
        }
    }
    let there = |part: &u64| all.iter().any(|(_, report)| report.shards.parts.contains(part));
    let missing: Vec<String> = (1..=first.shards.of).filter(|part| !there(part)).map(|part| part.to_string()).collect();
    if !missing.is_empty() {
        const MOST: usize = 20;
        let more = if missing.len() > MOST { format!(" and {} more", missing.len() - MOST) } else { String::new() };
        let shown = missing[..missing.len().min(MOST)].join(", ");
        faults.push(format!("of {} shards, these are missing: {shown}{more}", first.shards.of));
    }
    faults
}

/// What two reports of one run never differ in, and these do.
fn difference(a: &LoadReport, b: &LoadReport) -> Option<String> {
    if a.version != b.version {
        return Some(format!("simctl {} and {}", a.version, b.version));
    }
    if a.shards.of != b.shards.of {
        return Some(format!("one is of {} shards, the other of {}", a.shards.of, b.shards.of));
    }
    let (one, other) = (serde_json::to_value(&a.run).ok()?, serde_json::to_value(&b.run).ok()?);
    let differs = |(name, value): (&String, &serde_json::Value)| (other.get(name) != Some(value)).then(|| name.clone());
    let name = one.as_object()?.iter().find_map(differs)?;

    let null = serde_json::Value::Null;
    let (one, other) = (one.get(&name).unwrap_or(&null), other.get(&name).unwrap_or(&null));
    Some(match name.as_str() {
        "first_payloads" => {
            "their payloads differ: another app, other installation parameters, schemas or flags".to_owned()
        }
        _ => format!("`{name}` is {one} and {other}"),
    })
}

/// The command of the whole run, from that of a shard: without its part, and without the file that its report went to.
fn whole_command(command: &str) -> String {
    let mut kept = Vec::new();
    let mut words = command.split(' ');
    while let Some(word) = words.next() {
        match word {
            "--shard" | "--report" => drop(words.next()),
            _ if word.starts_with("--shard=") || word.starts_with("--report=") => {}
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::whole_command;

    #[test]
    fn the_command_of_the_run_has_no_shard() {
        assert_eq!(whole_command("simctl load e -n 9 --shard 2/3 --seed 7"), "simctl load e -n 9 --seed 7");
        assert_eq!(whole_command("simctl load e --shard=2/3 --report json=2.json"), "simctl load e");
    }
}
