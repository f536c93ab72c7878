//! Coverage as a page: the numbers, and the source with what was not reached marked. It asks for nothing from elsewhere.

use std::fmt::Write as _;

use super::collector::Covered;
use super::lines::split;
use super::map::{BranchKind, Loc, Point};
use super::summary::line_counts;
use crate::model::{Coverage, EventCoverage, FiredEvent, Measure, Share, Shares, Unsent};

const STYLE: &str = include_str!("page.css");

/// A page of its own.
pub fn page(coverage: &Coverage, files: &[Covered<'_>]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Coverage</title>\n</head>\n<body>\n<h1>Coverage</h1>\n{}",
        table(coverage, |at, name| format!("<a href=\"#file-{at}\">{name}</a>"))
    );
    for (at, file) in files.iter().enumerate() {
        listing(&mut text, at, file);
    }
    text.push_str("</body>\n</html>\n");
    text
}

/// The numbers alone, as a `<section>` that brings its own style, for a page of somebody else's.
pub fn section(coverage: &Coverage) -> String {
    table(coverage, |_, name| name.to_owned())
}

/// The numbers; `file` makes a cell of a file's number and name.
fn table(coverage: &Coverage, file: impl Fn(usize, &str) -> String) -> String {
    let mut text = format!(
        "<section class=\"coverage\">\n<style>{STYLE}</style>\n<div class=\"scroll\"><table>\n<tr><th>file</th>"
    );
    for measure in Measure::ALL {
        let _ = write!(text, "<th>{}</th>", measure.name());
    }
    text.push_str("</tr>\n");
    for (at, one) in coverage.files.iter().enumerate() {
        row(&mut text, &file(at, &escaped(&one.file)), &one.shares);
    }
    row(&mut text, "<b>all files</b>", &coverage.total);
    text.push_str("</table></div>\n");
    events(&mut text, &coverage.events);
    text.push_str("</section>\n");
    text
}

fn row(text: &mut String, name: &str, shares: &Shares) {
    let _ = write!(text, "<tr><td>{name}</td>");
    for measure in Measure::ALL {
        let share = shares.of(measure);
        let Share { covered, total } = share;
        let class = level(share);
        let _ = write!(text, "<td class=\"{class}\">{:.2}% <small>{covered}/{total}</small></td>", share.percent());
    }
    text.push_str("</tr>\n");
}

fn level(share: Share) -> &'static str {
    match share.basis_points() {
        8000.. => "good",
        5000.. => "middling",
        _ => "bad",
    }
}

fn events(text: &mut String, events: &EventCoverage) {
    text.push_str("<h2>Events</h2>\n<ul class=\"events\">\n");
    for FiredEvent { event, fired, forms, never } in &events.events {
        let _ = write!(text, "<li><code>{}</code> ", escaped(event));
        if *fired == 0 {
            text.push_str("<b class=\"bad\">never fired</b></li>\n");
            continue;
        }
        let _ = write!(text, "fired {fired}\u{d7}, {} of {} forms of its payload", forms.covered, forms.total);
        if !never.is_empty() {
            let _ = write!(text, "\n<details><summary>{} never sent</summary><ul>", never.len());
            for Unsent { path, form } in never {
                let _ = write!(text, "<li><code>{}</code> {}</li>", escaped(path), escaped(form));
            }
            text.push_str("</ul></details>");
        }
        text.push_str("</li>\n");
    }
    text.push_str("</ul>\n");
}

/// One file, line by line.
fn listing(text: &mut String, at: usize, file: &Covered<'_>) {
    let lines = split(file.source.text());
    let mut marked = Marked::new(&lines);
    marked.mark(file);
    let counts = line_counts(file.map, &file.counted);
    let shares = super::summary::shares(file.map, &file.counted);
    let name = escaped(&file.source.file().to_string_lossy());
    let open = if shares.lines.covered < shares.lines.total { " open" } else { "" };
    let _ = writeln!(
        text,
        "<details class=\"file\" id=\"file-{at}\"{open}><summary><b>{name}</b> <span class=\"{}\">{:.2}% of the lines</span></summary>\n<div class=\"scroll\"><table class=\"source\">",
        level(shares.lines),
        shares.lines.percent(),
    );
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        let count = counts.get(&super::lines::to_u32(number)).copied();
        let (class, told) = match count {
            None => ("", String::new()),
            Some(0) => ("bad", "0\u{d7}".to_owned()),
            Some(count) => ("good", format!("{count}\u{d7}")),
        };
        let _ = write!(text, "<tr><td>{number}</td><td class=\"{class}\">{told}</td><td><code>");
        marked.write_line(text, index, line);
        text.push_str("</code></td></tr>\n");
    }
    text.push_str("</table></div></details>\n");
}

/// What is wrong with a piece of source, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    None,
    Function,
    Statement,
    Branch,
}

/// A file's lines, with a mark for each UTF-16 unit, and what is said before one.
struct Marked {
    marks: Vec<Vec<Mark>>,
    /// By line: the column, and what is said.
    said: Vec<Vec<(usize, &'static str, &'static str)>>,
}

impl Marked {
    fn new(lines: &[&str]) -> Self {
        let marks = lines.iter().map(|line| vec![Mark::None; line.encode_utf16().count()]).collect();
        Self { marks, said: vec![Vec::new(); lines.len()] }
    }

    fn mark(&mut self, file: &Covered<'_>) {
        let Covered { map, counted, .. } = file;
        for (function, _) in map.functions.iter().zip(&counted.functions).filter(|(_, count)| **count == 0) {
            self.put(function.decl, Mark::Function);
        }
        for (loc, _) in map.statements.iter().zip(&counted.statements).filter(|(_, count)| **count == 0) {
            self.put(*loc, Mark::Statement);
        }
        for (branch, counts) in map.branches.iter().zip(&counted.branches) {
            // Where no way was taken, the statement is marked already.
            if counts.iter().all(|count| *count == 0) {
                continue;
            }
            for (way, _) in counts.iter().enumerate().filter(|(_, count)| **count == 0) {
                match (branch.kind, branch.paths.get(way)) {
                    (BranchKind::If, _) if way == 0 => self.say(branch.loc.start, "I", "the condition never held"),
                    (BranchKind::If, _) => self.say(branch.loc.start, "E", "the condition always held"),
                    (_, Some(Some(loc))) => self.put(*loc, Mark::Branch),
                    _ => {}
                }
            }
        }
    }

    fn put(&mut self, loc: Loc, mark: Mark) {
        let Loc { start, end } = loc;
        for line in start.line..=end.line {
            let Some(marks) = self.marks.get_mut(line as usize - 1) else { return };
            let from = if line == start.line { start.column as usize } else { 0 };
            let to = if line == end.line { end.column as usize } else { marks.len() };
            let to = to.min(marks.len());
            for place in marks.get_mut(from.min(to)..to).unwrap_or_default() {
                *place = mark.max(*place);
            }
        }
    }

    fn say(&mut self, at: Point, letter: &'static str, why: &'static str) {
        if let Some(said) = self.said.get_mut(at.line as usize - 1) {
            said.push((at.column as usize, letter, why));
        }
    }

    fn write_line(&self, text: &mut String, index: usize, line: &str) {
        let (marks, said) = (&self.marks[index], &self.said[index]);
        let mut unit = 0;
        let mut open = Mark::None;
        let indent = line.len() - line.trim_start().len();
        for (at, char) in line.char_indices() {
            // White space before the code is nothing that could have been reached.
            let mark = if at < indent { Mark::None } else { marks.get(unit).copied().unwrap_or(Mark::None) };
            let speaks = said.iter().any(|(column, ..)| *column == unit);
            if mark != open || speaks {
                close(text, open);
                for (_, letter, why) in said.iter().filter(|(column, ..)| *column == unit) {
                    let _ = write!(text, "<abbr title=\"{why}\">{letter}</abbr>");
                }
                begin(text, mark);
                open = mark;
            }
            push_escaped(text, char);
            unit += char.len_utf16();
        }
        close(text, open);
    }
}

fn begin(text: &mut String, mark: Mark) {
    let (class, why) = match mark {
        Mark::None => return,
        Mark::Function => ("fn", "never called"),
        Mark::Statement => ("st", "never reached"),
        Mark::Branch => ("br", "never taken"),
    };
    let _ = write!(text, "<mark class=\"{class}\" title=\"{why}\">");
}

fn close(text: &mut String, mark: Mark) {
    if mark != Mark::None {
        text.push_str("</mark>");
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    text.chars().for_each(|char| push_escaped(&mut safe, char));
    safe
}

fn push_escaped(text: &mut String, char: char) {
    match char {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '"' => text.push_str("&quot;"),
        '\'' => text.push_str("&#39;"),
        // Nothing that a browser may not be given, or that turns the reading direction round.
        '\t' => text.push('\t'),
        char if char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            text.push('\u{fffd}');
        }
        char => text.push(char),
    }
}
