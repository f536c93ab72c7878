//! What secrets begin with: by their first two bytes, in any spelling, nearly all of a text is passed over.

/// No pair.
const NOTHING: &[u64; 1024] = &[0; 1024];

/// The pairs of bytes that a secret can begin with. There may be more of them than secrets have, and never fewer.
#[derive(Clone, Default)]
pub(super) struct Starts {
    /// A bit for each pair; nothing where none begins.
    pairs: Option<Box<[u64; 1024]>>,
}

impl Starts {
    /// `first` may begin a secret, followed by `second`.
    pub(super) fn add(&mut self, first: u8, second: u8) {
        let (word, bit) = place(first, second);
        self.pairs.get_or_insert_with(|| Box::new([0; 1024]))[word] |= bit;
    }

    /// `first` may begin a secret, whatever follows, and be all of it.
    pub(super) fn add_all(&mut self, first: u8) {
        (0..=u8::MAX).for_each(|second| self.add(first, second));
    }

    /// Where in `text` a secret may begin.
    pub(super) fn places<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = usize> + 't {
        let pairs = self.pairs.as_deref().unwrap_or(NOTHING);
        // What may be all of a secret may also be followed by any byte, a zero too.
        (0..text.len()).filter(move |&at| has(pairs, text[at], text.get(at + 1).copied().unwrap_or(0)))
    }

    /// Whether a secret may begin at byte `at` of `text`.
    pub(super) fn may_begin(&self, text: &[u8], at: usize) -> bool {
        self.places(&text[at..text.len().min(at + 2)]).next() == Some(0)
    }
}

fn has(pairs: &[u64; 1024], first: u8, second: u8) -> bool {
    let (word, bit) = place(first, second);
    pairs[word] & bit != 0
}

/// The word that a pair's bit is in, and the bit.
fn place(first: u8, second: u8) -> (usize, u64) {
    let pair = usize::from(first) << 8 | usize::from(second);
    (pair >> 6, 1 << (pair & 63))
}
