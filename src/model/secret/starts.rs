//! What secrets can begin with, so that nearly all of a text is passed over at a glance.

/// A set of pairs of bytes.
#[derive(Clone, Default)]
pub(super) struct Starts {
    /// For each first byte the second ones, a bit each; empty where there are no secrets.
    seconds: Vec<[u64; 4]>,
}

impl Starts {
    /// A secret can begin with that byte, whatever follows.
    pub(super) fn add(&mut self, first: u8) {
        *self.of(first) = [u64::MAX; 4];
    }

    /// A secret can begin with those two.
    pub(super) fn add_pair(&mut self, first: u8, second: u8) {
        self.of(first)[usize::from(second >> 6)] |= 1 << (second & 63);
    }

    fn of(&mut self, first: u8) -> &mut [u64; 4] {
        self.seconds.resize(256, [0; 4]);
        &mut self.seconds[usize::from(first)]
    }

    /// Whether a secret may stand at the start of `text`.
    pub(super) fn may_begin(&self, text: &[u8]) -> bool {
        let Some(seconds) = text.first().and_then(|first| self.seconds.get(usize::from(*first))) else { return false };
        match text.get(1) {
            Some(second) => seconds[usize::from(second >> 6)] >> (second & 63) & 1 == 1,
            // One of a single byte.
            None => *seconds != [0; 4],
        }
    }
}
