//! Where a payload can be changed: every path that the schema names.

use serde_json::{Value, json};

use super::Change;
use super::edits::{self, Edit};
use crate::schema::{Members, Shape};
use crate::text::json::escape_token;

/// Installation parameters are the app's own, and no event brings others.
const APPS_OWN: &str = "/iparams";

/// How deep is looked: a schema may refer to itself.
const DEEPEST: usize = 8;

/// Every change that can be tried of such a payload, good and bad ones, in the schema's order. `plain` has the names that the
/// schema leaves open.
pub(super) fn changes(root: &Shape, plain: &Value) -> Vec<Change> {
    let mut walk = Walk { root, plain, changes: Vec::new() };
    walk.object("");
    walk.inside(root, "", 0);
    walk.changes
}

struct Walk<'a> {
    root: &'a Shape,
    plain: &'a Value,
    changes: Vec<Change>,
}

impl Walk<'_> {
    fn add(&mut self, pointer: &str, kind: &'static str, edit: Edit) {
        self.changes.push(Change::at(pointer, kind, edit));
    }

    fn inside(&mut self, shape: &Shape, pointer: &str, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        for property in shape.properties() {
            let pointer = format!("{pointer}/{}", escape_token(&property.name));
            if pointer != APPS_OWN {
                self.value(&property.shape, &pointer, depth);
            }
        }
        if let Some(items) = shape.items().filter(|items| !is_free(items)) {
            self.value(items, &format!("{pointer}/0"), depth);
        }
        match (shape.members(), shape.members_of()) {
            (Members::Like(_), Some(of)) => self.pairs(pointer, of),
            (Members::Like(like), None) => self.members(shape, like, pointer, depth),
            _ => {}
        }
    }

    /// Members that the schema does not name, as far as the plain payload has such.
    fn members(&mut self, shape: &Shape, like: &Shape, pointer: &str, depth: usize) {
        let plain = self.plain;
        let members = plain.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
        for name in members.filter(|name| shape.property(name).is_none()) {
            self.value(like, &format!("{pointer}/{}", escape_token(name)), depth);
        }
    }

    fn value(&mut self, shape: &Shape, pointer: &str, depth: usize) {
        self.add(pointer, "absent", Edit::Absent);
        for (kind, value) in edits::anywhere() {
            self.add(pointer, kind, Edit::Put(value));
        }
        for choice in shape.choices().iter().chain(shape.constant()) {
            if let Some(kind) = choice.as_str().and_then(choice_name) {
                self.add(pointer, kind, Edit::Put(choice.clone()));
            }
        }
        let kinds = shape.kinds();
        let is_free = is_free(shape);
        if !is_free && kinds.allows("string") {
            self.texts(shape, pointer);
        }
        if !is_free && kinds.allows("integer") {
            edits::numbers().into_iter().for_each(|(kind, value)| self.add(pointer, kind, Edit::Put(value)));
        }
        if !is_free && kinds.allows("array") {
            edits::lists().into_iter().for_each(|(kind, edit)| self.add(pointer, kind, edit));
        }
        let plain = self.plain.pointer(pointer);
        for (kind, edit) in edits::at_bounds(|keyword| shape.bound(keyword), plain) {
            self.add(pointer, kind, edit);
        }
        if kinds.allows("object") {
            self.object(pointer);
        }
        self.inside(shape, pointer, depth + 1);
    }

    fn texts(&mut self, shape: &Shape, pointer: &str) {
        let mut all = edits::texts();
        match shape.format() {
            Some("date-time") => all.extend(edits::times()),
            Some("uri") => all.extend(edits::addresses()),
            _ => {}
        }
        all.into_iter().for_each(|(kind, value)| self.add(pointer, kind, Edit::Put(value)));
    }

    fn object(&mut self, pointer: &str) {
        edits::objects().into_iter().for_each(|(kind, edit)| self.add(pointer, kind, edit));
    }

    /// Members that are named after the attributes of the object at `of`, each a pair of values.
    fn pairs(&mut self, pointer: &str, of: &str) {
        let root = self.root;
        let Some(object) = root.find(of) else { return };
        for property in object.properties().iter().filter(|property| property.shape.changeable()) {
            let token = escape_token(&property.name);
            let (at, from) = (format!("{pointer}/{token}"), format!("{of}/{token}"));
            self.add(&at, "absent", Edit::Absent);
            self.add(&at, "unchanged", Edit::Unchanged(from));
            self.add(&at, "from-null", Edit::Put(json!(["x", null])));
            self.add(&at, "to-null", Edit::Put(json!([null, "x"])));
            self.add(&at, "pair-of-null", Edit::Put(json!([null, null])));
            self.add(&at, "pair-of-lists", Edit::Put(json!([[], [{}]])));
            self.add(&at, "pair-of-empty", Edit::Put(json!(["", ""])));
            self.add(&at, "one-item", Edit::Put(json!(["x"])));
            self.add(&at, "three-items", Edit::Put(json!(["x", "y", "z"])));
            self.add(&at, "null", Edit::Put(json!(null)));
            self.add(&at, "text", Edit::Put(json!("text")));
        }
    }
}

/// Whether it may be anything, so that what is tried everywhere is enough.
fn is_free(shape: &Shape) -> bool {
    ["string", "array", "object", "number"].into_iter().all(|kind| shape.kinds().allows(kind))
}

/// The kind of change that sets one of the schema's own values; schemas list few, and those of simctl these.
fn choice_name(choice: &str) -> Option<&'static str> {
    const KNOWN: [&str; 9] = ["US", "EU", "EUC", "AUS", "IND", "agent", "user", "system", "freshchat"];
    KNOWN.into_iter().find(|known| *known == choice)
}
