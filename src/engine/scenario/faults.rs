//! A scenario with faults put in: deliveries that arrive twice, in another order, or never, as they do in production. Which
//! ones is drawn from a seed and the scenario's name, so the same seed makes the same faults.
//!
//! What a step expects was written for an orderly life, so only what is said to hold always is looked at then.

use super::{Act, Fired, Scenario, Step};
use crate::text::json::Kind;

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It arrives once, at its time.
    Spared,
    Lost,
    /// It arrives a second time, at once.
    Twice,
    /// It arrives a second time, some steps later.
    AgainLater,
    /// The next delivery overtakes it.
    Overtaken,
}

/// The fates that are drawn from; a delivery is spared as often as not.
const FATES: [Fate; 8] = [
    Fate::Lost,
    Fate::Twice,
    Fate::AgainLater,
    Fate::Overtaken,
    Fate::Spared,
    Fate::Spared,
    Fate::Spared,
    Fate::Spared,
];

/// How many of [`FATES`] are faults.
const FAULTS: u64 = 4;

impl Scenario {
    /// The same scenario with faults that are drawn from `seed`, one at least. `None` where it does not say what always
    /// holds: nothing could be looked at.
    pub fn with_faults(&self, seed: u64) -> Option<Self> {
        let says_always = self.always.is_some() || self.steps.iter().any(Step::is_always);
        if !says_always {
            return None;
        }
        let draw = |at: usize| bits(seed, &self.name, at as u64);
        let mut made = Made::default();
        let forced = forced(&self.steps, draw(usize::MAX));
        let mut steps = self.steps.iter().map(Step::without_the_rest).enumerate().peekable();
        while let Some((at, step)) = steps.next() {
            let Act::Deliver(fired) = step.act.clone() else {
                made.push(step);
                continue;
            };
            let next_delivers = steps.peek().is_some_and(|(_, next)| matches!(next.act, Act::Deliver(_)));
            let told = step.told();
            match fate(draw(at), forced == Some(at), next_delivers) {
                Fate::Spared => made.push(step),
                Fate::Lost => {
                    made.faults.push(format!("{told} never arrives"));
                    made.push(Step { act: Act::Nothing, ..step });
                }
                Fate::Twice => {
                    made.faults.push(format!("{told} arrives twice"));
                    let again = step.again(fired);
                    made.push(step);
                    made.push(again);
                }
                Fate::AgainLater => {
                    made.faults.push(format!("{told} arrives again later"));
                    made.later.push((2 + draw(at).count_ones() as usize % 3, step.again(fired)));
                    made.push(step);
                }
                Fate::Overtaken => {
                    let Some((_, next)) = steps.next() else { continue };
                    made.faults.push(format!("{told} arrives after {}", next.told()));
                    let late = step.again(fired);
                    made.push(Step { act: Act::Nothing, ..step });
                    made.push(next);
                    made.push(Step { title: late.title.replacen("again", "late:", 1), ..late });
                }
            }
        }
        let Made { steps, faults, .. } = made.ended();
        Some(Self { steps, faults, ..self.clone() })
    }
}

/// The delivery that is not spared, so that there is a fault at all.
fn forced(steps: &[Step], draw: u64) -> Option<usize> {
    let delivers = |(at, step): (usize, &Step)| matches!(step.act, Act::Deliver(_)).then_some(at);
    let all: Vec<usize> = steps.iter().enumerate().filter_map(delivers).collect();
    all.get(usize::try_from(draw % (all.len().max(1) as u64)).unwrap_or(0)).copied()
}

fn fate(draw: u64, is_forced: bool, next_delivers: bool) -> Fate {
    let among = if is_forced { FAULTS } else { FATES.len() as u64 };
    match FATES.get(usize::try_from(draw % among).unwrap_or(0)) {
        // The last delivery has none that could overtake it.
        Some(Fate::Overtaken) if !next_delivers => Fate::Twice,
        Some(fate) => *fate,
        None => Fate::Spared,
    }
}

/// The scenario as it is put together.
#[derive(Default)]
struct Made {
    steps: Vec<Step>,
    faults: Vec<String>,
    /// What arrives again, and after how many more steps.
    later: Vec<(usize, Step)>,
}

impl Made {
    fn push(&mut self, step: Step) {
        let users = step.users.clone();
        self.steps.push(step);
        let mut due = Vec::new();
        self.later.retain_mut(|(steps, again)| {
            *steps -= 1;
            let is_due = *steps == 0;
            if is_due {
                due.push(again.clone());
            }
            !is_due
        });
        self.steps.extend(due.into_iter().map(|again| Step { users: users.clone(), ..again }));
    }

    fn ended(mut self) -> Self {
        let users = self.steps.last().map(|step| step.users.clone()).unwrap_or_default();
        let left = std::mem::take(&mut self.later);
        self.steps.extend(left.into_iter().map(|(_, again)| Step { users: users.clone(), ..again }));
        self
    }
}

impl Step {
    /// Whether what it expects must hold whatever happens.
    fn is_always(&self) -> bool {
        self.expect
            .as_ref()
            .and_then(|expect| expect.get("always"))
            .is_some_and(|always| always.kind == Kind::Bool(true))
    }

    /// The step without what it expects of an orderly life.
    fn without_the_rest(&self) -> Self {
        let expect = self.expect.clone().filter(|_| self.is_always());
        Self { expect, snapshot: None, ..self.clone() }
    }

    fn again(&self, fired: Fired) -> Self {
        Self {
            title: format!("again {}", self.title),
            act: Act::Deliver(fired),
            id: None,
            expect: None,
            snapshot: None,
            ..self.clone()
        }
    }

    /// The step as the list of faults names it.
    fn told(&self) -> String {
        let line = self.place.span.map_or(1, |span| span.start.line);
        format!("`{}` of line {line}", self.title)
    }
}

/// 64 bits for a step of a scenario: the finaliser of SplitMix64 over seed, name and step.
fn bits(seed: u64, name: &str, at: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    mix(mix(seed.wrapping_add(step) ^ super::cast::fold(name)).wrapping_add(at.wrapping_mul(step)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fate_is_drawn_and_a_forced_one_is_never_spared() {
        let fates = |is_forced| -> HashSet<String> {
            (0..200).map(|seed| format!("{:?}", fate(bits(seed, "a", 1), is_forced, true))).collect()
        };
        assert_eq!(fates(false).len(), 5);
        assert!(!fates(true).contains("Spared"));
        assert_eq!(fate(3, true, false), Fate::Twice);
    }
}
