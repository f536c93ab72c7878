//! The page as a whole.

use std::fmt::Write as _;
use std::time::Duration;

use super::text::escape;
use super::{End, Kind, Result, Run};
use crate::model::Verdict;
use crate::report::human::show_duration;

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// What the browser is told to let in: the style above and nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Flaky => "flaky",
            Self::Failed => "failed",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Held => "is-good",
            Self::Flaky => "is-warn",
            Self::Failed => "is-bad",
        }
    }
}

impl Run {
    /// The page, with further sections of these titles and contents.
    pub(super) fn page(&self, sections: &[(String, String)]) -> String {
        let mut html = String::with_capacity(self.size + (32 << 10));
        let (word, class) = self.verdict();
        let (verb, head) = if self.is_of_cases { ("fuzz", "Cases") } else { ("test", "Scenarios") };
        let _ = writeln!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>simctl {verb}: {word}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{head} <span class=\"badge {class}\">{word}</span></h1>"
        );
        let _ = writeln!(html, "<p class=\"faint\"><code>{}</code></p>", self.command);
        self.push_counts(&mut html);
        if !self.found.is_empty() {
            let _ = writeln!(html, "<section><h2>Findings</h2>{}</section>", self.found);
        }
        self.push_failures(&mut html);
        for (title, content) in sections {
            let _ = writeln!(html, "<section><h2>{}</h2>\n{content}\n</section>", escape(title));
        }
        self.push_results(&mut html);
        let app = if self.app.is_empty() || self.app == "." { String::new() } else { format!(", app {}", self.app) };
        let _ = writeln!(html, "<footer>simctl {}{app}</footer>\n</main>\n</body>\n</html>", self.version);
        html
    }

    /// In a word, and how that looks.
    fn verdict(&self) -> (String, &'static str) {
        match &self.end {
            None => ("ended early".to_owned(), "failed"),
            Some(End { interrupted: true, .. }) => ("interrupted".to_owned(), "flaky"),
            Some(End { exit_code, .. }) if *exit_code > Verdict::Problems.exit_code() => {
                (format!("not all could be played: exit code {exit_code}"), "failed")
            }
            Some(End { failed, .. }) if *failed > 0 => (format!("{failed} failed"), "failed"),
            Some(End { flaky, .. }) if *flaky > 0 => ("held, some flaky".to_owned(), "flaky"),
            Some(_) => ("all held".to_owned(), "held"),
        }
    }

    fn push_counts(&self, html: &mut String) {
        let count = |kind| self.results.iter().filter(|result| result.kind == kind).count() as u64;
        let ended = self.end.as_ref();
        let failed = ended.map_or_else(|| count(Kind::Failed), |end| end.failed);
        let flaky = ended.map_or_else(|| count(Kind::Flaky), |end| end.flaky);
        let held = ended.map_or_else(|| count(Kind::Held), |end| end.held - end.flaky.min(end.held));
        let left = ended.map_or(0, |end| end.left);
        let time: Duration = self.results.iter().map(|result| result.took).sum();
        html.push_str("<ul class=\"counts\">");
        for (count, what, class) in [
            (held, "held", "is-good"),
            (failed, "failed", "is-bad"),
            (flaky, "flaky", "is-warn"),
            (left, "not played", ""),
        ] {
            let class = if count == 0 { "" } else { class };
            if count > 0 || matches!(what, "held" | "failed") {
                let _ = write!(html, "<li class=\"{class}\"><b>{count}</b>{what}</li>");
            }
        }
        let _ = writeln!(html, "<li><b>{}</b>added up</li></ul>", show_duration(time));
        let all = (held + failed + flaky + left).max(1);
        html.push_str("<div class=\"share\" aria-hidden=\"true\">");
        for (count, class) in [(held, "is-good"), (flaky, "is-warn"), (failed, "is-bad")] {
            if count > 0 {
                let _ = write!(html, "<i class=\"{class}\" style=\"flex:{count} 0 0\"></i>");
            }
        }
        if left > 0 {
            let _ = write!(html, "<i style=\"flex:{} 0 0\"></i>", left.min(all));
        }
        html.push_str("</div>\n");
    }

    /// A list of what failed, in which each leads to its place further down.
    fn push_failures(&self, html: &mut String) {
        let failures = || self.results.iter().enumerate().filter(|(_, result)| result.kind != Kind::Held);
        if self.results.len() < 2 || failures().next().is_none() {
            return;
        }
        html.push_str("<nav><h2>What to look at</h2><ul>");
        for (number, result) in failures() {
            let word = result.kind.word();
            let _ = write!(
                html,
                "<li><a href=\"#s{number}\">{}</a> <span class=\"badge {word}\">{word}</span></li>",
                result.name
            );
        }
        html.push_str("</ul></nav>\n");
    }

    fn push_results(&self, html: &mut String) {
        let (head, nothing) = match self.is_of_cases {
            true => ("Each way to fail, by the smallest case", "No case failed."),
            false => ("All scenarios", "None was played to its end."),
        };
        let _ = writeln!(html, "<section><h2>{head}</h2>");
        let longest = self.results.iter().map(|result| result.took).max().unwrap_or_default();
        for (number, result) in self.results.iter().enumerate() {
            let Result { kind, name, file, how, took, inside } = result;
            let (word, class) = (kind.word(), kind.class());
            let open = if *kind == Kind::Failed { " open=\"\"" } else { "" };
            let share = took.as_secs_f64() / longest.as_secs_f64().max(f64::MIN_POSITIVE) * 100.0;
            let _ = writeln!(
                html,
                "<details class=\"scenario {class}\" id=\"s{number}\"{open}><summary>\
                 <span class=\"badge {word}\">{word}</span> <span class=\"name\">{name}</span> \
                 <span class=\"took\">{how}</span> <code class=\"file\">{file}</code>\
                 <span class=\"timing\" aria-hidden=\"true\"><i style=\"width:{share:.1}%\"></i></span></summary>\
                 <div class=\"inside\">{inside}</div></details>"
            );
        }
        if self.results.is_empty() {
            let _ = write!(html, "<p>{nothing}</p>");
        }
        html.push_str("</section>\n");
    }
}
