//! Which deliveries there are, when each is due, and which of them are this shard's and this lane's. Pure: no clock, no
//! state.

use std::time::Duration;

/// When deliveries are due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each as soon as there is somebody to handle it.
    AsFast,
    /// So many a second, whatever becomes of them, after a time in which they grow from none to so many.
    Rate {
        /// Deliveries a second.
        per_second: f64,
        /// How long they take to become so many.
        ramp: Duration,
    },
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// So many deliveries.
    Count(u64),
    /// As many as are due, or are begun where there is no rate, in this time.
    Time(Duration),
    /// This delivery of the run, at once.
    Only(u64),
}

/// One part of a run that is cut into several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub part: u64,
    /// Of how many.
    pub of: u64,
}

impl Shard {
    /// All of a run.
    pub const WHOLE: Self = Self { part: 0, of: 1 };
}

impl Pace {
    /// How long after the beginning delivery `index` is due; nothing where deliveries have no time of their own.
    pub fn due(&self, index: u64) -> Option<Duration> {
        let Self::Rate { per_second, ramp } = *self else { return None };
        let (index, ramp) = (index as f64, ramp.as_secs_f64());
        // While it grows, `per_second * t * t / (2 * ramp)` have been due after `t` seconds.
        let in_ramp = per_second * ramp / 2.0;
        let seconds = if index < in_ramp {
            (2.0 * index * ramp / per_second).sqrt()
        } else {
            ramp + (index - in_ramp) / per_second
        };
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

/// The numbers of the deliveries that a lane makes, in their order.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    pace: Pace,
    extent: Extent,
    next: u64,
    step: Step,
    done: bool,
}

/// Which numbers are its own.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Each so-many-th.
    Every(u64),
    /// Those of some of the users, who take turns.
    Users { users: u64, shard: Shard, lane: Shard },
}

/// Who gets which delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// How many users live at a time.
    pub users: u64,
}

impl Crowd {
    /// Whose turn delivery `index` is: a place in the population, from 0.
    pub const fn place(self, index: u64) -> u64 {
        index % self.users
    }

    /// The turns that this place has had before delivery `index`.
    pub const fn turn(self, index: u64) -> u64 {
        index / self.users
    }

    /// The delivery that is turn `turn` of `place`.
    pub const fn index(self, place: u64, turn: u64) -> u64 {
        turn * self.users + place
    }
}

impl Numbers {
    /// The numbers of `shard`. With a crowd, those of one user are all on one lane, so that they stay in order.
    pub(super) fn new(pace: Pace, extent: Extent, shard: Shard, crowd: Option<(Crowd, Shard)>) -> Self {
        if let Extent::Only(index) = extent {
            // Whatever lane it was on, one makes it now.
            let done = crowd.is_some_and(|(_, lane)| lane.part > 0);
            return Self { pace, extent, next: index, step: Step::Every(1), done };
        }
        match crowd {
            None => Self { pace, extent, next: shard.part, step: Step::Every(shard.of), done: false },
            Some((crowd, lane)) => {
                let step = Step::Users { users: crowd.users, shard, lane };
                Self { pace, extent, next: 0, step, done: false }
            }
        }
    }

    fn is_within(&self, index: u64) -> bool {
        match self.extent {
            Extent::Count(count) => index < count,
            Extent::Time(time) => self.pace.due(index).is_none_or(|due| due < time),
            Extent::Only(only) => index == only,
        }
    }

    /// The first number from `next` on that is its own.
    fn own(&self) -> Option<u64> {
        let Step::Users { users, shard, lane } = self.step else { return Some(self.next) };
        let is_own = |place: u64| place % shard.of == shard.part && place / shard.of % lane.of == lane.part;
        let (turn, place) = (self.next / users, self.next % users);
        let in_turn = (place..users).find(|&place| is_own(place)).map(|place| turn * users + place);
        in_turn.or_else(|| (0..users).find(|&place| is_own(place)).map(|place| (turn + 1) * users + place))
    }
}

impl Iterator for Numbers {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let index = self.own().filter(|&index| !self.done && self.is_within(index));
        let Some(index) = index else {
            self.done = true;
            return None;
        };
        self.next = match self.step {
            Step::Every(step) => index + step,
            Step::Users { .. } => index + 1,
        };
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Shard = Shard::WHOLE;

    fn rate(per_second: f64, ramp_s: u64) -> Pace {
        Pace::Rate { per_second, ramp: Duration::from_secs(ramp_s) }
    }

    #[test]
    fn a_rate_holds_from_its_first_delivery_on() {
        let pace = rate(500.0, 0);
        assert_eq!(pace.due(0), Some(Duration::ZERO));
        assert_eq!(pace.due(500), Some(Duration::from_secs(1)));
        assert_eq!(Numbers::new(pace, Extent::Time(Duration::from_secs(3)), WHOLE, None).count(), 1_500);
    }

    #[test]
    fn a_ramp_fires_half_as_many_in_its_time_and_goes_over_without_a_gap() {
        let pace = rate(100.0, 10);
        let due: Vec<f64> = (0..1_000).filter_map(|index| pace.due(index)).map(|due| due.as_secs_f64()).collect();
        assert!(due.is_sorted());
        assert_eq!(due.iter().filter(|&&due| due < 10.0).count(), 500);
        assert!((due[501] - due[500] - 0.01).abs() < 1e-9, "{}", due[501] - due[500]);
        assert!((due[500] - due[499]) < 0.011);
    }

    #[test]
    fn shards_share_a_run_out_without_a_gap_or_a_double() {
        for crowd in [None, Some(Crowd { users: 7 })] {
            let mut all = Vec::new();
            for part in 0..3 {
                for lane in 0..if crowd.is_some() { 2 } else { 1 } {
                    let crowd = crowd.map(|crowd| (crowd, Shard { part: lane, of: 2 }));
                    all.extend(Numbers::new(Pace::AsFast, Extent::Count(100), Shard { part, of: 3 }, crowd));
                }
            }
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_user_has_one_lane_and_a_lane_keeps_order() {
        let crowd = Crowd { users: 5 };
        let lane = |part| Numbers::new(Pace::AsFast, Extent::Count(40), WHOLE, Some((crowd, Shard { part, of: 2 })));
        let places = |part| lane(part).map(|index| crowd.place(index)).collect::<std::collections::BTreeSet<_>>();
        assert!(places(0).is_disjoint(&places(1)));
        assert!(lane(0).is_sorted());
    }

    #[test]
    fn a_lane_without_a_user_has_nothing_to_do() {
        let crowd = Some((Crowd { users: 1 }, Shard { part: 1, of: 2 }));
        assert_eq!(Numbers::new(Pace::AsFast, Extent::Count(9), WHOLE, crowd).count(), 0);
    }

    #[test]
    fn one_delivery_of_a_run_is_made_by_one_lane() {
        let made = |part| {
            let crowd = Some((Crowd { users: 3 }, Shard { part, of: 2 }));
            Numbers::new(rate(1.0, 0), Extent::Only(17), WHOLE, crowd).collect::<Vec<_>>()
        };
        assert_eq!((made(0), made(1)), (vec![17], vec![]));
    }
}
