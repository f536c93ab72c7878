//! `simctl explain [CODE]`: what a code means, why it matters, and how to mend what earned it.

use super::Context;
use crate::model::{Code, Severity, Verdict};
use crate::report::{Paint, explanation};
use crate::text::nearest;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainOptions {
    /// The code; all of them where none is named.
    pub code: Option<String>,
}

/// Prints the page of a code, or lists all codes.
pub fn explain(context: &Context, options: &ExplainOptions) -> Verdict {
    let paint = Paint::new(context.console.color_out);
    let Some(asked) = &options.code else { return context.console.write(&list_all(paint)) };
    // As it is copied from a finding: `error[unknown-event]`.
    let name = asked.split_once('[').map_or(asked.as_str(), |(_, code)| code.trim_end_matches(']'));
    if let Some(code) = Code::ALL.iter().find(|code| code.name() == name) {
        return context.console.write(&page(*code, paint));
    }
    let near = nearest(name, Code::ALL.iter().map(|code| code.name()));
    let hint = near.map_or("`simctl explain` lists all codes".to_owned(), |near| format!("did you mean `{near}`?"));
    context.console.error(&format!("there is no code `{name}`"), Some(&hint));
    Verdict::CannotDo
}

fn list_all(paint: Paint) -> String {
    let widest = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or(0);
    let line = |code: &Code| {
        let name = paint.strong(&format!("{:widest$}", code.name()));
        format!("{name}  {:7}  {}\n", code.severity().name(), code.meaning())
    };
    Code::ALL.iter().map(line).collect()
}

/// The page as a terminal shows it: headings stand out, examples are indented below the name of their file.
fn page(code: Code, paint: Paint) -> String {
    let head = format!("{}[{}]", code.severity().name(), code.name());
    let head = match code.severity() {
        Severity::Error => paint.bad(&head),
        Severity::Warning => paint.warn(&head),
        Severity::Note => paint.hint(&head),
    };
    let mut text = format!("{head}: {}\n", paint.strong(code.meaning()));
    // The page begins with what was just said.
    let body = explanation(code).split_once("\n## ").map_or("", |(_, body)| body);
    let (mut fenced, mut blank) = (false, false);
    for line in format!("## {body}").lines() {
        if let Some(info) = line.strip_prefix("```") {
            fenced = !fenced;
            if fenced && let Some(file) = info.split_whitespace().nth(2) {
                text.push_str(&format!("  {}\n", paint.faint(file)));
            }
        } else if fenced {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        } else if let Some(heading) = line.strip_prefix("## ") {
            let gap = if blank { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", paint.strong(heading)));
            blank = true;
            continue;
        } else if !line.is_empty() {
            text.push_str(&format!("{line}\n"));
        } else if !blank {
            text.push('\n');
        }
        blank = line.is_empty();
    }
    format!("{}\n", text.trim_end())
}
