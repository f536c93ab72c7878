//! A case made as small as it can be: none of its changes can be left out.

use crate::payload::{Case, Cases};

/// The smallest case that `fails` as `case` does: first halves are left out, then single changes, until each is needed. Where a
/// case fits the schema, what is tried in its place does too.
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
    while smallest.len() > 3 {
        let half = smallest.len() / 2;
        let (front, back) = (smallest.only(0..half), smallest.only(half..smallest.len()));
        if fails(&front)? {
            smallest = front;
        } else if fails(&back)? {
            smallest = back;
        } else {
            break;
        }
    }
    let mut at = 0;
    while smallest.len() > 1 && at < smallest.len() {
        let smaller = smallest.without(at);
        if fails(&smaller)? {
            // What was needed before may not be any more.
            smallest = smaller;
            at = 0;
        } else {
            at += 1;
        }
    }
    Ok(smallest)
}
