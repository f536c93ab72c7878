//! Addressed draws: a number that depends on the seed, the payload's index and the field's JSON Pointer, and on nothing
//! else.
//!
//! The function is simctl's own and part of what a seed means: the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast
//! splittable pseudorandom number generators", 2014) over the seed, then over the index, then over the pointer's address.
//! Changing it changes every payload; a golden test notices.

/// 2^64 divided by the golden ratio, made odd: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64: each bit of the input moves about half of the bits of the output.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The address of a field: its JSON Pointer, folded (FNV-1a, 64 bits) and mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address(u64);

impl Address {
    pub(super) fn of(pointer: &str) -> Self {
        let folded = pointer
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(mix(folded))
    }
}

/// The draws of one payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    base: u64,
}

impl Draws {
    /// The draws of payload `index` of the run of `seed`.
    pub(super) const fn new(seed: u64, index: u64) -> Self {
        Self { base: mix(mix(seed.wrapping_add(STEP)).wrapping_add(index.wrapping_mul(STEP))) }
    }

    /// The same payload's draws for another purpose, such as the values that a field had before. `salt` 0 gives draws of
    /// their own, too.
    pub(super) const fn salted(self, salt: u64) -> Self {
        Self { base: mix(self.base ^ salt.wrapping_add(1).wrapping_mul(STEP)) }
    }

    /// 64 bits for `at`.
    pub(super) const fn bits(self, at: Address) -> u64 {
        mix(self.base ^ at.0)
    }

    /// A number below `limit`, or 0 where `limit` is.
    pub(super) const fn below(self, at: Address, limit: u64) -> u64 {
        ((self.bits(at) as u128 * limit as u128) >> 64) as u64
    }

    /// Which of `len` things.
    pub(super) const fn index(self, at: Address, len: usize) -> usize {
        self.below(at, len as u64) as usize
    }
}

/// A number below `limit`, for a `purpose` that is no field: drawn like the values of payload `index`, and of no influence
/// on them.
pub fn drawn_below(seed: u64, index: u64, purpose: &str, limit: u64) -> u64 {
    // No JSON Pointer begins like this.
    Draws::new(seed, index).below(Address::of(&format!("draw {purpose}")), limit)
}

/// What tells the delivery of payload `index` from all others, as a UUID (RFC 9562, version 4): drawn like the payload's
/// values, and of no influence on them.
pub fn delivery_id(seed: u64, index: u64, event: &str) -> String {
    let draws = Draws::new(seed, index);
    // No JSON Pointer begins like this.
    let at = Address::of(&format!("delivery {event}"));
    let high = draws.bits(at) & !0xf000 | 0x4000;
    let low = draws.salted(1).bits(at) & !(0b11 << 62) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::{Address, Draws};

    #[test]
    fn the_function_is_pinned() {
        // Computed apart, from the description above: what a seed means must not move.
        let at = Address::of("/data/user/email");
        assert_eq!(Draws::new(0, 0).bits(at), PINNED[0]);
        assert_eq!(Draws::new(42, 7).bits(at), PINNED[1]);
    }

    const PINNED: [u64; 2] = [0x15d3_b382_f7e7_dc46, 0xd8db_a4ed_6443_2172];

    #[test]
    fn numbers_fill_their_range_evenly() {
        let at = Address::of("/a");
        let mut counts = [0_u32; 10];
        for index in 0..100_000 {
            counts[Draws::new(1, index).index(at, 10)] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn neighbours_do_not_resemble_each_other() {
        let at = Address::of("/a");
        let flipped: u32 = (0..1_000)
            .map(|index| (Draws::new(1, index).bits(at) ^ Draws::new(1, index + 1).bits(at)).count_ones())
            .sum();
        assert!((31_000..33_000).contains(&flipped), "{flipped}");
    }
}
