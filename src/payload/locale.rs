//! The locales: names of people, from the `fake` crate, and phone numbers that belong to nobody.

use std::fmt;
use std::str::FromStr;

use fake::locales::{
    AR_SA, CY_GB, DE_DE, Data, EN, FA_IR, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR, ZH_CN, ZH_TW,
};

use crate::text::{list, nearest};

/// Names that people have somewhere.
pub(super) type Names = &'static [&'static str];

/// Where names and phone numbers come from.
#[derive(Clone, Copy)]
pub struct Locale(&'static Table);

struct Table {
    name: &'static str,
    first: Names,
    last: Names,
    phones: &'static [Phones],
}

/// A range of phone numbers in E.164 that no one is ever given: `front`, then `digits` digits from `start`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phones {
    pub(super) front: &'static str,
    pub(super) digits: u32,
    pub(super) start: u64,
    pub(super) count: u64,
}

const fn phones(front: &'static str, digits: u32, start: u64, count: u64) -> Phones {
    Phones { front, digits, start, count }
}

/// North America: 555-0100 to 555-0199 of each area code is for fiction (ATIS-0300115, "555 NXX Line Number Reference").
static US: [Phones; 16] = [
    phones("+1202555", 4, 100, 100),
    phones("+1206555", 4, 100, 100),
    phones("+1212555", 4, 100, 100),
    phones("+1213555", 4, 100, 100),
    phones("+1303555", 4, 100, 100),
    phones("+1305555", 4, 100, 100),
    phones("+1312555", 4, 100, 100),
    phones("+1404555", 4, 100, 100),
    phones("+1415555", 4, 100, 100),
    phones("+1503555", 4, 100, 100),
    phones("+1512555", 4, 100, 100),
    phones("+1602555", 4, 100, 100),
    phones("+1617555", 4, 100, 100),
    phones("+1713555", 4, 100, 100),
    phones("+1808555", 4, 100, 100),
    phones("+1907555", 4, 100, 100),
];

/// United Kingdom: mobile numbers 07700 900000 to 900999 (Ofcom, "Telephone numbers for use in TV and radio drama").
static GB: [Phones; 1] = [phones("+447700900", 3, 0, 1_000)];

/// Germany: a thousand numbers in each of five areas (Bundesnetzagentur, Mitteilung 148/2021, "Rufnummern für
/// Medienproduktionen").
static DE: [Phones; 5] = [
    phones("+493023125", 3, 0, 1_000),
    phones("+496990009", 3, 0, 1_000),
    phones("+494066969", 3, 0, 1_000),
    phones("+492214710", 3, 0, 1_000),
    phones("+498999998", 3, 0, 1_000),
];

/// France: mobile numbers 06 39 98 00 00 to 99 99 (ARCEP, plan national de numérotation, works of fiction).
static FR: [Phones; 1] = [phones("+3363998", 4, 0, 10_000)];

const fn table<L: Data>(name: &'static str, phones: &'static [Phones]) -> Table {
    Table { name, first: L::NAME_FIRST_NAME, last: L::NAME_LAST_NAME, phones }
}

/// A country without a range known to be reserved gets the North American one.
static TABLES: [Table; 14] = [
    table::<AR_SA>("ar_sa", &US),
    table::<CY_GB>("cy_gb", &GB),
    table::<DE_DE>("de_de", &DE),
    table::<EN>("en", &US),
    table::<FA_IR>("fa_ir", &US),
    table::<FR_FR>("fr_fr", &FR),
    table::<IT_IT>("it_it", &US),
    table::<JA_JP>("ja_jp", &US),
    table::<NL_NL>("nl_nl", &US),
    table::<PT_BR>("pt_br", &US),
    table::<PT_PT>("pt_pt", &US),
    table::<TR_TR>("tr_tr", &US),
    table::<ZH_CN>("zh_cn", &US),
    table::<ZH_TW>("zh_tw", &US),
];

impl Locale {
    /// Every locale, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLES.iter().map(Self)
    }

    /// Its name, such as `ja_jp`.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    pub(super) const fn first_names(self) -> Names {
        self.0.first
    }

    pub(super) const fn last_names(self) -> Names {
        self.0.last
    }

    pub(super) const fn phones(self) -> &'static [Phones] {
        self.0.phones
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self(TABLES.iter().find(|table| table.name == "en").unwrap_or(&TABLES[0]))
    }
}

impl PartialEq for Locale {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Locale {}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locale({})", self.name())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Locale {
    type Err = String;

    /// Letter case does not matter, and `-` does for `_`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.to_lowercase().replace('-', "_");
        if let Some(locale) = Self::all().find(|locale| locale.name() == wanted) {
            return Ok(locale);
        }
        let names = || Self::all().map(Self::name);
        // `de` and `de_at` mean the only German there is.
        let language = wanted.split('_').next().unwrap_or_default();
        let near = names().find(|name| name.split('_').next() == Some(language)).or_else(|| nearest(&wanted, names()));
        Err(match near {
            Some(near) => format!("`{text}` is not a locale: did you mean `{near}`?"),
            None => format!("`{text}` is not a locale: there are {}", list(names())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Locale;

    #[test]
    fn a_locale_is_found_in_any_spelling() {
        for text in ["ja_jp", "JA_JP", "ja-JP"] {
            assert_eq!(text.parse::<Locale>().map(Locale::name), Ok("ja_jp"), "{text}");
        }
        assert_eq!(Locale::default().name(), "en");
    }

    #[test]
    fn an_unknown_locale_is_told_the_nearest() {
        assert_eq!("de".parse::<Locale>(), Err("`de` is not a locale: did you mean `de_de`?".to_owned()));
        assert!("xx".parse::<Locale>().is_err_and(|what| what.contains("`zh_cn` and `zh_tw`")));
    }

    #[test]
    fn every_locale_has_names_that_differ() {
        for locale in Locale::all() {
            for names in [locale.first_names(), locale.last_names()] {
                assert!(names.iter().any(|name| *name != names[0]), "{locale}");
                assert!(names.iter().all(|name| !name.trim().is_empty()), "{locale}");
            }
        }
    }
}
