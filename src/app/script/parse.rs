//! Parsing JavaScript on a stack that is large enough for the deepest text that could stand there.
//!
//! The parser and the walk call themselves once or more per level of nesting, and neither counts levels. So each file is
//! read on a thread of its own, whose stack is sized by how many tokens the text could nest at most. The pages of a stack
//! cost nothing until they are used.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use oxc_allocator::Allocator;
use oxc_ast::ast::Program;
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

use super::place;
use crate::model::{Code, Finding, Findings};
use crate::text::Source;

/// Stack that one token can use at most, in bytes. Measured over the constructs in this module's tests: 1.6 KiB in a
/// release build, 2.9 KiB in a debug build; the rest is reserve.
const STACK_PER_TOKEN: usize = if cfg!(debug_assertions) { 12 << 10 } else { 4 << 10 };

/// Stack that is there at least, in bytes.
const SMALLEST_STACK: usize = 256 << 10;

/// The largest stack that is asked for, in bytes. Only addresses are taken, so it is far more than a machine must have.
const LARGEST_STACK: usize = 4 << 30;

/// How long one file may take. A handler takes a millisecond; some senseless texts take time in the square of their
/// length or worse: a few hundred arrow functions, each in a default of the next one's parameters. No limit of depth tells
/// them from code, since other ways to nest cost nothing, and brackets cannot be counted without parsing.
const LONGEST: Duration = Duration::from_secs(5);

/// What to write instead of ES modules' syntax.
pub const INSTEAD_OF_MODULES: &str =
    "the platform loads no ES modules: write `const x = require('./x')` and `exports = { … };`";

/// Syntax errors that are told of one file. One is the rule; after the first few the parser is lost.
const MOST_ERRORS: usize = 20;

/// Parses `source` as sloppy-mode script and hands the program to `read`, on another thread.
///
/// With syntax errors the program holds what was understood, which may be nothing.
///
/// # Errors
/// A finding where the text could nest too deeply to be parsed safely, or takes too long.
pub fn parsed<T: Send + 'static>(
    source: &Source,
    read: impl FnOnce(&Program<'_>, &Source) -> T + Send + 'static,
) -> Result<(T, Findings), Finding> {
    let unread = |why: &str| {
        Finding::new(Code::ScriptSyntax, format!("the file cannot be read without running it: {why}"))
            .in_file(source.file())
    };
    let stack = nestable(source.text()).saturating_mul(STACK_PER_TOKEN).saturating_add(SMALLEST_STACK);
    if stack > LARGEST_STACK {
        return Err(unread("it is too large"));
    }
    let (sender, receiver) = channel();
    let owned = source.clone();
    thread::Builder::new()
        .name("parse".to_owned())
        .stack_size(stack)
        // Nobody is left to tell where the receiver has given up.
        .spawn(move || drop(sender.send(parse_here(&owned, read))))
        .map_err(|_| unread("it is too large"))?;
    receiver.recv_timeout(LONGEST).map_err(|error| {
        unread(match error {
            RecvTimeoutError::Timeout => "it takes too long",
            RecvTimeoutError::Disconnected => "the parser failed",
        })
    })
}

fn parse_here<T>(source: &Source, read: impl FnOnce(&Program<'_>, &Source) -> T) -> (T, Findings) {
    let allocator = Allocator::default();
    // The platform runs the file inside a function, where a `return` is allowed.
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, source.text(), SourceType::script()).with_options(options).parse();
    let findings = findings(parsed.diagnostics.into_vec(), source);
    (read(&parsed.program, source), findings)
}

/// Syntax errors as findings.
pub(super) fn findings(diagnostics: Vec<OxcDiagnostic>, source: &Source) -> Findings {
    let mut findings = Findings::new();
    for diagnostic in diagnostics.into_iter().take(MOST_ERRORS) {
        let message = diagnostic.message.trim_end_matches('.').replace("`EOF`", "the end of the file");
        let help = diagnostic.help.as_ref().map(|help| lower_first(help.trim_end_matches('.')));
        // Of `import` and `export`.
        let is_module = message.ends_with("statement outside a module");
        let hint = if is_module { Some(INSTEAD_OF_MODULES.to_owned()) } else { help };
        let finding = Finding::new(Code::ScriptSyntax, lower_first(&message)).maybe_hint(hint);
        let range = diagnostic.labels.first().map(|label| {
            let start = label.offset() as usize;
            start..start + label.len() as usize
        });
        findings.push(match range {
            Some(range) => finding.at(place(source, range)),
            None => finding.in_file(source.file()),
        });
    }
    findings
}

/// `Unexpected token` as `unexpected token`; words that begin with several capitals stay.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// How many levels the text can nest at most: its tokens, without those that never open a level. Text in strings and
/// comments is counted, too: too many is safe.
fn nestable(text: &str) -> usize {
    let mut count = 0;
    let mut in_word = false;
    for byte in text.bytes() {
        let word = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80;
        let flat = byte.is_ascii_whitespace() || matches!(byte, b';' | b',' | b'"' | b'\'' | b')' | b']' | b'}');
        count += usize::from(if word { !in_word } else { !flat });
        in_word = word;
    }
    count
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn read(text: String) -> Result<Findings, Finding> {
        let source = Source::new("server.js", text.into_bytes()).unwrap_or_else(|finding| panic!("{finding:?}"));
        parsed(&source, |program, _| oxc_ast_visit::Visit::visit_program(&mut Nothing, program))
            .map(|((), found)| found)
    }

    struct Nothing;
    impl oxc_ast_visit::Visit<'_> for Nothing {}

    /// The parser takes time in the square of the levels for this one.
    pub(in crate::app::script) const QUADRATIC: &str = "({a:b=";

    /// Ways to nest, as (opening, middle, closing).
    pub(in crate::app::script) const WAYS: &[(&str, &str, &str)] = &[
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{", "", "}"),
        ("({a:", "1", "})"),
        ("f(", "", ")"),
        ("!", "1", ""),
        ("- ", "1", ""),
        ("typeof ", "1", ""),
        ("new ", "X", ""),
        ("a=>", "1", ""),
        ("a=>{", "", "}"),
        ("(a=", "1", ")=>1"),
        ("async()=>", "1", ""),
        ("a?b:", "c", ""),
        ("a?", "b", ":c"),
        ("a=", "1", ""),
        ("a**", "1", ""),
        ("a+", "1", ""),
        ("a&&", "1", ""),
        ("a??", "1", ""),
        ("a.", "b", ""),
        ("a?.", "b", ""),
        ("if(1)", ";", ""),
        ("if(1);else ", ";", ""),
        ("for(;;)", ";", ""),
        ("while(1)", ";", ""),
        ("do ", ";", " while(0)"),
        ("with(a)", ";", ""),
        ("b:", ";", ""),
        ("try{", "", "}finally{}"),
        ("switch(1){case 1:", "", "}"),
        ("function f(){", "", "}"),
        ("(function(){", "", "})()"),
        ("x=function(a=", "1", "){}"),
        ("x=class extends ", "Y", "{}"),
        ("x=class{m(){", "", "}}"),
        ("x=class{static{", "", "}}"),
        ("`${", "1", "}`"),
        ("let[a=", "1", "]=b"),
        ("[a=", "1", "]=b"),
        ("({a:b=", "1", "}=c)"),
        ("a`", "", "`"),
        ("a[", "1", "]"),
        ("(a,", "1", ")"),
        ("a in ", "b", ""),
        ("await ", "b", ""),
        ("yield ", "b", ""),
        ("import(", "b", ")"),
        ("<", "b", ""),
        ("/", "b", ""),
        ("(", "", ""),
        ("[", "", ""),
        ("{", "", ""),
        ("({", "", ""),
        ("`${", "", ""),
        ("function(", "", ""),
    ];

    #[test]
    fn no_nesting_is_too_deep_for_the_stack() {
        for (open, middle, close) in WAYS {
            let levels = if *open == QUADRATIC { 500 } else { 10_000 };
            let text = format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
            let _ = read(text);
        }
    }

    #[test]
    fn a_hundred_thousand_arrays_are_read_or_refused() {
        assert!(read(format!("exports = {}{}", "[".repeat(100_000), "]".repeat(100_000))).is_ok());
        let refused = read("[".repeat(5_000_000)).err().map(|finding| finding.code);
        assert_eq!(refused, Some(Code::ScriptSyntax));
    }

    #[test]
    fn a_fault_in_each_of_many_statements_is_told_a_few_times() {
        let findings = read("a = 1 2;".repeat(10_000)).unwrap_or_default();
        assert!((1..=MOST_ERRORS).contains(&findings.len()), "{}", findings.len());
    }

    #[test]
    fn a_fault_is_placed_and_reads_like_ours() {
        let findings = read("exports = {\n  a: function( {}\n};\n".to_owned()).unwrap_or_default();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place.span.map(|span| span.start.line), Some(3));
        assert!(findings[0].message.starts_with(|c: char| c.is_lowercase() || c == '`'), "{}", findings[0].message);
    }

    #[test]
    fn a_return_at_the_top_is_allowed() {
        assert_eq!(read("if (x) return;\nundeclared = 010;".to_owned()), Ok(Vec::new()));
    }
}
