//! The ways in which a text is written within another: as it is, percent-encoded (RFC 3986, and the `+` of forms), as the
//! inside of a JSON string (RFC 8259), and in base64 (RFC 4648, both alphabets, at any alignment).
//!
//! Reading is anchored: does the secret begin just here? What was read can be written again to the byte.

use std::fmt::Write as _;

use super::starts::Starts;

/// What must not stand unescaped in each spelling, or may be written in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Percent,
    Json,
}

/// Reads `secret` at the start of `text`: how many bytes it takes, and the filter that writes it so, empty for itself.
pub(super) fn read(secret: &str, text: &[u8]) -> Option<(usize, String)> {
    let same = text.iter().zip(secret.as_bytes()).take_while(|(own, other)| own == other).count();
    if same == secret.len() {
        return Some((secret.len(), String::new()));
    }
    // Nearly always it is another text: one that differs before anything in it is escaped.
    if !text.iter().take(same + 1).any(|byte| matches!(byte, b'%' | b'\\' | b'+')) {
        return None;
    }
    [Style::Percent, Style::Json].into_iter().find_map(|style| {
        let (length, letters) = read_style(secret, text, style)?;
        let known = [("url", url(secret)), ("form", form(secret)), ("json", json(secret))];
        let name = known.into_iter().find(|(_, spelled)| spelled.as_bytes() == &text[..length]);
        Some((length, name.map_or_else(|| format!("as:{letters}"), |(name, _)| name.to_owned())))
    })
}

fn read_style(secret: &str, text: &[u8], style: Style) -> Option<(usize, String)> {
    let (mut at, mut letters) = (0, String::new());
    for c in secret.chars() {
        at += match style {
            Style::Percent => read_percent(c, &text[at..], &mut letters)?,
            Style::Json => read_json(c, &text[at..], &mut letters)?,
        };
    }
    Some((at, letters))
}

/// One character, percent-encoded or as it is.
fn read_percent(c: char, text: &[u8], letters: &mut String) -> Option<usize> {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).as_bytes();
    if c == ' ' && text.first() == Some(&b'+') {
        letters.push('p');
        return Some(1);
    }
    if !matches!(c, '%' | '+') && text.starts_with(bytes) {
        letters.push('r');
        return Some(bytes.len());
    }
    let before = letters.len();
    for (index, byte) in bytes.iter().enumerate() {
        let code = text.get(index * 3..index * 3 + 3).filter(|code| code[0] == b'%');
        let letter = code.and_then(|code| "ulab".chars().find(|&letter| percent(*byte, letter).as_bytes() == code));
        let Some(letter) = letter else {
            letters.truncate(before);
            return None;
        };
        letters.push(letter);
    }
    Some(bytes.len() * 3)
}

/// A byte as `%XX`; the letter says in which case its two digits are.
fn percent(byte: u8, letter: char) -> String {
    let (high, low) = (byte >> 4, byte & 15);
    match letter {
        'u' => format!("%{high:X}{low:X}"),
        'l' => format!("%{high:x}{low:x}"),
        'a' => format!("%{high:x}{low:X}"),
        _ => format!("%{high:X}{low:x}"),
    }
}

/// One character as it stands within a JSON string.
fn read_json(c: char, text: &[u8], letters: &mut String) -> Option<usize> {
    let plain = (!matches!(c, '"' | '\\') && c >= ' ').then_some('r');
    let letter = plain.into_iter().chain("jxX".chars()).find(|&letter| {
        let spelled = escape(c, letter);
        !spelled.is_empty() && text.starts_with(spelled.as_bytes())
    })?;
    letters.push(letter);
    Some(escape(c, letter).len())
}

/// A character: as it is (`r`), by its short escape (`j`), or by its code units (`x`, `X`); empty where it has none.
fn escape(c: char, letter: char) -> String {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '/' => "\\/",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => "",
    };
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    match letter {
        'r' => c.to_string(),
        'j' => short.to_owned(),
        'x' => units.map(|unit| format!("\\u{unit:04x}")).collect(),
        _ => units.map(|unit| format!("\\u{unit:04X}")).collect(),
    }
}

/// Writes `text` through one filter, as [`read`] and [`Base64::read`] name them. `None` where there is no such filter.
pub(super) fn write(text: &str, filter: &str) -> Option<String> {
    let (name, argument) = filter.split_once(':').unwrap_or((filter, ""));
    match name {
        "url" => Some(url(text)),
        "form" => Some(form(text)),
        "json" => Some(json(text)),
        "as" => write_as(text, argument),
        "base64" => Base64::write(text, argument),
        _ => None,
    }
}

fn write_as(text: &str, letters: &str) -> Option<String> {
    let mut letters = letters.chars();
    let mut written = String::new();
    for c in text.chars() {
        match letters.next()? {
            'p' => written.push('+'),
            letter @ ('u' | 'l' | 'a' | 'b') => {
                let mut buffer = [0; 4];
                for (index, byte) in c.encode_utf8(&mut buffer).bytes().enumerate() {
                    written += &percent(byte, if index == 0 { letter } else { letters.next()? });
                }
            }
            letter => written += &escape(c, letter),
        }
    }
    Some(written)
}

/// As `encodeURIComponent` writes it.
pub(super) fn url(text: &str) -> String {
    encoded(text, |byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte))
}

/// As an HTML form writes it.
pub(super) fn form(text: &str) -> String {
    encoded(text, |byte| byte.is_ascii_alphanumeric() || b"-_.* ".contains(&byte)).replace(' ', "+")
}

fn encoded(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

/// As it stands within a JSON string.
pub(super) fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A text in base64, at one of the three places that it can begin at within a group: the digits that it alone decides.
#[derive(Clone)]
pub(super) struct Base64 {
    /// How many bytes of the group come before it.
    align: usize,
    digits: Vec<u8>,
    /// The last bits of the digit that it shares with what comes before it, and how many.
    lead: (u8, u32),
    /// The first bits of the digit that it shares with what comes after it, and how many.
    trail: (u8, u32),
}

impl Base64 {
    /// The three forms of `secret`, without those of which nothing is left.
    pub(super) fn forms(secret: &str) -> Vec<Self> {
        (0..3).map(|align| Self::new(secret.as_bytes(), align)).filter(|form| !form.digits.is_empty()).collect()
    }

    fn new(secret: &[u8], align: usize) -> Self {
        let bit = |index: usize| secret.get(index / 8).map_or(0, |byte| byte >> (7 - index % 8) & 1);
        let bits = |from: usize, count: usize| (from..from + count).fold(0, |value, index| value << 1 | bit(index));
        let total = secret.len() * 8;
        let lead = ((6 - align * 8 % 6) % 6).min(total);
        let count = (total - lead) / 6;
        let rest = total - lead - count * 6;
        let narrow = |count: usize| u32::try_from(count).unwrap_or(0);
        Self {
            align,
            digits: (0..count).map(|index| bits(lead + index * 6, 6)).collect(),
            lead: (bits(0, lead), narrow(lead)),
            trail: (bits(total - rest, rest), narrow(rest)),
        }
    }

    /// Whether its first digit, own or shared, may be written as `byte` or as something that begins with it.
    pub(super) fn can_begin_with(&self, byte: u8) -> bool {
        let digit = match (plain_digit(byte), byte) {
            (Some(digit), _) => digit,
            (None, b'+' | b'-') => 62,
            (None, b'/' | b'_') => 63,
            // What is escaped.
            _ => return matches!(byte, b'%' | b'\\'),
        };
        let (bits, count) = self.lead;
        self.digits.first() == Some(&digit) || (count > 0 && digit & ((1 << count) - 1) == bits)
    }

    /// Tells what can follow `first`, with which it can begin. What may be written in several ways is left to [`Base64::read`].
    pub(super) fn add_to(&self, starts: &mut Starts, first: u8) {
        let Some(first_digit) = plain_digit(first) else { return starts.add(first) };
        let mut add = |digit: Option<&u8>| match digit {
            Some(digit) => starts.add_pair(first, ALPHABET[usize::from(*digit)]),
            None => starts.add(first),
        };
        if self.lead.1 > 0 {
            add(self.digits.first());
        }
        if self.digits.first() == Some(&first_digit) {
            add(self.digits.get(1));
        }
        for (_, _, spelled) in WAYS {
            starts.add_pair(first, spelled.as_bytes()[0]);
        }
    }

    /// Reads it at the start of `text`, the digits that it shares with its neighbours included where they agree: how many
    /// bytes that takes, and the filter that writes it so.
    pub(super) fn read(&self, text: &[u8]) -> Option<(usize, String)> {
        if self.differs(text) {
            return None;
        }
        let with_lead = || {
            let (digit, length, way) = digit(text)?;
            let (bits, count) = self.lead;
            (count > 0 && digit & ((1 << count) - 1) == bits).then_some((Some(digit >> count), length, way))
        };
        with_lead().and_then(|lead| self.read_from(text, lead)).or_else(|| self.read_from(text, (None, 0, None)))
    }

    /// Whether the first two digits of `text` tell already that it is something else, as nearly always.
    fn differs(&self, text: &[u8]) -> bool {
        let [Some(first), Some(second)] = [0, 1].map(|at| text.get(at).copied().and_then(plain_digit)) else {
            return false;
        };
        let own = |at: usize, digit: u8| self.digits.get(at).is_none_or(|own| *own == digit);
        let has_lead = self.lead.1 > 0 && own(0, second);
        let begins = own(0, first) && own(1, second);
        !has_lead && !begins
    }

    fn read_from(&self, text: &[u8], lead: (Option<u8>, usize, Option<char>)) -> Option<(usize, String)> {
        let (lead, mut at, way) = lead;
        let mut ways: String = way.into_iter().collect();
        for wanted in &self.digits {
            let (_, length, way) = digit(&text[at..]).filter(|(digit, ..)| digit == wanted)?;
            at += length;
            ways.extend(way);
        }
        let (bits, count) = self.trail;
        let after = digit(&text[at..]).filter(|(digit, ..)| count > 0 && digit >> (6 - count) == bits);
        let trail = after.map(|(digit, length, way)| {
            at += length;
            ways.extend(way);
            digit & ((1 << (6 - count)) - 1)
        });
        let shared = |bits: Option<u8>| bits.map_or_else(|| "-".to_owned(), |bits| format!("{bits:x}"));
        Some((at, format!("base64:{}.{}.{}.{ways}", self.align, shared(lead), shared(trail))))
    }

    /// Whether it ends where the encoded text ends, as far as `rest`, what comes after, tells.
    pub(super) fn is_whole(&self, rest: &[u8]) -> bool {
        self.align == 0 && digit(rest).is_none() && (self.trail.1 == 0 || rest.starts_with(b"="))
    }

    fn write(text: &str, argument: &str) -> Option<String> {
        let mut parts = argument.splitn(4, '.');
        let align: usize = parts.next()?.parse().ok().filter(|align| *align < 3)?;
        let shared = |part: &str| u8::from_str_radix(part, 16).ok();
        let (lead, trail) = (shared(parts.next()?), shared(parts.next()?));
        let form = Self::new(text.as_bytes(), align);
        let first = lead.map(|bits| bits << form.lead.1 | form.lead.0);
        let last = trail.map(|bits| form.trail.0 << (6 - form.trail.1) | bits);
        let mut ways = parts.next().unwrap_or("").chars();
        let digits = first.into_iter().chain(form.digits).chain(last);
        digits.map(|digit| spelled(digit, &mut ways)).collect()
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The ways to write the last two digits, each with its letter.
const WAYS: [(u8, char, &str); 10] = [
    (62, 's', "+"),
    (62, 'u', "-"),
    (62, 'P', "%2B"),
    (62, 'p', "%2b"),
    (62, 'j', "\\u002b"),
    (63, 's', "/"),
    (63, 'u', "_"),
    (63, 'P', "%2F"),
    (63, 'p', "%2f"),
    (63, 'j', "\\/"),
];

/// The digit that a byte is, where that is written in one way only.
const fn plain_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        _ => None,
    }
}

/// The digit at the start of `text`, how many bytes it takes, and the way in which it is written where there are several.
fn digit(text: &[u8]) -> Option<(u8, usize, Option<char>)> {
    if let Some(value) = plain_digit(*text.first()?) {
        return Some((value, 1, None));
    }
    let way = WAYS.iter().find(|(_, _, spelled)| text.starts_with(spelled.as_bytes()));
    way.map(|&(value, letter, spelled)| (value, spelled.len(), Some(letter)))
}

fn spelled(digit: u8, ways: &mut std::str::Chars<'_>) -> Option<String> {
    if digit < 62 {
        return ALPHABET.get(usize::from(digit)).map(|&c| char::from(c).to_string());
    }
    let letter = ways.next()?;
    WAYS.iter().find(|way| (way.0, way.1) == (digit, letter)).map(|way| way.2.to_owned())
}
