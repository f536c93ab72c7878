//! Carries out a plan: writes a payload's bytes, without building a tree and without a list of what was drawn.

use super::draw::{Address, Draws};
use super::locale::Phones;
use super::plan::{ChangesPlan, Name, Op, Pairs, Slug};

/// How often something else is drawn where it must differ. Everything that must differ has at least two values, so that
/// this many failures do not happen.
const TRIES: u64 = 64;

/// The longest part of a slug that one name gives, in bytes: an email address may have 64 before its `@`.
const LONGEST_NAME: usize = 24;

/// Numbers that tell people of one name apart have five digits.
const TAGS: u64 = 90_000;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Where each byte of a UUID stands in its text, the opening quote included.
const UUID_PLACES: [usize; 16] = [1, 3, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 29, 31, 33, 35];

/// Writes one payload.
pub(super) struct Writer<'a> {
    draws: Draws,
    /// The draws of names, which are the same for what a field was before: the old email is of the same person.
    names: Draws,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(draws: Draws, out: &'a mut Vec<u8>) -> Self {
        Self { draws, names: draws, out }
    }

    pub(super) fn all(&mut self, ops: &[Op]) {
        for op in ops {
            self.one(op);
        }
    }

    fn one(&mut self, op: &Op) {
        match op {
            Op::Text(text) => self.out.extend_from_slice(text),
            Op::Name(name) => {
                let text = self.name(name, self.draws);
                self.string(text);
            }
            Op::Uuid(at) => self.uuid(*at),
            Op::Digits(at, count) => {
                let lowest = 10_u64.pow(count - 1);
                let number = lowest + self.draws.below(*at, lowest * 9);
                self.out.push(b'"');
                self.digits(number, *count);
                self.out.push(b'"');
            }
            Op::Integer(at, least, count) => self.integer(least.wrapping_add_unsigned(self.draws.below(*at, *count))),
            Op::Phone(at, ranges) => self.phone(*at, ranges),
            Op::Time(at, latest, count) => self.time(latest.saturating_sub_unsigned(self.draws.below(*at, *count))),
            Op::Pick(at, texts) => self.out.extend_from_slice(&texts[self.draws.index(*at, texts.len())]),
            Op::Slug(slug) => self.slug(slug),
            Op::Pairs(pairs) => self.pairs(pairs),
            Op::Actor { at, agent, user } => self.all(if self.draws.bits(*at) & 1 == 0 { agent } else { user }),
            Op::Changes(changes) => self.changes(changes),
        }
    }

    fn name(&self, name: &Name, draws: Draws) -> &'static str {
        // One of the Italian names ends in a tab.
        let drawn = |draws: Draws, at: Address| name.names[draws.index(at, name.names.len())].trim_ascii();
        let first = drawn(draws, name.at);
        match name.unlike {
            Some(other) if drawn(draws, other) == first => {
                (0..TRIES).map(|salt| drawn(draws.salted(salt), name.at)).find(|text| *text != first).unwrap_or(first)
            }
            _ => first,
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            self.escaped(text);
        }
        self.out.push(b'"');
    }

    fn escaped(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0..0x20 => {
                    self.out.extend_from_slice(b"\\u00");
                    self.out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                }
                _ => self.out.push(byte),
            }
        }
    }

    fn uuid(&mut self, at: Address) {
        let high = self.draws.bits(at) & !0xf000 | 0x4000;
        let low = self.draws.salted(1).bits(at) & !(0b11 << 62) | (0b10 << 62);
        let mut text = *b"\"00000000-0000-0000-0000-000000000000\"";
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        for (byte, place) in bytes.into_iter().zip(UUID_PLACES) {
            text[place] = HEX[usize::from(byte >> 4)];
            text[place + 1] = HEX[usize::from(byte & 15)];
        }
        self.out.extend_from_slice(&text);
    }

    /// A number with at least `count` digits, filled up with zeros.
    fn digits(&mut self, number: u64, count: u32) {
        let mut text = [b'0'; 20];
        let mut rest = number;
        let mut start = text.len();
        while rest > 0 {
            start -= 1;
            text[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let start = start.min(text.len().saturating_sub(count as usize));
        self.out.extend_from_slice(&text[start..]);
    }

    fn integer(&mut self, number: i64) {
        if number < 0 {
            self.out.push(b'-');
        }
        self.digits(number.unsigned_abs(), 1);
    }

    fn phone(&mut self, at: Address, ranges: &[Phones]) {
        let all: u64 = ranges.iter().map(|range| range.count).sum();
        let mut number = self.draws.below(at, all);
        self.out.push(b'"');
        for range in ranges {
            if number < range.count {
                self.out.extend_from_slice(range.front.as_bytes());
                self.digits(range.start + number, range.digits);
                break;
            }
            number -= range.count;
        }
        self.out.push(b'"');
    }

    /// Writes milliseconds since 1970 as `2024-03-05T08:15:30.250Z`.
    fn time(&mut self, millis: i64) {
        let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000) as u64);
        let (year, month, day) = civil(days);
        let mut text = *b"\"0000-00-00T00:00:00.000Z\"";
        for (number, start, end) in [
            (year, 1, 5),
            (month, 6, 8),
            (day, 9, 11),
            (of_day / 3_600_000, 12, 14),
            (of_day / 60_000 % 60, 15, 17),
            (of_day / 1000 % 60, 18, 20),
            (of_day % 1000, 21, 24),
        ] {
            // At most four digits: 32 bits divide faster.
            let mut rest = number as u32;
            for digit in text[start..end].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        self.out.extend_from_slice(&text);
    }

    fn slug(&mut self, slug: &Slug) {
        self.out.extend_from_slice(&slug.before);
        for name in &slug.names {
            let start = self.out.len();
            let text = self.name(name, self.names);
            self.ascii(text);
            if self.out.len() == start {
                self.out.extend_from_slice(b"user");
            }
            self.out.push(b'.');
        }
        self.digits(10_000 + self.draws.below(slug.tag, TAGS), 5);
        self.out.extend_from_slice(&slug.after[self.draws.index(slug.at, slug.after.len())]);
    }

    /// A name in ASCII letters and digits, lower case.
    fn ascii(&mut self, name: &str) {
        let mut text = [0; LONGEST_NAME];
        let mut length = 0;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                if byte.is_ascii_alphanumeric() && length < LONGEST_NAME {
                    text[length] = byte.to_ascii_lowercase();
                    length += 1;
                }
            }
        };
        if name.is_ascii() {
            take(name.as_bytes());
        } else {
            let mut buffer = [0; 4];
            for c in name.chars() {
                let ascii =
                    if c.is_ascii() { Some(&*c.encode_utf8(&mut buffer)) } else { deunicode::deunicode_char(c) };
                take(ascii.unwrap_or("").as_bytes());
            }
        }
        self.out.extend_from_slice(&text[..length]);
    }

    fn pairs(&mut self, pairs: &Pairs) {
        // Which names are there does not change when a value does.
        let draws = self.names;
        let count = pairs.least + draws.index(pairs.at, pairs.most - pairs.least + 1);
        let mut first = true;
        self.out.push(b'[');
        let least = Least::new(count, pairs.of.iter().map(|pair| draws.bits(pair.at)));
        for pair in &pairs.of {
            if !least.has(draws.bits(pair.at)) {
                continue;
            }
            self.out.extend_from_slice(if first { b"{\"name\":" } else { b",{\"name\":" });
            first = false;
            self.out.extend_from_slice(&pair.name);
            self.out.extend_from_slice(b",\"value\":");
            self.out.extend_from_slice(&pair.values[self.draws.salted(2).index(pair.at, pair.values.len())]);
            self.out.push(b'}');
        }
        self.out.push(b']');
    }

    fn changes(&mut self, changes: &ChangesPlan) {
        let count = changes.least + self.draws.index(changes.at, changes.most - changes.least + 1);
        let least = Least::new(count, changes.fields.iter().map(|field| self.draws.bits(field.at)));
        let mut first = true;
        self.out.push(b'{');
        for field in &changes.fields {
            if !least.has(self.draws.bits(field.at)) {
                continue;
            }
            if !first {
                self.out.push(b',');
            }
            first = false;
            self.out.extend_from_slice(&field.key);
            self.out.push(b'[');
            self.pair(field.at, &field.ops, changes.new_first);
            self.out.push(b']');
        }
        self.out.push(b'}');
    }

    /// Writes a field's new value, which is the one that the user has, and an old one that differs.
    fn pair(&mut self, at: Address, ops: &[Op], new_first: bool) {
        let start = self.out.len();
        self.all(ops);
        let end = self.out.len();
        self.out.push(b',');
        let base = self.draws;
        for salt in 0..TRIES {
            self.out.truncate(end + 1);
            self.draws = base.salted(base.bits(at).wrapping_add(salt));
            self.all(ops);
            if self.out[start..end] != self.out[end + 1..] {
                break;
            }
        }
        self.draws = base;
        if !new_first {
            // `new,old` becomes `old,new`: the comma goes along with the old value.
            self.out.remove(end);
            self.out[start..].rotate_left(end - start);
            let old_end = self.out.len() - (end - start);
            self.out.insert(old_end, b',');
        }
    }
}

/// The least few of many draws: a choice that a further draw moves at one place at most.
struct Least {
    greatest: u64,
}

impl Least {
    /// How many draws are kept while looking; a choice of more than this is made the slow way.
    const KEPT: usize = 8;

    fn new(count: usize, draws: impl Iterator<Item = u64> + Clone) -> Self {
        if count > Self::KEPT {
            let mut all: Vec<u64> = draws.collect();
            all.sort_unstable();
            return Self { greatest: all.get(count - 1).copied().unwrap_or(u64::MAX) };
        }
        // In order, the unused places at the end.
        let mut kept = [u64::MAX; Self::KEPT];
        for draw in draws {
            let mut place = count;
            while place > 0 && kept[place - 1] > draw {
                if place < Self::KEPT {
                    kept[place] = kept[place - 1];
                }
                place -= 1;
            }
            if place < count {
                kept[place] = draw;
            }
        }
        Self { greatest: kept[count.saturating_sub(1)] }
    }

    const fn has(&self, draw: u64) -> bool {
        draw <= self.greatest
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`); years from 0 on.
fn civil(days: i64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097) as u64;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era as i64 + era * 400 + i64::from(month <= 2);
    (year.unsigned_abs(), month, day)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::{Draws, Least, Writer};

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Writer::new(Draws::new(0, 0), &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_agree_with_jiff() {
        for millis in (0..40_000).map(|step| step * 6_311_385_191) {
            let timestamp = jiff::Timestamp::from_millisecond(millis).unwrap();
            assert_eq!(written(|writer| writer.time(millis)), format!("\"{timestamp:.3}\""), "{millis}");
        }
    }

    #[test]
    fn texts_are_escaped_as_json_asks() {
        for text in ["plain", "a\"b\\c\n\u{1}", "Zoë 怡君"] {
            let json = written(|writer| writer.string(text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn names_of_any_script_give_ascii() {
        for (name, ascii) in
            [("Zoë", "zoe"), ("怡君", "yijun"), ("O'Connor-Smith", "oconnorsmith"), ("Müller", "muller")]
        {
            assert_eq!(written(|writer| writer.ascii(name)), ascii);
        }
    }

    #[test]
    fn the_least_draws_are_chosen() {
        let draws: Vec<u64> = (0..20).map(|draw| draw * 7 % 20).collect();
        for count in 1..=20 {
            let least = Least::new(count, draws.iter().copied());
            assert_eq!(draws.iter().filter(|draw| least.has(**draw)).count(), count);
            assert!(least.has(0));
        }
    }

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 7, -1, i64::MAX, i64::MIN] {
            assert_eq!(written(|writer| writer.integer(number)), number.to_string());
        }
    }
}
