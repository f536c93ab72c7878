//! Cases: payloads that differ from a plain one by a few named changes.
//!
//! A change is an edge that the schema allows, such as a text that is empty, or a violation of one of its keywords. Which of
//! the two it is, the schema's own checker says. A case is a set of changes, and its id is their names, so that it can be
//! fired alone, and still means the same when the schema has grown.

mod edits;
mod walk;

use serde_json::Value;

use self::edits::Edit;
use super::draw::{Address, Draws};
use super::{Generator, Recipe, Variant};
use crate::model::{Code, Finding, Findings, Platform};
use crate::schema::Schemas;
use crate::text::{nearest, printable_line};

/// The id of the case without a change.
pub const PLAIN: &str = "plain";

/// How many payloads beside the plain one the cases begin from.
const OTHERS: u64 = 8;

/// The most changes of a case that mixes them.
const MOST_MIXED: u64 = 6;

/// One difference from a plain payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its name, such as `data.user.last_name:absent`.
    pub id: String,
    /// What it does, for people: "`data.user.last_name` absent".
    pub told: String,
    /// What it changes; two changes of one thing are never in one case.
    what: String,
    kind: &'static str,
    edit: Edit,
}

impl Change {
    /// How late it is tried: what is seen most comes first. Other payloads differ in much that does not matter, so what an edge
    /// shows is shown by that.
    fn rank(&self) -> u8 {
        match self.kind {
            "variant" => 0,
            "absent" | "null" | "empty" | "empty-list" | "empty-object" => 1,
            "payload" => 3,
            _ => 2,
        }
    }
}

/// A payload, by what is changed of the plain one: numbers of changes, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Case(Vec<usize>);

impl Case {
    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is the plain payload.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The case without those of its changes, by their numbers in it.
    #[must_use]
    pub fn without(&self, range: &std::ops::Range<usize>) -> Self {
        let kept = self.0.iter().enumerate().filter(|(place, _)| !range.contains(place));
        Self(kept.map(|(_, change)| *change).collect())
    }
}

/// All cases of an event.
#[derive(Debug)]
pub struct Cases<'a> {
    schemas: &'a Schemas,
    event: String,
    platform: Platform,
    seed: u64,
    index: u64,
    limit: usize,
    /// The plain form, and the other one where the event has two.
    bases: Vec<Generator>,
    changes: Vec<Change>,
    /// How many of the changes are edges.
    edges: usize,
    /// How many are edges or violations. The others are what single attributes are in other payloads: with them a case that
    /// begins from one is told by what of it matters.
    tried: usize,
    /// The changes that are tried in the order of this seed: edges first, other payloads after them, then violations.
    order: Vec<usize>,
}

impl<'a> Cases<'a> {
    /// The cases of `event`, around payload `index` of the run that `recipe` describes.
    ///
    /// # Errors
    /// What [`Generator::new`] finds.
    pub fn new(schemas: &'a Schemas, event: &str, recipe: &Recipe, index: u64) -> Result<Self, Findings> {
        let mut bases = vec![Generator::new(schemas, event, recipe)?];
        let other = match recipe.variant {
            Variant::Docs => Variant::Kit,
            Variant::Kit => Variant::Docs,
        };
        let swapped = Generator::new(schemas, event, &Recipe { variant: other, ..recipe.clone() });
        bases.extend(swapped.ok().filter(|kit| kit.value(index) != bases[0].value(index)));
        let limit = bases[0].event().limit_bytes();
        let (event, platform, seed) = (event.to_owned(), recipe.platform, recipe.seed);
        let (changes, order) = (Vec::new(), Vec::new());
        let mut cases =
            Self { schemas, event, platform, seed, index, limit, bases, changes, edges: 0, tried: 0, order };
        cases.find_changes(other);
        cases.order = cases.drawn_order();
        Ok(cases)
    }

    fn find_changes(&mut self, other: Variant) {
        let plain = self.bases[0].value(self.index);
        if self.bases.len() > 1 {
            self.changes.push(Change::of_variant(other));
        }
        let others: Vec<(u64, Value)> = (0..=OTHERS)
            .filter(|index| *index != self.index)
            .take(OTHERS as usize)
            .map(|index| (index, self.bases[0].value(index)))
            .filter(|(_, other)| *other != plain)
            .collect();
        self.changes.extend(others.iter().map(|(index, _)| Change::of_index(*index)));
        let mut violations = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for change in walk::changes(self.bases[0].event().shape(Some(self.platform)), &plain) {
            let mut value = plain.clone();
            change.edit.apply(&mut value, &change.what);
            let is_new = value != plain && seen.insert(value.to_string());
            match if is_new { self.faults(&value) } else { None } {
                Some(0) => self.changes.push(change),
                Some(1) => violations.push(change),
                _ => {}
            }
        }
        self.edges = self.changes.len();
        self.changes.append(&mut violations);
        self.tried = self.changes.len();
        for (index, other) in &others {
            let differences = edits::differences(&plain, other).into_iter();
            self.changes.extend(differences.map(|(at, value)| Change::of_other(*index, &at, value.as_ref())));
        }
    }

    /// The same payload without the change that begins from another one of the seed: by the attributes in which that differs.
    /// None where there is no such change.
    pub fn spelt_out(&self, case: &Case) -> Option<Case> {
        let other = case.0.iter().find_map(|&at| self.changes.get(at)?.edit.index())?;
        let plain = self.bases[0].value(self.index);
        let differences = edits::differences(&plain, &self.bases[0].value(other)).into_iter();
        let ids = differences.map(|(at, value)| Change::of_other(other, &at, value.as_ref()).id);
        let spelt = ids.filter_map(|id| self.changes.iter().position(|change| change.id == id));
        let kept = case.0.iter().copied().filter(|&at| self.changes[at].edit.index().is_none());
        let mut chosen: Vec<usize> = kept.chain(spelt).collect();
        self.settle(&mut chosen);
        Some(Case(chosen))
    }

    /// How often the payload breaks its schema; none where it is larger than what is ever sent.
    fn faults(&self, payload: &Value) -> Option<usize> {
        if payload.to_string().len() > self.limit {
            return None;
        }
        let findings = self.schemas.check_payload_value(&self.event, Some(self.platform), payload);
        Some(findings.iter().filter(|finding| finding.is_error()).count())
    }

    /// How many cases have at most one change, with violations or without.
    pub fn singles(&self, invalid: bool) -> u64 {
        1 + self.pool(invalid) as u64
    }

    fn pool(&self, invalid: bool) -> usize {
        if invalid { self.tried } else { self.edges }
    }

    /// Every change, edges first, then violations, then the attributes of other payloads.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether the case fits the schema.
    pub fn is_valid(&self, case: &Case) -> bool {
        self.faults(&self.payload(case)) == Some(0)
    }

    /// Case `number`: the plain payload, then each change alone in an order that the seed draws, then several at once.
    pub fn case(&self, number: u64, invalid: bool) -> Case {
        let Some(at) = number.checked_sub(1) else { return Case::default() };
        let pool = self.pool(invalid);
        match usize::try_from(at) {
            Ok(at) if at < pool => Case(self.order.get(at).copied().into_iter().collect()),
            _ => self.several(Draws::new(self.seed, number), invalid),
        }
    }

    fn drawn_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.tried).collect();
        let draws = Draws::new(self.seed, 0);
        order.sort_by_cached_key(|&at| {
            let change = &self.changes[at];
            (at >= self.edges, change.rank(), draws.bits(Address::of(&format!("case {}", change.id))))
        });
        order
    }

    /// Every second case does one thing in many places, since that is what real payloads do; the others mix.
    fn several(&self, draws: Draws, invalid: bool) -> Case {
        let is_swarm = draws.below(Address::of("case swarm"), 2) == 0;
        let mut chosen: Vec<usize> = if is_swarm { self.swarm(draws) } else { self.mixed(draws) };
        let violations = self.tried - self.edges;
        let broken = invalid && violations > 0 && draws.below(Address::of("case broken"), 2) == 0;
        self.settle(&mut chosen);
        // What does not fit the schema for other reasons than the one violation is not what was asked for.
        while !chosen.is_empty() && !self.is_valid(&Case(chosen.clone())) {
            chosen.pop();
        }
        if broken {
            chosen.push(self.edges + draws.index(Address::of("case violation"), violations));
            chosen.reverse();
            self.settle(&mut chosen);
        }
        Case(chosen)
    }

    fn swarm(&self, draws: Draws) -> Vec<usize> {
        let edges = &self.changes[..self.edges];
        // Half of them do what is seen most, such as leaving out.
        let usual: Vec<&Change> = edges.iter().filter(|change| change.rank() == 1).collect();
        let is_usual = !usual.is_empty() && draws.below(Address::of("case usual"), 2) == 0;
        let at = |count| draws.index(Address::of("case kind"), count);
        let model = if is_usual { usual.get(at(usual.len())).copied() } else { edges.get(at(edges.len())) };
        let Some(model) = model else { return Vec::new() };
        let is_in = |change: &Change| draws.below(Address::of(&format!("case in {}", change.id)), 2) == 0;
        let of_kind = self.changes[..self.edges].iter().enumerate().filter(|(_, change)| change.kind == model.kind);
        of_kind.filter(|(_, change)| is_in(change)).map(|(at, _)| at).collect()
    }

    fn mixed(&self, draws: Draws) -> Vec<usize> {
        let count = 2 + draws.below(Address::of("case count"), MOST_MIXED - 1);
        (0..count).map(|at| draws.salted(at).index(Address::of("case mixed"), self.edges)).collect()
    }

    /// One change of a thing is enough: the first stays.
    fn settle(&self, chosen: &mut Vec<usize>) {
        let mut seen = std::collections::HashSet::new();
        chosen.retain(|&change| seen.insert(self.changes[change].what.as_str()));
        chosen.sort_unstable();
    }

    /// The payload of a case.
    pub fn payload(&self, case: &Case) -> Value {
        let changes = || case.0.iter().filter_map(|&at| self.changes.get(at));
        let index = changes().find_map(|change| change.edit.index()).unwrap_or(self.index);
        let is_other = changes().any(|change| change.edit == Edit::Variant);
        let base = self.bases.get(usize::from(is_other)).unwrap_or(&self.bases[0]);
        let mut payload = base.value(index);
        for change in changes() {
            change.edit.apply(&mut payload, &change.what);
        }
        payload
    }

    /// The case's name, by which it is fired alone.
    pub fn id(&self, case: &Case) -> String {
        if case.is_empty() {
            return PLAIN.to_owned();
        }
        let names = case.0.iter().filter_map(|&at| self.changes.get(at));
        names.map(|change| change.id.as_str()).collect::<Vec<_>>().join(",")
    }

    /// What the case changes of the plain payload, for people.
    pub fn told(&self, case: &Case) -> Vec<String> {
        case.0.iter().filter_map(|&at| self.changes.get(at)).map(|change| change.told.clone()).collect()
    }

    /// The case of that id.
    ///
    /// # Errors
    /// A finding, where there is no such change.
    pub fn named(&self, id: &str) -> Result<Case, Box<Finding>> {
        let mut chosen = Vec::new();
        for name in id.split(',').map(str::trim).filter(|name| *name != PLAIN) {
            let Some(at) = self.changes.iter().position(|change| change.id == name) else {
                return Err(Box::new(self.no_such(name)));
            };
            chosen.push(at);
        }
        self.settle(&mut chosen);
        Ok(Case(chosen))
    }

    fn no_such(&self, name: &str) -> Finding {
        let what = format!("`{}` is no case of `{}`", printable_line(name), self.event);
        let known = self.changes.iter().map(|change| change.id.as_str());
        let finding = Finding::new(Code::BadOverride, what);
        match nearest(name, known) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint("a case is named as `simctl fuzz` names it, such as `data.user.email:absent`"),
        }
    }
}

#[cfg(test)]
mod tests;
