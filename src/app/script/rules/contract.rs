//! The contract between handler and payload: what a callback reads, beside what its events' schemas say is there.
//!
//! A callback that serves several events is told only what is missing in all of them.

use std::collections::HashSet;
use std::ops::Range;

use crate::model::{Code, Finding, Findings, Platform};
use crate::schema::{Schemas, Shape};
use crate::text::{list, nearest};

use super::at::{At, allows, at, pointer, written};
use super::facts::{Chain, Compare, Def, Name};
use super::flow::{Flow, Origin};
use super::{File, Wants};

/// The one event whose `associations` the platform's documents call null.
const WITHOUT_ASSOCIATIONS: &str = "onUserCreate";

/// Checks every read of a payload in all files.
pub(super) fn check(files: &[File], wants: &Wants, schemas: &Schemas, findings: &mut Findings) {
    let flow = Flow::new(files, wants, schemas);
    if flow.handlers.is_empty() {
        return;
    }
    let mut checker = Checker {
        wants,
        schemas,
        flow: &flow,
        read: HashSet::new(),
        guarded: HashSet::new(),
        defaulted: HashSet::new(),
        written: HashSet::new(),
        told: HashSet::new(),
        told_order: HashSet::new(),
        findings,
    };
    for (number, file) in files.iter().enumerate() {
        checker.note(number, file);
    }
    for (number, file) in files.iter().enumerate() {
        for read in &file.facts.reads {
            checker.read(number, file, &read.chain);
        }
        for compare in &file.facts.compares {
            checker.compare(number, file, compare);
        }
    }
}

struct Checker<'c, 'f, 'w> {
    wants: &'c Wants,
    schemas: &'c Schemas,
    flow: &'c Flow<'f, 'w>,
    /// All that is read anywhere.
    read: HashSet<Origin>,
    /// All that is asked for before it is read.
    guarded: HashSet<Origin>,
    /// All that has a default, so that a null does no harm.
    defaulted: HashSet<Origin>,
    /// All that the app itself writes, or hands to someone who may.
    written: HashSet<Origin>,
    /// Places that something was said of.
    told: HashSet<(usize, usize)>,
    /// Callbacks that the order of changes was explained for.
    told_order: HashSet<usize>,
    findings: &'c mut Findings,
}

impl<'c> Checker<'c, '_, '_> {
    fn note(&mut self, number: usize, file: &File) {
        let facts = &file.facts;
        for read in &facts.reads {
            self.read.extend(self.flow.origins(number, &read.chain));
        }
        for chain in &facts.guards {
            self.guarded.extend(self.flow.origins(number, chain));
        }
        for chain in &facts.defaulted {
            self.defaulted.extend(self.flow.origins(number, chain));
        }
        for chain in &facts.writes {
            self.written.extend(self.flow.origins(number, chain));
        }
        for call in facts.calls.iter().filter(|call| self.flow.may_change(number, call)) {
            for arg in &call.args {
                let Def::Chain(chain) = arg else { continue };
                self.written.extend(self.flow.origins(number, chain));
            }
        }
    }

    /// Whether the app itself may have put there what it reads.
    fn is_written(&self, origin: &Origin) -> bool {
        (0..=origin.path.len())
            .any(|len| self.written.contains(&Origin { handler: origin.handler, path: origin.path[..len].to_vec() }))
    }

    fn read(&mut self, number: usize, file: &File, chain: &Chain) {
        let origins = self.flow.origins(number, chain);
        if origins.is_empty() || chain.steps.is_empty() || origins.iter().any(|origin| self.is_written(origin)) {
            return;
        }
        self.iparams(number, file, chain, &origins);
        self.null(number, file, chain, &origins);
        self.order(file, chain, &origins);
        let Some(missing) = self.missing(chain, &origins) else { return };
        let step = &chain.steps[missing.step];
        if self.told.contains(&(number, step.range.start)) {
            return;
        }
        let finding = self.unknown(&missing);
        if let Some(finding) = finding {
            self.tell(number, file, &step.range, finding);
        }
    }

    fn tell(&mut self, number: usize, file: &File, range: &Range<usize>, finding: Finding) {
        if self.told.insert((number, range.start)) {
            self.findings.push(finding.at(file.place(range)));
        }
    }

    /// Every event that an origin can be of: its name, what its payload looks like, and the path.
    /// Empty where one of them has no schema.
    fn events<'o>(&self, origins: &'o [Origin]) -> Vec<(&'c str, &'c Shape, &'o Origin)> {
        if origins.iter().any(|origin| self.flow.handlers[origin.handler].events.is_empty()) {
            return Vec::new();
        }
        let flow: &'c Flow<'_, '_> = self.flow;
        let events = origins.iter().flat_map(|origin| {
            flow.handlers[origin.handler].events.iter().map(move |(name, shape)| (*name, shape, origin))
        });
        events.collect()
    }

    /// The step of a chain that leads nowhere, whatever the event.
    fn missing<'o>(&self, chain: &Chain, origins: &'o [Origin]) -> Option<Missing<'c, 'o>> {
        let mut found: Option<Missing<'c, 'o>> = None;
        for (event, payload, origin) in self.events(origins) {
            let At::Missing(step, parent) = at(payload, &origin.path) else { return None };
            // What is missing before the chain begins was told where it was read.
            let own = step.checked_sub(origin.path.len().checked_sub(chain.steps.len())?)?;
            match &mut found {
                Some(found) if found.step >= own => found.events.push(event),
                _ => {
                    let mut events = found.take().map(|found| found.events).unwrap_or_default();
                    events.push(event);
                    found = Some(Missing { step: own, path: &origin.path[..=step], parent, payload, origin, events });
                }
            }
        }
        found
    }

    fn unknown(&self, missing: &Missing<'_, '_>) -> Option<Finding> {
        let (Name::Member(name), before) = missing.path.split_last()? else {
            let (_, before) = missing.path.split_last()?;
            let what = format!("`{}` is an object, not an array", written(before));
            return Some(Finding::new(Code::UnknownRead, what));
        };
        let guarded = self.guarded.contains(&Origin { handler: missing.origin.handler, path: missing.path.to_vec() });
        if before.is_empty()
            && let Some(finding) = self.other_platform(name)
        {
            return Some(finding).filter(|_| !guarded);
        }
        let right = missing.right(name, before);
        if guarded && right.as_ref().is_none_or(|right| self.reads(missing.origin.handler, right)) {
            return None;
        }
        let full = written(missing.path);
        let what = if allows(missing.parent, "object") {
            let mut events = missing.events.clone();
            events.sort_unstable();
            events.dedup();
            format!("{} hands over no `{full}`", list(events))
        } else {
            format!("`{}` is {}, which has no member `{name}`", written(before), kind(missing.parent))
        };
        let hint = match right {
            Some(right) => Some(format!("did you mean `payload.{right}`?")),
            None => missing.what_is_there(before),
        };
        Some(Finding::new(Code::UnknownRead, what).maybe_hint(hint))
    }

    /// Whether a callback reads the path, dotted, anywhere.
    fn reads(&self, handler: usize, path: &str) -> bool {
        let wanted = format!("payload.{path}");
        self.read.iter().any(|read| read.handler == handler && written(&read.path).starts_with(&wanted))
    }

    /// An attribute that only the other generation of the platform sends.
    fn other_platform(&self, name: &str) -> Option<Finding> {
        let (other, ours, theirs) = match self.wants.platform {
            Platform::V3 => ("shared/envelope-2", "3.0", "up to 2.3"),
            Platform::V2 => ("shared/envelope-3", "2.x", "from 3.0 on"),
        };
        self.schemas.shape(other).property(name)?;
        let what = format!("platform {ours} does not send `payload.{name}`; it is sent {theirs} only");
        let hint = match (self.wants.platform, name) {
            (Platform::V3, "domain") => Some("the products' addresses are in `payload.currentHost.endpoint_urls`"),
            (Platform::V3, _) => Some("what 3.0 tells of the account is in `payload.currentHost`"),
            (Platform::V2, "currentHost") => Some("2.x tells the account by `payload.domain` and `payload.account_id`"),
            _ => None,
        };
        Some(Finding::new(Code::UnknownRead, what).maybe_hint(hint.map(str::to_owned)))
    }

    /// `payload.iparams.x` that `config/iparams.json` does not declare.
    fn iparams(&mut self, number: usize, file: &File, chain: &Chain, origins: &[Origin]) {
        let Some(declared) = &self.wants.iparams else { return };
        let Some([Name::Member(first), Name::Member(name), ..]) = origins.first().map(|origin| origin.path.as_slice())
        else {
            return;
        };
        // Where the name was read by another chain, it was told there.
        let at = 1_usize.checked_sub(origins[0].path.len().saturating_sub(chain.steps.len()));
        let Some(step) = at.and_then(|at| chain.steps.get(at)) else { return };
        if first != "iparams" || declared.contains(name) || at_object(name) {
            return;
        }
        if origins.iter().any(|origin| origin.path.get(..2) != origins[0].path.get(..2)) {
            return;
        }
        let what = format!("`config/iparams.json` declares no installation parameter `{name}`");
        let near = nearest(name, declared.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let names = || {
            let mut names: Vec<&str> = declared.iter().map(String::as_str).collect();
            names.sort_unstable();
            (!names.is_empty() && names.len() <= 12).then(|| format!("it declares {}", list(names)))
        };
        let finding = Finding::new(Code::UnknownIparam, what).maybe_hint(near.or_else(names));
        self.tell(number, file, &step.range.clone(), finding);
    }

    /// `payload.data.associations.x` where it is null.
    fn null(&mut self, number: usize, file: &File, chain: &Chain, origins: &[Origin]) {
        let is_null = |(event, _, origin): (&str, &Shape, &Origin)| {
            let own = chain.steps.len().checked_sub(origin.path.len().saturating_sub(2));
            event == WITHOUT_ASSOCIATIONS
                && matches!(&origin.path[..], [Name::Member(data), Name::Member(name), _, ..]
                    if data == "data" && name == "associations")
                && own.is_some_and(|at| at < chain.steps.len() && !chain.steps[at].optional)
                && {
                    let asked = Origin { handler: origin.handler, path: origin.path[..2].to_vec() };
                    !self.guarded.contains(&asked) && !self.defaulted.contains(&asked)
                }
        };
        let events = self.events(origins);
        if events.is_empty() || !events.into_iter().all(is_null) {
            return;
        }
        let Some(step) =
            origins.first().and_then(|origin| chain.steps.get((chain.steps.len() + 2).checked_sub(origin.path.len())?))
        else {
            return;
        };
        let what =
            format!("`payload.data.associations` is null in `{WITHOUT_ASSOCIATIONS}`: reading a member of it throws");
        let hint = "ask first: `if (payload.data.associations) { … }`";
        self.tell(number, file, &step.range.clone(), Finding::new(Code::NullRead, what).hint(hint));
    }

    /// `changes.x[0]`: the platform's documents and its development kit order the pair differently.
    fn order(&mut self, file: &File, chain: &Chain, origins: &[Origin]) {
        let Some(last) = chain.steps.last() else { return };
        for (_, _, origin) in self.events(origins) {
            let [Name::Member(data), Name::Member(changes), inner @ .., Name::Index(0 | 1)] = origin.path.as_slice()
            else {
                continue;
            };
            let is_field = match inner {
                [Name::Member(_)] => true,
                [Name::Member(under), Name::Member(_)] => under == "model_changes",
                _ => false,
            };
            if data == "data" && changes == "changes" && is_field && self.told_order.insert(origin.handler) {
                let what = "which of the two values of a change is the new one is not the same everywhere";
                let finding = Finding::new(Code::ChangesOrder, what).at(file.place(&last.range)).hint(
                    "the documents give `[new, old]`; payloads with `model_changes` have been met as `[old, new]`: \
                     compare with `payload.data.user`, which holds the new value",
                );
                return self.findings.push(finding);
            }
        }
    }

    fn compare(&mut self, number: usize, file: &File, compare: &Compare) {
        let origins = self.flow.origins(number, &compare.chain);
        if origins.is_empty() || origins.iter().any(|origin| self.is_written(origin)) {
            return;
        }
        let mut can_be: Vec<&str> = Vec::new();
        for (_, payload, origin) in self.events(&origins) {
            let At::Here(shape) = at(payload, &origin.path) else { return };
            let before = can_be.len();
            can_be.extend(shape.choices().iter().chain(shape.constant()).filter_map(serde_json::Value::as_str));
            if can_be.len() == before {
                return;
            }
        }
        let text = match &compare.value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if can_be.is_empty() || can_be.contains(&text.as_str()) {
            return;
        }
        can_be.sort_unstable();
        can_be.dedup();
        let near = nearest(&text, can_be.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let what = format!("`{}` is never `{text}`: it can be {}", written(&origins[0].path), list(can_be));
        self.tell(number, file, &compare.range, Finding::new(Code::ImpossibleComparison, what).maybe_hint(near));
    }
}

/// Names that every object has.
fn at_object(name: &str) -> bool {
    matches!(name, "hasOwnProperty" | "toString" | "constructor" | "valueOf")
}

fn kind(shape: &Shape) -> &'static str {
    match () {
        () if allows(shape, "array") => "an array",
        () if allows(shape, "string") => "a string",
        () if allows(shape, "number") || allows(shape, "integer") => "a number",
        () if allows(shape, "boolean") => "a boolean",
        () => "null",
    }
}

/// A step that leads nowhere.
struct Missing<'s, 'o> {
    /// Its number in the chain.
    step: usize,
    /// The path up to it, with it.
    path: &'o [Name],
    /// What stands before it.
    parent: &'s Shape,
    payload: &'s Shape,
    origin: &'o Origin,
    events: Vec<&'s str>,
}

impl Missing<'_, '_> {
    /// The path, dotted, that was most likely meant.
    fn right(&self, name: &str, before: &[Name]) -> Option<String> {
        let front = written(before);
        let front = front.strip_prefix("payload").unwrap_or("").trim_start_matches('.').to_owned();
        let joined = |name: &str| if front.is_empty() { name.to_owned() } else { format!("{front}.{name}") };
        if self.parent.items().is_none() {
            let alike = self.payload.names_at(&pointer(before));
            let alike = alike.into_iter().filter(|known| self.parent.property(known).is_some() || before.len() > 1);
            if let Some(near) = nearest(name, alike) {
                return Some(joined(near));
            }
        }
        if !allows(self.parent, "object") {
            return None;
        }
        let paths = self.payload.paths();
        let all = || paths.iter().filter(|path| !path.contains("changes.") && !path.starts_with("data.user.a"));
        let ends = |path: &str, name: &str| path.rsplit('.').next() == Some(name);
        let best = |name: &str| {
            let same = all().filter(|path| ends(path, name));
            same.min_by_key(|path| {
                (!path.starts_with(&front), !path.starts_with("data.user"), path.contains('['), path.len())
            })
        };
        let alike = || nearest(name, all().filter_map(|path| path.rsplit('.').next()));
        best(name).or_else(|| best(alike()?)).cloned()
    }

    fn what_is_there(&self, before: &[Name]) -> Option<String> {
        if let Some(items) = self.parent.items() {
            let names = items.properties().iter().map(|property| property.name.as_str());
            return (!items.properties().is_empty()).then(|| format!("each of its items has {}", list(names)));
        }
        let names = self.payload.names_at(&pointer(before));
        (!names.is_empty() && names.len() <= 12).then(|| format!("`{}` has {}", written(before), list(names)))
    }
}
