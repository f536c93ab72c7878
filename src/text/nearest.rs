//! Did you mean …?

/// How alike two names must be (Jaro-Winkler, 0 to 1) for one to be offered for the other. Chosen so that a dropped,
/// doubled or swapped letter and a wrong ending are caught, and two different events of one product are not.
const ALIKE: f64 = 0.84;

/// The known name that `name` was most likely meant to be, letter case aside.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let length = wanted.chars().count();
    known
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let likeness = may_be_alike(&wanted, length, &lower).then(|| strsim::jaro_winkler(&wanted, &lower))?;
            Some((likeness, candidate)).filter(|(likeness, _)| *likeness >= ALIKE)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Whether the two can be [`ALIKE`] at all, as far as their lengths and letters tell. Measuring takes the product of their
/// lengths, and a name may be as long as a file.
#[expect(clippy::cast_precision_loss, reason = "lengths of names are small, and a long one is far from any bound")]
fn may_be_alike(wanted: &str, length: usize, candidate: &str) -> bool {
    let (own, shared) = candidate.chars().fold((0_usize, 0_usize), |(own, shared), letter| {
        // A long name is not searched whole for each letter of each candidate.
        let is_shared = length > 4 * candidate.len() || wanted.contains(letter);
        (own + 1, shared + usize::from(is_shared))
    });
    if own == 0 || length == 0 {
        return false;
    }
    // Jaro's measure if all that the two share stood in order, and what four equal letters at the front add to it.
    let most = shared.min(length) as f64;
    let jaro = (most / own as f64 + most / length as f64 + 1.0) / 3.0;
    jaro + 0.4 * (1.0 - jaro) >= ALIKE
}

/// Names as a sentence lists them: `a`, `b` and `c`, each in backquotes.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{list, nearest};

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let events = ["onUserCreate", "onUserUpdate", "onMessageCreate"];
        assert_eq!(nearest("onUserUpdated", events), Some("onUserUpdate"));
        assert_eq!(nearest("onusercreate", events), Some("onUserCreate"));
        assert_eq!(nearest("usercreate", events), Some("onUserCreate"));
    }

    #[test]
    fn a_stranger_finds_nothing() {
        assert_eq!(nearest("xyz", ["onUserCreate"]), None);
        assert_eq!(nearest("", ["onUserCreate"]), None);
    }

    #[test]
    fn what_is_ruled_out_by_its_letters_is_not_alike() {
        let names =
            ["data.user.email", "onUserUpdate", "a", "ab", "", "résumé", "xxxxxxxxxxxxxxxx", "data.user.emails[0]"];
        for (a, b) in names.iter().flat_map(|a| names.map(|b| (*a, b))) {
            let alike = strsim::jaro_winkler(a, b) >= super::ALIKE && !a.is_empty();
            assert!(!alike || super::may_be_alike(a, a.chars().count(), b), "{a} {b}");
        }
    }

    #[test]
    fn a_name_as_long_as_a_file_takes_no_time() {
        let (long, began) = ("data.user.".repeat(200_000), std::time::Instant::now());
        assert_eq!(nearest(&long, ["data.user.email"; 500]), None);
        assert!(began.elapsed().as_secs() < 1, "{:?}", began.elapsed());
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list([]), "none");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
