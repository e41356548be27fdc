//! Plans that flip by themselves: [`is_cost_tie`].

use dbproof_model::Plan;

use super::is_of_shape;
use crate::plan;

/// Whether the shapes of a query's plan before and after a change are a tie of costs, so that the
/// change is not to blame for what differs.
///
/// Each side is the query's plans in the order in which they were taken, with an ANALYZE between any
/// two; the first of each side are those that were compared. ANALYZE draws other samples each time, so
/// a planner that finds two plans about equally dear takes now one and now the other. It is a tie where
/// the first plans differ in shape, and one side, analysed again, came to a shape of the other. With
/// one plan a side nothing is known, and it is none.
#[must_use]
pub fn is_cost_tie(before: &[Plan], after: &[Plan]) -> bool {
    let (Some(first_before), Some(first_after)) = (before.first(), after.first()) else {
        return false;
    };
    let came_to = |side: &[Plan], other: &[Plan]| {
        let mut again = side.iter().skip(1);
        again.any(|plan| other.iter().any(|known| same_shape(plan, known)))
    };
    // A side that merely stayed what it was comes to no shape of the other's first plan.
    !same_shape(first_before, first_after) && (came_to(before, after) || came_to(after, before))
}

fn same_shape(one: &Plan, other: &Plan) -> bool {
    !plan::diff(one, other).iter().any(is_of_shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::shapes::captured;

    #[test]
    fn a_shape_that_comes_and_goes_by_itself_blames_nobody() {
        let version = captured().remove(0);
        let index = || version.plan("bitmap_few");
        let whole = || version.plan("bitmap_few_lost");
        // Before the change, analysed again, the index was given up as well.
        assert!(is_cost_tie(&[index(), whole()], &[whole(), whole()]));
        // After it, analysed again, it was taken again.
        assert!(is_cost_tie(&[index(), index()], &[whole(), index()]));
        // Each side keeps to its own.
        assert!(!is_cost_tie(&[index(), index()], &[whole(), whole()]));
        // There is nothing to blame anybody for.
        assert!(!is_cost_tie(&[index(), whole()], &[index(), whole()]));
        // Nothing is known.
        assert!(!is_cost_tie(&[index()], &[whole()]));
        assert!(!is_cost_tie(&[], &[whole(), index()]));
    }
}
