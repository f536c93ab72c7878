//! Contenders that take turns, so that a machine whose speed drifts slows all of them alike: what holds is the ratio of two
//! turns of one round.

use super::peers::Peer;
use super::sheet::table;
use super::spread::{Spread, Unit};

/// Several ways to do one work.
pub(crate) struct Turns<'a> {
    unit: Unit,
    all: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: String,
    /// What one turn comes to; or why there are none.
    work: Peer<Box<dyn FnMut() -> f64 + 'a>>,
    values: Vec<f64>,
}

/// What the turns of all came to.
pub(crate) struct Came {
    unit: Unit,
    all: Vec<(String, Peer<Vec<f64>>)>,
}

impl<'a> Turns<'a> {
    pub(crate) const fn new(unit: Unit) -> Self {
        Self { unit, all: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, work: impl FnMut() -> f64 + 'a) -> &mut Self {
        self.peer(name, Ok(work))
    }

    /// A contender that may be missing, which its row then says.
    pub(crate) fn peer(&mut self, name: impl Into<String>, work: Peer<impl FnMut() -> f64 + 'a>) -> &mut Self {
        let work = work.map(|work| Box::new(work) as Box<dyn FnMut() -> f64 + 'a>);
        self.all.push(Contender { name: name.into(), work, values: Vec::new() });
        self
    }

    /// Lets each have a turn in each round. Who begins changes, and what the first `warm_up` rounds come to does not count.
    pub(crate) fn take(mut self, warm_up: usize, rounds: usize) -> Came {
        let count = self.all.len();
        for round in 0..warm_up + rounds {
            for turn in 0..count {
                let contender = &mut self.all[(round + turn) % count];
                let Ok(work) = &mut contender.work else { continue };
                let value = work();
                if round >= warm_up {
                    contender.values.push(value);
                }
            }
        }
        let came = |one: Contender<'_>| (one.name, one.work.map(|_| one.values));
        Came { unit: self.unit, all: self.all.into_iter().map(came).collect() }
    }
}

impl Came {
    fn values(&self, name: &str) -> Peer<&[f64]> {
        let (_, values) = self.all.iter().find(|(known, _)| known == name).expect("a contender of that name");
        values.as_deref().map_err(Clone::clone)
    }

    /// What the turns of one came to.
    pub(crate) fn spread(&self, name: &str) -> Peer<Spread> {
        self.values(name).map(|values| Spread::new(values.to_vec()).expect("at least one round"))
    }

    /// What one came to, as a part of what another did, round by round.
    pub(crate) fn ratio(&self, name: &str, beside: &str) -> Peer<Spread> {
        self.pairs(name, beside, |own, other| own / other)
    }

    /// How much more one came to than another, round by round.
    pub(crate) fn difference(&self, name: &str, beside: &str) -> Peer<Spread> {
        self.pairs(name, beside, |own, other| own - other)
    }

    fn pairs(&self, name: &str, beside: &str, of: impl Fn(f64, f64) -> f64) -> Peer<Spread> {
        let (own, other) = (self.values(name)?, self.values(beside)?);
        let all = own.iter().zip(other).map(|(own, other)| of(*own, *other)).collect();
        Ok(Spread::new(all).expect("at least one round"))
    }

    /// A row for each: median, spread, and the ratio to the one named `beside`.
    pub(crate) fn table(&self, title: &str, beside: Option<(&str, &str)>) -> String {
        let mut head = vec![title, "median", "10 % to 90 %"];
        head.extend(beside.map(|(_, title)| title));
        let rows = self.all.iter().map(|(name, _)| {
            let mut row = vec![name.clone()];
            match self.spread(name) {
                Ok(spread) => {
                    let show = |share| self.unit.show(spread.at(share));
                    row.extend([show(0.5), format!("{} to {}", show(0.1), show(0.9))]);
                }
                Err(why) => row.extend(["–".to_owned(), format!("not measured: {why}")]),
            }
            if let Some((beside, _)) = beside {
                let ratio = self.ratio(name, beside);
                row.push(ratio.map_or_else(|_| "–".to_owned(), |ratio| shown(ratio.median())));
            }
            row
        });
        table(&head, rows)
    }
}

/// A ratio with two digits that say something.
fn shown(ratio: f64) -> String {
    let digits = if ratio < 0.1 { 4 } else { 2 };
    format!("{ratio:.digits$}")
}
