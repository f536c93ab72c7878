//! Installation parameters that are declared and that nothing reads.
//!
//! A parameter counts as read where its name stands anywhere: in a script, its comments included, in a file in `config/`,
//! in the manifest. Where parameters are read by names that are known only when the code runs, or a payload is handed on as a
//! whole, nothing is said.

use crate::app::script::reading::is_builtin;
use crate::model::{Code, Finding, Findings};

use super::facts::{Base, Chain, Def};
use super::{File, Wants};

/// How many names in a row may stand for one another.
const LONGEST_ALIAS: usize = 16;

/// Notes the parameters that nothing reads.
pub(super) fn check(files: &[File], wants: &Wants, findings: &mut Findings) {
    // Where one is misspelled, the other half of the slip is no news.
    let is_misspelled = findings.iter().any(|finding| finding.code == Code::UnknownIparam);
    if is_misspelled || wants.declared_iparams.is_empty() || !files.iter().all(is_clear) {
        return;
    }
    let texts = || files.iter().map(|file| file.source.text()).chain(wants.texts.iter().map(String::as_str));
    for (name, place) in wants.declared_iparams.iter().filter(|(name, _)| !texts().any(|text| text.contains(name))) {
        let what = format!("the installation parameter `{name}` is declared, and nothing reads it");
        let hint = "take it away, or who installs the app is asked for it in vain";
        findings.push(Finding::new(Code::UnusedIparam, what).at(place.clone()).hint(hint));
    }
}

/// Whether all that a file reads of the parameters can be seen in its text.
fn is_clear(file: &File) -> bool {
    let is_known = |specifier: &Option<String>| {
        specifier.as_ref().is_some_and(|specifier| file.modules.contains_key(specifier) || is_builtin(specifier))
    };
    file.is_sound
        && file.contents.requires.iter().all(|(specifier, _)| is_known(specifier))
        && reads_by_name(file.source.text())
        && !hands_on(file)
}

/// Whether a function hands a parameter of its own, such as the whole payload, to who knows whom: `JSON.stringify(payload)`.
fn hands_on(file: &File) -> bool {
    let facts = &file.facts;
    let is_whole = |def: &Def| {
        let mut def = def;
        for _ in 0..LONGEST_ALIAS {
            let Def::Chain(Chain { base, steps }) = def else { return false };
            match base {
                _ if !steps.is_empty() => return false,
                Base::Param(..) => return true,
                Base::Symbol(symbol) => match facts.defs.get(symbol) {
                    Some(known) => def = known,
                    None => return false,
                },
                Base::Require(_) | Base::Exports => return false,
            }
        }
        true
    };
    // A function of the app's is read itself.
    let is_own = |callee: &Def| match callee {
        Def::Chain(Chain { base: Base::Symbol(symbol), steps }) => {
            steps.is_empty() && matches!(facts.defs.get(symbol), Some(Def::Function(_)))
        }
        Def::Chain(Chain { base: Base::Exports, .. }) | Def::Function(_) => true,
        _ => false,
    };
    facts.calls.iter().any(|call| !is_own(&call.callee) && call.args.iter().any(is_whole))
}

/// Whether a literal name follows each `iparams` and `iparam` of a script.
fn reads_by_name(text: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices("iparam").all(|(at, word)| {
        let rest = &text[at + word.len()..];
        let rest = rest.strip_prefix('s').unwrap_or(rest).trim_start();
        let rest = rest.strip_prefix('?').unwrap_or(rest);
        match rest.strip_prefix('.') {
            Some(member) => {
                let member = member.trim_start();
                member.starts_with(is_of_name) || member.starts_with(['[']) && is_literal(member)
            }
            None => is_literal(rest),
        }
    })
}

/// Whether what follows is `['name']`.
fn is_literal(rest: &str) -> bool {
    rest.strip_prefix('[').is_some_and(|inner| inner.trim_start().starts_with(['\'', '"']))
}

#[cfg(test)]
mod tests {
    use super::reads_by_name;

    #[test]
    fn a_name_known_only_at_run_time_is_no_clear_read() {
        for clear in [
            "payload.iparams.team",
            "payload.iparams?.team",
            "payload.iparams['team']",
            "payload.iparams\n    .team",
            "payload.iparams?.[\"team\"]",
            "'<%= iparam.key %>'",
            "no parameters",
        ] {
            assert!(reads_by_name(clear), "{clear}");
        }
        for unclear in [
            "payload.iparams[name]",
            "const { iparams } = payload",
            "const { iparams: p } = payload",
            "const p = payload.iparams;",
            "Object.keys(payload.iparams)",
            "payload['iparams'].team",
            "send(args.iparams)",
            "const iparamsOf = p => p",
        ] {
            assert!(!reads_by_name(unclear), "{unclear}");
        }
    }
}
