//! The users of a load: a population whose members take turns, are created, change, and make room for others.
//!
//! Every place of the population holds one user at a time. Whether a turn brings a new user to a place or changes the one
//! that is there, who she is and what changes, is drawn from the seed and the delivery's number alone. So a delivery can be
//! made without those of other users, by any shard, and also by itself: then the user's life is gone through once more.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::{Crowd, Made, Maker, Source};
use crate::model::Findings;
use crate::payload::life::{self, CREATED, Change, UPDATED, USER};
use crate::payload::{Changes, Generator, Recipe, drawn_below};
use crate::schema::Schemas;

/// The events of a user's life, in the order in which [`Made::event`] numbers them.
pub const EVENTS: [&str; 2] = [CREATED, UPDATED];

/// How far apart the draws of one delivery are: beyond every number that a run has.
const APART: u64 = 1 << 48;

/// How creates and updates are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// The share of creates.
    pub create: u32,
    /// The share of updates.
    pub update: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { create: 1, update: 9 }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create={},update={}", self.create, self.update)
    }
}

impl FromStr for Mix {
    type Err = String;

    /// `create=1,update=9`; what is not named has no share.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self { create: 0, update: 0 };
        for part in text.split(',') {
            let expected = || format!("`{part}` is not a share: write the mix as `create=1,update=9`");
            let (name, share) = part.split_once('=').ok_or_else(expected)?;
            let share: u32 = share.trim().parse().map_err(|_| expected())?;
            match name.trim() {
                "create" => mix.create = share,
                "update" => mix.update = share,
                other => return Err(format!("`{other}` is nothing that a user does here: `create` and `update` are")),
            }
        }
        if mix.create == 0 && mix.update == 0 {
            return Err("a mix needs a share that is greater than 0".to_owned());
        }
        Ok(mix)
    }
}

/// A population.
#[derive(Debug)]
pub struct Lives {
    seed: u64,
    crowd: Crowd,
    mix: Mix,
    created: Generator,
    updated: Generator,
}

impl Lives {
    /// A population of so many users, drawn as `recipe` says.
    ///
    /// # Errors
    /// Findings where no payloads can be made of the events of a user's life.
    pub fn new(schemas: &Schemas, recipe: &Recipe, crowd: Crowd, mix: Mix) -> Result<Self, Findings> {
        let of_creates = Recipe { changes: Changes::Drawn, actor: None, ..recipe.clone() };
        Ok(Self {
            seed: recipe.seed,
            crowd,
            mix,
            created: Generator::new(schemas, EVENTS[0], &of_creates)?,
            updated: Generator::new(schemas, EVENTS[1], recipe)?,
        })
    }

    /// Whether delivery `index` brings a new user.
    fn is_birth(&self, index: u64) -> bool {
        let (create, all) = (u64::from(self.mix.create), u64::from(self.mix.create) + u64::from(self.mix.update));
        self.crowd.turn(index) == 0 || drawn_below(self.seed, index, "birth", all) < create
    }

    /// Delivery `index`; the user of its place is `was`, and becomes another or changes.
    fn live(&self, index: u64, was: Option<Value>) -> (Made, Value) {
        let Some(was) = was.filter(|_| !self.is_birth(index)) else {
            let payload = self.created.value(index);
            let user = payload.pointer(USER).cloned().unwrap_or_default();
            return (Made { event: 0, payload: payload.to_string() }, user);
        };
        // Where a field's only other value is not drawn, it stays: a load goes on.
        let life::Changed { payload, user, .. } =
            life::changed(&self.updated, &was, &Change::default(), (0..).map(|draw| index.wrapping_add(draw * APART)));
        (Made { event: 1, payload: payload.to_string() }, user)
    }

    /// The user of a place just before delivery `index`, gone through from her birth on.
    fn before(&self, index: u64) -> Option<Value> {
        let (place, turn) = (self.crowd.place(index), self.crowd.turn(index));
        let at = |turn| self.crowd.index(place, turn);
        let born = (0..turn).rev().find(|&turn| self.is_birth(at(turn)))?;
        (born..turn).fold(None, |user, turn| Some(self.live(at(turn), user).1))
    }
}

impl Source for Lives {
    fn maker(&self) -> Maker<'_> {
        // The users of this lane, each with the turn that she has had last.
        let mut users: HashMap<u64, (u64, Value)> = HashMap::new();
        Box::new(move |index| {
            let (place, turn) = (self.crowd.place(index), self.crowd.turn(index));
            let known = users.remove(&place).filter(|(last, _)| last + 1 == turn).map(|(_, user)| user);
            let was = known.or_else(|| if self.is_birth(index) { None } else { self.before(index) });
            let (made, user) = self.live(index, was);
            users.insert(place, (turn, user));
            Ok(made)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;
    use crate::model::Platform;
    use crate::payload::Variant;

    fn lives(variant: Variant, mix: Mix) -> (Schemas, Lives) {
        let schemas = Schemas::embedded();
        let recipe = Recipe {
            seed: 7,
            now: jiff::Timestamp::UNIX_EPOCH,
            locale: "en".parse().unwrap(),
            variant,
            platform: Platform::V3,
            changes: Changes::Drawn,
            actor: None,
            iparams: None,
        };
        let lives = Lives::new(&schemas, &recipe, Crowd { users: 5 }, mix).unwrap();
        (schemas, lives)
    }

    fn value(made: &Made) -> Value {
        serde_json::from_str(&made.payload).unwrap()
    }

    #[test]
    fn each_change_leads_from_what_the_user_was_to_what_she_is() {
        let (schemas, lives) = lives(Variant::Docs, Mix::default());
        let mut maker = lives.maker();
        let mut known: HashMap<u64, Value> = HashMap::new();
        let mut counts = [0; 2];
        for index in 0..300 {
            let made = maker(index).unwrap();
            let payload = value(&made);
            counts[made.event] += 1;
            let findings = schemas.check_payload_value(EVENTS[made.event], Some(Platform::V3), &payload);
            assert!(findings.iter().all(|finding| !finding.is_error()), "{findings:?}");
            let user = payload["data"]["user"].clone();
            if made.event == 1 {
                let was = &known[&(index % 5)];
                assert_eq!(was["id"], user["id"]);
                for (name, now) in user.as_object().unwrap() {
                    let change = payload["data"]["changes"].get(name);
                    let pair = change.map_or_else(|| (now, now), |pair| (&pair[0], &pair[1]));
                    assert_eq!(pair, (now, &was[name]), "{name} of {payload}");
                    assert!(change.is_none() || now != &was[name], "{name} did not change: {payload}");
                }
            }
            known.insert(index % 5, user);
        }
        assert!((10..60).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn a_delivery_is_the_same_when_it_is_made_alone() {
        for variant in [Variant::Docs, Variant::Kit] {
            let (_, lives) = lives(variant, Mix { create: 1, update: 5 });
            let mut maker = lives.maker();
            let all: Vec<Made> = (0..120).map(|index| maker(index).unwrap()).collect();
            for index in [0, 4, 5, 37, 88, 119] {
                let alone = lives.maker()(index).unwrap();
                let made = &all[usize::try_from(index).unwrap()];
                assert_eq!((alone.event, &alone.payload), (made.event, &made.payload), "{index}");
            }
        }
    }

    #[test]
    fn without_a_share_of_creates_users_are_born_once() {
        let (_, lives) = lives(Variant::Docs, "update=1".parse().unwrap());
        let births = (0..200).filter(|&index| lives.is_birth(index)).count();
        assert_eq!(births, 5);
    }

    #[test]
    fn a_mix_is_read_and_what_is_none_is_refused() {
        assert_eq!("create=2,update=3".parse(), Ok(Mix { create: 2, update: 3 }));
        assert_eq!("create=1".parse(), Ok(Mix { create: 1, update: 0 }));
        for bad in ["", "create", "create=x", "delete=1", "create=0,update=0", "create=-1"] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }
}
