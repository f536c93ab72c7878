//! Did you mean …?

/// How alike two names must be (Jaro-Winkler, 0 to 1) for one to be offered for the other. Chosen so that a dropped,
/// doubled or swapped letter and a wrong ending are caught, and two different events of one product are not.
const ALIKE: f64 = 0.84;

/// The known name that `name` was most likely meant to be, letter case aside.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
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
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list([]), "none");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
