//! Values of flags: times, lengths of time, sizes.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::commands::{DbChoice, Format, Report, ReportKind, Target};
use crate::history::Since;
use crate::text::list;

/// A whole number.
pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number, or too large"))
}

/// A whole number from 1 on.
pub(super) fn positive<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number from 1 on, or too large"))
}

/// How many, at least one.
pub(super) fn count(text: &str) -> Result<u64, String> {
    positive(text).map(NonZeroU64::get)
}

/// `memory`, or a file.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result")]
pub(super) fn db(text: &str) -> Result<DbChoice, String> {
    Ok(if text == "memory" { DbChoice::Memory } else { DbChoice::File(text.into()) })
}

/// A number of seconds, as `$db.set` takes it.
pub(super) fn ttl(text: &str) -> Result<SignedDuration, String> {
    let seconds = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
    let duration = seconds.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| format!("`{text}` is not a number of seconds greater than 0"))
}

/// `20s`, `500ms`, `1.5m`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is not a length of time: write it as `20s`, `500ms` or `2m`");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| expected())?;
    let seconds = match &text[digits..] {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        _ => return Err(expected()),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| expected())?;
    if duration.is_zero() || duration > Duration::from_secs(24 * 60 * 60) {
        return Err(format!("`{text}` is out of range: from 1ms to 24 hours"));
    }
    Ok(duration)
}

/// A time, or so long ago: `30m`, `2h`, `5d`.
pub(super) fn since(text: &str) -> Result<Since, String> {
    let expected =
        || format!("`{text}` is not a time: write it as `2026-01-31T12:00:00Z`, or as `30m`, `2h` or `5d` ago");
    let ago = |digits: &str, seconds: u64| {
        let number: u64 = digits.parse().map_err(|_| expected())?;
        Ok(Since::Ago(Duration::from_secs(
            number.checked_mul(seconds).filter(|all| *all < 1 << 40).ok_or_else(expected)?,
        )))
    };
    for (unit, seconds) in [('s', 1), ('m', 60), ('h', 3600), ('d', 24 * 3600), ('w', 7 * 24 * 3600)] {
        if let Some(digits) = text.strip_suffix(unit) {
            return ago(digits, seconds);
        }
    }
    text.parse().map(Since::Time).map_err(|_| expected())
}

/// `256MiB`, `256MB`, `256M`, `1G`, `512K`; a bare number is MiB. Units are powers of 1024.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is not an amount of memory: write it as `256MiB` or `1GiB`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| expected())?;
    let unit = match text[digits..].to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1 << 10,
        "" | "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(expected()),
    };
    let bytes = number.checked_mul(unit).ok_or_else(expected)?;
    if !(SMALLEST_MEMORY..=64 << 30).contains(&bytes) {
        return Err(format!("`{text}` is out of range: from 8MiB to 64GiB"));
    }
    Ok(bytes)
}

/// Less than this and no runtime starts.
const SMALLEST_MEMORY: u64 = 8 << 20;

/// RFC 3339 (`2026-01-31T12:00:00Z`), or milliseconds since 1970 as payloads have them.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let millis = text.parse::<i64>().ok().map(Timestamp::from_millisecond);
    let time = millis.unwrap_or_else(|| text.parse());
    // Payloads hold milliseconds; finer parts would be lost on the way.
    time.and_then(|time| Timestamp::from_millisecond(time.as_millisecond())).map_err(|_| {
        format!("`{text}` is not a time: write it as `2026-01-31T12:00:00Z`, or as milliseconds since 1970")
    })
}

/// The formats, by the name that `--format` knows them by.
const FORMATS: [(&str, Format); 6] = [
    ("human", Format::Human),
    ("json", Format::Json),
    ("github", Format::GitHub),
    ("sarif", Format::Sarif),
    ("junit", Format::Junit),
    ("tap", Format::Tap),
];

/// `human`, `json=FILE`, …: what a check of files is told in.
pub(super) fn check_target(text: &str) -> Result<Target, String> {
    target(text, &all_but(&[Format::Tap]))
}

/// The same for scenarios, which are tests.
pub(super) fn test_target(text: &str) -> Result<Target, String> {
    target(text, &all_but(&[Format::Sarif]))
}

fn all_but(others: &[Format]) -> Vec<(&'static str, Format)> {
    FORMATS.into_iter().filter(|(_, format)| !others.contains(format)).collect()
}

/// The same for a run: SARIF is for faults in files and has no words for what a handler did.
pub(super) fn run_target(text: &str) -> Result<Target, String> {
    target(text, &all_but(&[Format::Sarif, Format::Tap]))
}

/// The same for a search for payloads, each way to fail being a test point.
pub(super) fn fuzz_target(text: &str) -> Result<Target, String> {
    target(text, &all_but(&[Format::Sarif]))
}

fn target(text: &str, formats: &[(&str, Format)]) -> Result<Target, String> {
    let (name, file) = match text.split_once('=') {
        Some((_, "")) => return Err("a file name was expected after `=`".to_owned()),
        Some((name, file)) => (name, Some(file.into())),
        None => (text, None),
    };
    match formats.iter().find(|(known, _)| *known == name) {
        Some(&(_, format)) => Ok(Target { format, file }),
        None => {
            let known = list(formats.iter().map(|&(known, _)| known));
            Err(format!("`{name}` is not a format here: {known} are, each also with `=FILE`"))
        }
    }
}

/// What keeps these targets from being written side by side: two of them in one place, where neither could be read.
/// Annotations may stand among what people read: the runner picks them out.
pub(super) fn clash(targets: &[Target]) -> Option<String> {
    let mixes =
        |a: Format, b: Format| matches!((a, b), (Format::Human, Format::GitHub) | (Format::GitHub, Format::Human));
    targets.iter().enumerate().find_map(|(at, target)| {
        let other = targets[..at].iter().find(|other| other.file == target.file)?;
        match &target.file {
            None if mixes(target.format, other.format) => None,
            None => Some(
                "two formats go to standard output: give one of them a file, as in `--format json=FILE`".to_owned(),
            ),
            Some(file) => Some(format!("two formats go to `{}`: give each a file of its own", file.display())),
        }
    })
}

/// `html=FILE`: a report that is written when all is over.
pub(super) fn report(text: &str) -> Result<Report, String> {
    match text.split_once('=') {
        Some(("html", file)) if !file.is_empty() => Ok(Report { kind: ReportKind::Html, file: file.into() }),
        Some(("html", _)) => Err("a file name was expected after `=`".to_owned()),
        None if text == "html" => Err("a report needs a file: `html=FILE`".to_owned()),
        _ => Err(format!("`{text}` is no report: `html=FILE` is")),
    }
}

/// What keeps reports from being written: two of them, or a format, in one file.
pub(super) fn clash_of_reports(targets: &[Target], reports: &[Report]) -> Option<String> {
    let formats = targets.iter().filter_map(|target| target.file.as_ref());
    let files: Vec<_> = formats.chain(reports.iter().map(|report| &report.file)).collect();
    let doubled = (0..files.len()).find(|at| files[..*at].contains(&files[*at]))?;
    Some(format!("two reports go to `{}`: give each a file of its own", files[doubled].display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("3"), Ok(Duration::from_secs(3)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "s", "-1s", "0", "1h", "1e9", "1..2", "99999999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_of_memory_are_read() {
        assert_eq!(memory("256"), Ok(256 << 20));
        assert_eq!(memory("256MiB"), Ok(256 << 20));
        assert_eq!(memory("1g"), Ok(1 << 30));
        for bad in ["", "MiB", "1.5G", "1K", "999999999999999999G", "12x"] {
            assert!(memory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(
            time("2026-01-31T12:00:00.1234Z").map(|time| time.to_string()),
            Ok("2026-01-31T12:00:00.123Z".to_owned())
        );
        assert_eq!(time("1571036504512").map(|time| time.to_string()), Ok("2019-10-14T07:01:44.512Z".to_owned()));
        assert!(time("yesterday").is_err());
    }

    #[test]
    fn formats_are_read_with_and_without_a_file() {
        assert_eq!(
            check_target("sarif=a=b.sarif"),
            Ok(Target { format: Format::Sarif, file: Some("a=b.sarif".into()) })
        );
        assert_eq!(run_target("junit"), Ok(Target { format: Format::Junit, file: None }));
        for bad in ["", "xml", "json=", "=x", "JSON"] {
            assert!(check_target(bad).is_err(), "{bad}");
        }
        assert!(run_target("sarif").is_err());
    }

    #[test]
    fn two_formats_in_one_place_are_refused() {
        let targets = |texts: &[&str]| texts.iter().map(|text| check_target(text)).collect::<Result<Vec<_>, _>>();
        for bad in [&["json", "human"][..], &["human", "human"], &["sarif=x", "junit=x"], &["junit", "github"]] {
            assert!(targets(bad).is_ok_and(|targets| clash(&targets).is_some()), "{bad:?}");
        }
        for good in [&["human", "github", "sarif=x", "junit=y"][..], &[], &["json=x", "json"]] {
            assert!(targets(good).is_ok_and(|targets| clash(&targets).is_none()), "{good:?}");
        }
    }
}
