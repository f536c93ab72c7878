//! A case made as small as it can be: none of its changes can be left out.

use crate::payload::{Case, Cases};

/// The smallest case that `fails` as `case` does. A case that begins from another payload of the seed is told by the attributes
/// in which that differs; then halves of the changes are left out, quarters, and so on down to single ones, until each is needed.
/// Where a case fits the schema, what is tried in its place does too.
///
/// # Errors
/// The first error of `fails`.
pub(super) fn shrink<E>(
    case: &Case,
    cases: &Cases<'_>,
    fails: &mut dyn FnMut(&Case) -> Result<bool, E>,
) -> Result<Case, E> {
    let is_valid = cases.is_valid(case);
    let mut fails = |case: &Case| -> Result<bool, E> {
        if is_valid && !cases.is_valid(case) {
            return Ok(false);
        }
        fails(case)
    };
    if !case.is_empty() && fails(&Case::default())? {
        return Ok(Case::default());
    }
    let mut smallest = case.clone();
    if let Some(spelt_out) = cases.spelt_out(case)
        && fails(&spelt_out)?
    {
        smallest = spelt_out;
    }
    let mut size = smallest.len() / 2;
    while size > 0 {
        let before = smallest.len();
        let mut at = 0;
        while smallest.len() > 1 && at < smallest.len() {
            let smaller = smallest.without(&(at..at + size));
            if !smaller.is_empty() && fails(&smaller)? {
                smallest = smaller;
            } else {
                at += size;
            }
        }
        // What was needed before may not be any more.
        size = if size == 1 && smallest.len() < before { 1 } else { size / 2 };
    }
    Ok(smallest)
}
