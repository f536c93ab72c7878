//! JSON text walked along a rule. `None` ends the walk: something takes a closer look.

use super::rule::{ANYTHING, Others, Rule, UNBOUNDED, kind};
use super::{Outline, Spot};

/// How many arrays and objects may lie within each other; fewer than the reader of `text` allows.
const DEEPEST: usize = 100;
/// How many members that are not named an object may have: each is compared with those before it.
const MOST_OTHERS: usize = 64;
/// The longest whole number that surely fits 64 bits, in digits.
const LONGEST_WHOLE: usize = 18;
/// The longest fraction of a number that is looked at.
const LONGEST_FRACTION: usize = 64;

/// The outline of `text` where it is strict JSON with no key twice, and all that `rule` asks holds.
pub(super) fn scan<'a>(text: &'a str, rule: &Rule) -> Option<Outline<'a>> {
    let mut scanner =
        Scanner { text, bytes: text.as_bytes(), at: 0, keys: Vec::new(), members: Vec::with_capacity(40) };
    scanner.blanks();
    scanner.value(rule, 0)?;
    scanner.blanks();
    (scanner.at == text.len()).then_some(Outline { members: scanner.members })
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The keys that are not named, of all objects that are open.
    keys: Vec<&'a [u8]>,
    members: Vec<(Spot, &'a str, &'a str)>,
}

impl<'a> Scanner<'a> {
    fn value(&mut self, rule: &Rule, depth: usize) -> Option<()> {
        let start = self.at;
        let kind = match self.peek()? {
            b'"' => {
                let (content, is_plain) = self.string()?;
                rule.allows_text(content, is_plain)?;
                kind::STRING
            }
            b'{' if depth < DEEPEST => {
                self.object(rule, depth)?;
                kind::OBJECT
            }
            b'[' if depth < DEEPEST => {
                self.array(rule, depth)?;
                kind::ARRAY
            }
            b'n' => self.word(b"null", kind::NULL)?,
            b't' => self.word(b"true", kind::BOOLEAN)?,
            b'f' => self.word(b"false", kind::BOOLEAN)?,
            b'-' | b'0'..=b'9' => self.number(rule)?,
            _ => return None,
        };
        if let Some(choices) = &rule.choices {
            let text = &self.bytes[start..self.at];
            choices.iter().find(|choice| choice.as_bytes() == text)?;
        }
        (rule.kinds & kind != 0).then_some(())
    }

    fn object(&mut self, rule: &Rule, depth: usize) -> Option<()> {
        let outer = self.keys.len();
        let (mut seen, mut count, mut likely) = (0_u64, 0, 0);
        self.at += 1;
        self.blanks();
        let mut more = !self.take(b'}');
        while more {
            let start = self.at + 1;
            let (key, position) = match self.expected(rule, likely) {
                Some(key) => (key, Some(likely)),
                None => {
                    let key = self.key()?;
                    (key, rule.position(key))
                }
            };
            self.blanks();
            self.take(b':').then(|| self.blanks())?;
            let value = self.at;
            match position {
                Some(at) if seen & (1 << at) == 0 => {
                    seen |= 1 << at;
                    likely = at + 1;
                    self.value(&rule.properties[at].1, depth + 1)?;
                }
                Some(_) => return None,
                None => self.other(rule, key, outer, depth)?,
            }
            if let Some(spot) = rule.spot {
                self.members.push((spot, &self.text[start..start + key.len()], &self.text[value..self.at]));
            }
            count += 1;
            more = self.comma(b'}')?;
        }
        self.keys.truncate(outer);
        let all = seen & rule.required_bits == rule.required_bits;
        (all && is_within(count, rule.member_count)).then_some(())
    }

    /// The value of a member that is not named.
    fn other(&mut self, rule: &Rule, key: &'a [u8], outer: usize, depth: usize) -> Option<()> {
        let others = &self.keys[outer..];
        if others.len() >= MOST_OTHERS || others.contains(&key) {
            return None;
        }
        self.keys.push(key);
        match &rule.others {
            Others::Anything => self.value(&ANYTHING, depth + 1),
            Others::Like(rule) => self.value(rule, depth + 1),
            Others::Nothing => None,
        }
    }

    fn array(&mut self, rule: &Rule, depth: usize) -> Option<()> {
        let mut count = 0;
        self.at += 1;
        self.blanks();
        let mut more = !self.take(b']');
        while more {
            self.value(rule.items.as_deref().unwrap_or(&ANYTHING), depth + 1)?;
            count += 1;
            more = self.comma(b']')?;
        }
        is_within(count, rule.item_count).then_some(())
    }

    /// Whether a comma comes next, rather than the end.
    fn comma(&mut self, end: u8) -> Option<bool> {
        self.blanks();
        if self.take(b',') {
            self.blanks();
            return Some(true);
        }
        self.take(end).then_some(false)
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let (key, is_plain) = self.string()?;
        is_plain.then_some(key)
    }

    /// The key of the property that comes next in the schema, as it mostly does in the text. It holds nothing that JSON
    /// escapes, so its bytes need no other look.
    #[inline]
    fn expected(&mut self, rule: &Rule, likely: usize) -> Option<&'a [u8]> {
        let (name, _) = rule.properties.get(likely)?;
        let rest = self.bytes[self.at..].strip_prefix(b"\"")?;
        let is_it = rest.starts_with(name.as_bytes()) && rest.get(name.len()) == Some(&b'"');
        is_it.then(|| {
            self.at += name.len() + 2;
            &rest[..name.len()]
        })
    }

    /// What a string holds, and whether that is without escapes.
    fn string(&mut self) -> Option<(&'a [u8], bool)> {
        let start = self.at + 1;
        self.at = start;
        let mut is_plain = true;
        loop {
            self.at += plain_run(&self.bytes[self.at..]);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some((&self.bytes[start..self.at - 1], is_plain));
                }
                b'\\' => {
                    is_plain = false;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.at += 2;
        match self.bytes.get(self.at - 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.hex()? {
                // Half a character, which the other half must follow.
                0xd800..=0xdbff => {
                    self.bytes[self.at..].starts_with(b"\\u").then(|| self.at += 2)?;
                    matches!(self.hex()?, 0xdc00..=0xdfff).then_some(())
                }
                0xdc00..=0xdfff => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |number, &digit| Some(number * 16 + char::from(digit).to_digit(16)?))
    }

    fn number(&mut self, rule: &Rule) -> Option<u8> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        // No number begins with a zero too many; of nothing but zeros there are two, which are not the same.
        if whole == 0 || whole > LONGEST_WHOLE || (whole > 1 && self.bytes[self.at - whole] == b'0') {
            return None;
        }
        let number: i64 = self.text[start..self.at].parse().ok()?;
        let is_asked = rule.bounds != UNBOUNDED;
        match self.peek() {
            Some(b'.') => {
                self.at += 1;
                let is_known = (1..=LONGEST_FRACTION).contains(&self.digits()) && !is_asked;
                is_known.then_some(kind::FRACTION).filter(|_| !matches!(self.peek(), Some(b'e' | b'E')))
            }
            Some(b'e' | b'E') => None,
            _ if number == 0 && whole != self.at - start => None,
            _ => (rule.bounds.0 <= number && number <= rule.bounds.1).then_some(kind::WHOLE),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &[u8], kind: u8) -> Option<u8> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())?;
        Some(kind)
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }
}

impl Rule {
    /// The place of the property `key`.
    fn position(&self, key: &[u8]) -> Option<usize> {
        self.properties.iter().position(|(name, _)| name.as_bytes() == key)
    }

    /// Whether the text, given as it stands between its quotes, is certainly of the length and the formats asked for.
    #[inline]
    fn allows_text(&self, content: &[u8], is_plain: bool) -> Option<()> {
        let (least, most) = self.length;
        if most == usize::MAX && least <= 1 && self.formats.is_empty() {
            return (content.len() >= least).then_some(());
        }
        // A character has one to four bytes.
        let length = is_plain && content.is_ascii() && is_within(content.len(), self.length);
        (length && self.formats.iter().all(|format| format.is_surely(content))).then_some(())
    }
}

const fn is_within(count: usize, (least, most): (usize, usize)) -> bool {
    least <= count && count <= most
}

/// How many bytes come before a quote, a backslash or a control character. Eight at a time: what they are compared with
/// stands in each byte of a word, and the lowest byte that a borrow leaves its high bit in is the first that is hit.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let mut at = 0;
    while let Some(&eight) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(eight);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hit = (zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64)) | control) & HIGH;
        if hit != 0 {
            return at + hit.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}
