//! The one answer of a run, and the exit code that carries it.

/// How a command ended. Ordered: where several hold at once, the greatest is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything held.
    Held,
    /// It ran to its end and found problems: a handler that threw, a file that has errors.
    Problems,
    /// What was asked cannot be done as given: flags, manifest, payload.
    CannotDo,
    /// This machine is in the way: no Node.js, a port taken, a report that cannot be written.
    Machine,
    /// Ctrl-C ended it early; the reports are written all the same.
    Interrupted,
}

impl Verdict {
    /// The process exit code, as listed in `docs/exit-codes.md`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Problems => 1,
            Self::CannotDo => 2,
            Self::Machine => 3,
            Self::Interrupted => 130,
        }
    }

    /// The graver of two verdicts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn the_machine_outranks_a_problem() {
        assert_eq!(Verdict::Problems.and(Verdict::Machine), Verdict::Machine);
        assert_eq!(Verdict::Machine.and(Verdict::Held), Verdict::Machine);
    }
}
