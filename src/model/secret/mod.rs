//! Values that must not reach any output or file.
//!
//! A secret is found as it stands, percent-encoded, escaped as in JSON, and in base64 at any place of a longer text, so that
//! an `Authorization: Basic …` does not give it away. Output gets a mask. What is kept gets a placeholder that can be undone.

use std::fmt;
use std::ops::Range;

use serde_json::{Number, Value};

use self::spelling::Base64;
use self::starts::Starts;

mod spelling;
mod starts;

/// What stands where a secret was.
const MASK: &str = "********";

/// Secrets of fewer characters are masked only where they are a whole word: inside other words they would mangle the text
/// without hiding anything.
const SHORTEST_INSIDE_WORDS: usize = 4;

/// What a placeholder begins with: `{{iparam.token}}`, or `{{iparam.token|url}}` for one that is encoded.
const OPEN: &str = "{{iparam.";
/// What it ends with.
const CLOSE: &str = "}}";
/// What `{{` becomes where a text has a placeholder's look without being one.
const LITERAL: &str = "{{literal}}";

/// The values of secure installation parameters, each with the parameter's name.
#[derive(Clone, Default)]
pub struct Secrets {
    all: Vec<Secret>,
    /// What any of them can begin with, however it is spelled.
    starts: Starts,
}

#[derive(Clone)]
struct Secret {
    name: String,
    text: String,
    is_short: bool,
    /// The text itself, and what it is called by within JSON and within URLs where that is another.
    variants: Vec<Variant>,
}

#[derive(Clone)]
struct Variant {
    /// What leads from the secret to this text: empty, `|json`, `|url` or `|form`.
    filter: &'static str,
    text: String,
    base64: Vec<Base64>,
}

/// A secret found in a text.
struct Found {
    range: Range<usize>,
    placeholder: String,
}

impl fmt::Debug for Secrets {
    // Without the values: a debug print must not give them away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|secret| &secret.name)).finish()
    }
}

impl Secrets {
    /// The mask itself, for a value that is secret as a whole.
    pub const MASK: &'static str = MASK;

    /// Secrets from names and values; empty values hide nothing. Of several names of one value, the first is its
    /// placeholder's.
    pub fn new(named: impl IntoIterator<Item = (String, String)>) -> Self {
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        let all: Vec<Secret> = named.map(|(name, value)| Secret::new(&name, value)).collect();
        let mut starts = Starts::default();
        all.iter().flat_map(|secret| &secret.variants).for_each(|variant| variant.add_starts(&mut starts));
        Self { all, starts }
    }

    /// These and `more`.
    #[must_use]
    pub fn and(self, more: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::new(self.all.into_iter().map(|secret| (secret.name, secret.text)).chain(more))
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `text` with every secret masked.
    pub fn mask(&self, text: &str) -> String {
        self.changed(text).unwrap_or_else(|| text.to_owned())
    }

    /// `text` with every secret masked, where there is one.
    fn changed(&self, text: &str) -> Option<String> {
        let mut masked = String::new();
        let mut told = 0;
        let mut found: Option<Range<usize>> = None;
        // Secrets may overlap: nothing of either may be left.
        for at in self.starts.places(text.as_bytes()) {
            let Some(Found { range, .. }) = self.at(text, at) else { continue };
            match &mut found {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => {
                    if let Some(last) = found.replace(range) {
                        masked += &text[told..last.start];
                        masked += MASK;
                        told = last.end;
                    }
                }
            }
        }
        let last = found?;
        masked += &text[told..last.start];
        masked += MASK;
        Some(masked + &text[last.end..])
    }

    /// Whether a secret may be in `json`, the text of a JSON value: where not, [`Secrets::mask_value`] leaves that value as it is.
    /// Takes a fraction of the time that reading and masking it does.
    pub fn may_be_in(&self, json: &str) -> bool {
        // Without an escape, names, texts and numbers stand there as they are, between signs that are part of no word and that no
        // spelling goes on over. A secret is rare enough for one that is found in passing to be looked for properly.
        json.contains('\\') || self.starts.places(json.as_bytes()).any(|at| self.at(json, at).is_some())
    }

    /// `text` with a placeholder for every secret, which [`Secrets::reveal`] puts back to the byte.
    pub fn conceal(&self, text: &str) -> String {
        self.concealed(text).unwrap_or_else(|| text.to_owned())
    }

    /// `text` with a placeholder for every secret, where anything in it has to change.
    fn concealed(&self, text: &str) -> Option<String> {
        if self.is_empty() && !text.contains("{{") {
            return None;
        }
        let mut concealed = String::new();
        // What stands before this is told already.
        let mut told = 0;
        for at in text.char_indices().map(|(at, _)| at) {
            if at < told {
                continue;
            }
            let rest = &text[at..];
            let found = if self.starts.may_begin(text.as_bytes(), at) { self.at(text, at) } else { None };
            let (other, end) = if let Some(found) = found {
                (found.placeholder, found.range.end)
            } else if rest.starts_with(OPEN) || rest.starts_with(LITERAL) {
                (LITERAL.to_owned(), at + 2)
            } else {
                continue;
            };
            concealed += &text[told..at];
            concealed += &other;
            told = end;
        }
        (told > 0).then(|| concealed + &text[told..])
    }

    /// `text` with the secrets in place of their placeholders; a placeholder of which no secret is known stays.
    pub fn reveal(&self, text: &str) -> String {
        let mut revealed = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            revealed += &rest[..at];
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix(LITERAL) {
                revealed += "{{";
                rest = after;
            } else if let Some((secret, after)) = self.placeholder(rest) {
                revealed += &secret;
                rest = after;
            } else {
                revealed += "{";
                rest = &rest[1..];
            }
        }
        revealed + rest
    }

    /// A text that [`Secrets::conceal`] has made, as it may be shown: a mask for every placeholder, whatever it stands for.
    pub fn masked(concealed: &str) -> String {
        let mut masked = String::new();
        let mut rest = concealed;
        while let Some(at) = rest.find("{{") {
            masked += &rest[..at];
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix(LITERAL) {
                masked += "{{";
                rest = after;
            } else if let Some((_, after)) = rest.strip_prefix(OPEN).and_then(|inside| inside.split_once(CLOSE)) {
                masked += MASK;
                rest = after;
            } else {
                masked += "{";
                rest = &rest[1..];
            }
        }
        masked + rest
    }

    /// Masks every string within `value`, names of members included, and every number that is a secret.
    pub fn mask_value(&self, value: &mut Value) {
        let number = |number: &Number| self.of_number(number).map(|_| Value::from(MASK));
        change(value, &|text| self.changed(text), &number);
    }

    /// Conceals every string within `value`, names of members included, and every number that is a secret.
    pub fn conceal_value(&self, value: &mut Value) {
        let number = |number: &Number| {
            let secret = self.of_number(number)?;
            Some(Value::from(format!("{OPEN}{}|number{CLOSE}", secret.name)))
        };
        change(value, &|text| self.concealed(text), &number);
    }

    /// Undoes [`Secrets::conceal_value`].
    pub fn reveal_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let number = text.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix("|number}}"));
                let secret = number.and_then(|name| self.all.iter().find(|secret| secret.name == name));
                *value = match secret.and_then(|secret| secret.text.parse().ok()) {
                    Some(number) => Value::Number(number),
                    None => Value::String(self.reveal(text)),
                };
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.reveal_value(item)),
            Value::Object(members) => {
                let old = std::mem::take(members).into_iter();
                let revealed = old.map(|(name, mut member)| {
                    self.reveal_value(&mut member);
                    (self.reveal(&name), member)
                });
                *members = revealed.collect();
            }
            Value::Number(_) | Value::Null | Value::Bool(_) => {}
        }
    }

    fn of_number(&self, number: &Number) -> Option<&Secret> {
        let text = number.to_string();
        self.all.iter().find(|secret| secret.text == text)
    }

    /// The longest secret that begins at `at`.
    fn at(&self, text: &str, at: usize) -> Option<Found> {
        let found = self.all.iter().filter_map(|secret| secret.at(text, at));
        // Of two as long, the plainer spelling.
        found.min_by_key(|found| (std::cmp::Reverse(found.range.end), found.placeholder.len()))
    }

    /// The secret that the placeholder at the start of `text` stands for, and what comes after it.
    fn placeholder<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let (inside, after) = text.strip_prefix(OPEN)?.split_once(CLOSE)?;
        let mut filters = inside.split('|');
        let name = filters.next()?;
        let secret = self.all.iter().find(|secret| secret.name == name)?;
        let revealed = filters.try_fold(secret.text.clone(), |text, filter| spelling::write(&text, filter))?;
        Some((revealed, after))
    }
}

impl Secret {
    fn new(name: &str, text: String) -> Self {
        let mut variants = vec![Variant::new("", text.clone())];
        for (filter, spelled) in
            [("|json", spelling::json(&text)), ("|url", spelling::url(&text)), ("|form", spelling::form(&text))]
        {
            if variants.iter().all(|variant| variant.text != spelled) {
                variants.push(Variant::new(filter, spelled));
            }
        }
        let is_short = text.chars().count() < SHORTEST_INSIDE_WORDS;
        Self { name: token(name), text, is_short, variants }
    }

    fn at(&self, text: &str, at: usize) -> Option<Found> {
        let rest = &text.as_bytes()[at..];
        let first = *rest.first()?;
        let found = self.variants.iter().flat_map(|variant| {
            let plain = if variant.can_begin_with(first) { spelling::read(&variant.text, rest) } else { None };
            let plain = plain.filter(|(length, _)| self.fits(text, at, at + length));
            let encoded = variant.base64.iter().filter_map(move |form| {
                let (length, filter) = if form.can_begin_with(first) { form.read(rest)? } else { return None };
                let fits = !self.is_short || (form.is_whole(&rest[length..]) && self.fits(text, at, at + length));
                fits.then_some((length, filter))
            });
            plain.into_iter().chain(encoded).map(|(length, filter)| (length, variant.filter, filter))
        });
        // The longest; of two as long, the plainest, which comes first.
        let (length, first, second) = found.min_by_key(|(length, ..)| std::cmp::Reverse(*length))?;
        let filter = if second.is_empty() { second } else { format!("|{second}") };
        Some(Found { range: at..at + length, placeholder: format!("{OPEN}{}{first}{filter}{CLOSE}", self.name) })
    }

    /// Whether it counts from `start` to `end`: where it is short, as a word of its own only.
    fn fits(&self, text: &str, start: usize, end: usize) -> bool {
        let is_inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !self.is_short
            || !(is_inside(text[..start].chars().next_back())
                || is_inside(text.get(end..).and_then(|rest| rest.chars().next())))
    }
}

impl Variant {
    fn new(filter: &'static str, text: String) -> Self {
        Self { filter, base64: Base64::forms(&text), text }
    }

    /// Whether it can begin with that byte, as it stands or escaped.
    fn can_begin_with(&self, byte: u8) -> bool {
        self.text.as_bytes().first() == Some(&byte) || spelling::ESCAPES.contains(&byte)
    }

    /// Adds the first two bytes of each of its spellings.
    fn add_starts(&self, starts: &mut Starts) {
        match *self.text.as_bytes() {
            [] => {}
            [only] => starts.add_all(only),
            [first, second, ..] => {
                starts.add(first, second);
                spelling::ESCAPES.iter().for_each(|&escape| starts.add(first, escape));
            }
        }
        spelling::ESCAPES.iter().for_each(|&escape| starts.add_all(escape));
        self.base64.iter().for_each(|form| form.add_starts(starts));
    }
}

/// A name that no placeholder's own signs stand in.
fn token(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' '));
    if is_plain { name.to_owned() } else { spelling::url(name) }
}

/// Changes strings, names of members and numbers, where there is something to change in them.
fn change(value: &mut Value, text: &dyn Fn(&str) -> Option<String>, number: &dyn Fn(&Number) -> Option<Value>) {
    match value {
        Value::String(own) => {
            if let Some(other) = text(own) {
                *own = other;
            }
        }
        Value::Number(own) => {
            if let Some(other) = number(own) {
                *value = other;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, text, number)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| change(member, text, number));
            let names: Vec<Option<String>> = members.keys().map(|name| text(name)).collect();
            if names.iter().any(Option::is_some) {
                let old = std::mem::take(members).into_iter();
                *members = old.zip(names).map(|((name, member), other)| (other.unwrap_or(name), member)).collect();
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests;
