//! What several turns came to: the middle, and how far they lie apart.

/// Values of several turns.
#[derive(Debug, Clone)]
pub(crate) struct Spread(Vec<f64>);

/// What values are in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    Microseconds,
    Milliseconds,
    Seconds,
    /// So many a second: the more, the better.
    PerSecond,
}

impl Spread {
    /// Nothing where there are no values.
    pub(crate) fn new(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self(values))
    }

    /// The value below which `share` of the values lie.
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Microseconds => format!("{value:.0} µs"),
            Self::Milliseconds if value < 1000.0 => format!("{value:.1} ms"),
            Self::Milliseconds => format!("{:.2} s", value / 1000.0),
            Self::Seconds => format!("{value:.2} s"),
            Self::PerSecond => format!("{}/s", thousands(value)),
        }
    }
}

/// `1234567.8` as `1,234,568`.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
