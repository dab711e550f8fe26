//! The questions, each a list of cases.

pub mod conv;
pub mod derivatives;
pub mod epochs;
pub mod gemm;
pub mod math;
pub mod optim;
pub mod overhead;
pub mod reduce;
pub mod steps;

use crate::case::Case;

/// The cases of one question.
#[derive(Debug)]
pub struct Suite {
    /// What the question is called on the command line and in JSON.
    pub name: &'static str,
    /// In the order of measuring; those of one name stand together.
    pub cases: Vec<Case>,
}

/// Every suite, in the order of the report.
#[must_use]
pub fn all() -> Vec<Suite> {
    vec![
        steps::suite(),
        epochs::suite(),
        gemm::suite(),
        math::suite(),
        reduce::suite(),
        conv::suite(),
        optim::suite(),
        overhead::suite(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_cases_of_a_system_share_a_name() {
        for suite in all() {
            let mut seen = HashSet::new();
            for case in &suite.cases {
                assert!(
                    seen.insert((&case.name, case.system)),
                    "{}: {case:?}",
                    suite.name
                );
            }
        }
    }

    #[test]
    fn every_case_has_one_of_ours_before_it() {
        for suite in all() {
            let mut ours = HashSet::new();
            for case in &suite.cases {
                if case.is_ours() {
                    ours.insert(&case.name);
                }
                assert!(ours.contains(&case.name), "{}: {case:?}", suite.name);
            }
        }
    }
}
