//! Texts that are certainly of a format. Each function knows the common forms only; what is of another form gets a closer
//! look by the checker itself.

/// A format that a quick look can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Date,
    Email,
    Uri,
    Uuid,
}

impl Format {
    pub(super) fn new(name: &str) -> Option<Self> {
        match name {
            "date-time" => Some(Self::DateTime),
            "date" => Some(Self::Date),
            "email" => Some(Self::Email),
            "uri" => Some(Self::Uri),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    /// Whether `text`, which holds no escapes, is certainly of this format.
    pub(super) fn is_surely(self, text: &[u8]) -> bool {
        match self {
            Self::DateTime => text.len() >= 20 && date(&text[..10]) && time(&text[10..]),
            Self::Date => date(text),
            Self::Email => email(text),
            Self::Uri => uri(text),
            Self::Uuid => uuid(text),
        }
    }
}

/// The number that two digits make.
fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + ones - b'0')
}

/// `2024-03-05`; the 29th of February needs the year.
fn date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return false };
    let last = match two(*m1, *m2) {
        Some(1 | 3 | 5 | 7 | 8 | 10 | 12) => 31,
        Some(4 | 6 | 9 | 11) => 30,
        Some(2) => 28,
        _ => return false,
    };
    [y1, y2, y3, y4].iter().all(|digit| digit.is_ascii_digit())
        && two(*d1, *d2).is_some_and(|day| (1..=last).contains(&day))
}

/// `T08:15:30Z`, with or without a fraction of a second.
fn time(text: &[u8]) -> bool {
    let [b'T', h1, h2, b':', m1, m2, b':', s1, s2, rest @ .., b'Z'] = text else { return false };
    let fraction = match rest {
        [] => true,
        [b'.', first, more @ ..] => first.is_ascii_digit() && more.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let below = |tens: &u8, ones: &u8, limit: u8| two(*tens, *ones).is_some_and(|number| number < limit);
    fraction && below(h1, h2, 24) && below(m1, m2, 60) && below(s1, s2, 60)
}

/// Words with single dots between, an `@`, a host.
fn email(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|&byte| byte == b'@') else { return false };
    let (local, host) = (&text[..at], &text[at + 1..]);
    let word = |word: &[u8]| {
        !word.is_empty() && word.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+'))
    };
    local.len() <= 64 && local.split(|&byte| byte == b'.').all(word) && is_host(host)
}

/// Two or more labels of letters, digits and single hyphens.
fn is_host(text: &[u8]) -> bool {
    let mut labels = 0;
    let mut before = b'.';
    let mut length = 0;
    for &byte in text {
        match byte {
            b'.' if before == b'.' || before == b'-' || length > 63 => return false,
            b'.' => (labels, length) = (labels + 1, 0),
            b'-' if before == b'.' || before == b'-' => return false,
            b'-' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => length += 1,
            _ => return false,
        }
        before = byte;
    }
    labels > 0 && before != b'.' && before != b'-' && length <= 63 && text.len() <= 253
}

/// `http` or `https`, a host, and a path and query of plain characters.
fn uri(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://")) else { return false };
    let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    let plain = |&byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~' | b'?' | b'=' | b'&' | b',')
    };
    is_host(&rest[..end]) && rest[end..].iter().all(plain)
}

fn uuid(text: &[u8]) -> bool {
    let digit = |(at, &byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.iter().enumerate().all(digit)
}
