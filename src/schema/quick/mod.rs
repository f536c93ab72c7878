//! Whether a payload is certainly without fault, told from its bytes in one pass.
//!
//! Nearly every payload of a long stream is good, and of a good one nothing is to be said. To say something, a text is
//! read into a tree with places, that into a value, the value is checked against two schemas and a shape: some 25 times
//! the work of reading the bytes once. So the schemas of an event and an envelope are compiled into one [`Rule`], and the
//! bytes are walked along it.
//!
//! The answer is yes or "look closer", never no: whatever is faulty, unusual (escapes in keys, exponents, an address in an
//! uncommon form) or beyond what a rule can hold (`pattern`, `anyOf`, …) is left to [`super::check`], which alone finds
//! words. A yes must mean that it would find nothing: a test of `validate` compares the two over thousands of payloads.

mod format;
mod rule;
mod scan;

use super::Schemas;
use super::event::envelope;
use crate::model::Platform;
use rule::Rule;

/// An object of a payload whose members a quick look reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The payload itself.
    Root,
    /// `/data/actor`
    Actor,
    /// `/data/changes`
    Changes,
    /// `/data/changes/model_changes`
    KitChanges,
    /// `/data/user`
    User,
}

/// Each spot's path.
const SPOTS: [(Spot, &[&str]); 5] = [
    (Spot::Root, &[]),
    (Spot::Actor, &["data", "actor"]),
    (Spot::Changes, &["data", "changes"]),
    (Spot::KitChanges, &["data", "changes", "model_changes"]),
    (Spot::User, &["data", "user"]),
];

/// What a quick look passed by: the members of the objects at the [`Spot`]s, as JSON text. No key is there twice.
#[derive(Debug)]
pub struct Outline<'a> {
    members: Vec<(Spot, &'a str, &'a str)>,
}

impl<'a> Outline<'a> {
    /// What stands at the top level of an object, in whatever form the rest is; `None` where that takes a closer look.
    pub fn of(text: &'a str) -> Option<Self> {
        static ROOT: Rule = Rule::anything(Some(Spot::Root));
        scan::scan(text, &ROOT)
    }

    /// Key and value of each member, in the order of the text. Keys hold no escapes; values are JSON text.
    pub fn members(&self, of: Spot) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.members.iter().filter(move |(spot, ..)| *spot == of).map(|&(_, key, value)| (key, value))
    }

    /// The value of a member, as JSON text.
    pub fn get(&self, of: Spot, key: &str) -> Option<&'a str> {
        self.members(of).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The platform whose envelope the payload wears.
    pub fn platform(&self) -> Option<Platform> {
        if self.get(Spot::Root, "currentHost").is_some() {
            Some(Platform::V3)
        } else if self.get(Spot::Root, "account_id").is_some() || self.get(Spot::Root, "domain").is_some() {
            Some(Platform::V2)
        } else {
            None
        }
    }
}

/// The quick look at the payloads of one event on one platform.
#[derive(Debug, Clone)]
pub struct Quick {
    rule: Rule,
}

impl Quick {
    /// `None` where the schemas ask for more than a rule can hold.
    pub(super) fn new(schemas: &Schemas, event: &super::EventSchema, platform: Platform) -> Option<Self> {
        let own = Rule::new(schemas, event.schema())?;
        let mut rule = own.and(Rule::new(schemas, envelope(platform))?)?;
        let shape = event.shape(Some(platform));
        rule.know(shape, shape)?;
        for (spot, path) in SPOTS {
            rule.watch(spot, path);
        }
        rule.seal().then_some(Self { rule })
    }

    /// The payload's outline where it is certain that neither the JSON itself nor the schemas of event and envelope leave
    /// anything to say of it, and no attribute is unknown.
    pub fn look<'a>(&self, text: &'a str) -> Option<Outline<'a>> {
        scan::scan(text, &self.rule)
    }
}
