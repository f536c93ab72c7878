//! What differs between two texts, part by part: lines of one or words of one, as the caller cuts them.

/// The largest table of comparisons that is made, in cells. Beyond it all that differs is told as one.
const MOST_CELLS: usize = 4_000_000;

/// Where a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In both texts.
    Both,
    /// In the first only.
    Old,
    /// In the second only.
    New,
}

/// The parts of both, in order: what is only in the first stands before what takes its place.
pub fn diff<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Side, &'a str)> {
    let before = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - after], &new_rest[..new_rest.len() - after]);
    let both = |parts: &[&'a str]| parts.iter().map(|part| (Side::Both, *part)).collect::<Vec<_>>();
    let mut all = both(&old[..before]);
    all.extend(middle(old_middle, new_middle));
    all.extend(both(&old_rest[old_rest.len() - after..]));
    all
}

/// By the longest common subsequence.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Side, &'a str)> {
    let width = new.len() + 1;
    let mut parts = Vec::with_capacity(old.len() + new.len());
    let (mut at_old, mut at_new) = (0, 0);
    if old.len().saturating_add(1).saturating_mul(width) <= MOST_CELLS {
        // How long the longest one is from each pair of places on.
        let mut longest = vec![0_u32; (old.len() + 1) * width];
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                longest[i * width + j] = if old[i] == new[j] {
                    longest[(i + 1) * width + j + 1] + 1
                } else {
                    longest[(i + 1) * width + j].max(longest[i * width + j + 1])
                };
            }
        }
        while at_old < old.len() && at_new < new.len() {
            if old[at_old] == new[at_new] {
                parts.push((Side::Both, old[at_old]));
                at_old += 1;
                at_new += 1;
            } else if longest[(at_old + 1) * width + at_new] >= longest[at_old * width + at_new + 1] {
                parts.push((Side::Old, old[at_old]));
                at_old += 1;
            } else {
                parts.push((Side::New, new[at_new]));
                at_new += 1;
            }
        }
    }
    parts.extend(old[at_old..].iter().map(|part| (Side::Old, *part)));
    parts.extend(new[at_new..].iter().map(|part| (Side::New, *part)));
    parts
}

/// A text cut into words and what is between them; nothing is lost.
pub fn words(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (part, more) = rest.split_at(end);
        parts.push(part);
        rest = more;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let mark = |(side, part): (Side, &str)| match side {
            Side::Both => part.to_owned(),
            Side::Old => format!("[-{part}]"),
            Side::New => format!("[+{part}]"),
        };
        diff(&words(old), &words(new)).into_iter().map(mark).collect()
    }

    #[test]
    fn the_words_that_differ_are_told_and_no_others() {
        assert_eq!(shown("jane@new.example", "jane@old.example"), "jane@[-new][+old].example");
        assert_eq!(shown("a b c", "a c d"), "a [-b][- ]c[+ ][+d]");
        assert_eq!(shown("", "x"), "[+x]");
        assert_eq!(shown("same", "same"), "same");
    }

    #[test]
    fn texts_that_are_too_large_to_compare_are_told_whole() {
        let (old, new) = (vec!["a"; 3000], vec!["b"; 3000]);
        assert_eq!(diff(&old, &new).len(), 6000);
    }

    proptest! {
        #[test]
        fn either_text_can_be_had_back(old in "[ab \n]{0,30}", new in "[ab \n]{0,30}") {
            let parts = diff(&words(&old), &words(&new));
            let side = |unwanted| parts.iter().filter(|(side, _)| *side != unwanted).map(|(_, part)| *part).collect::<String>();
            prop_assert_eq!(&side(Side::New), &old);
            prop_assert_eq!(&side(Side::Old), &new);
        }
    }
}
