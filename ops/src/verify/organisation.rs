//! The organisation's policies, which an account can't see of itself.

use super::report::{Outcome, Report};

/// Says so.
pub fn check(report: &mut Report) {
    let outcome = Outcome::unknown(
        "an account does not see which service control policies bind it",
        "in the management account: aws organizations list-policies-for-target --filter SERVICE_CONTROL_POLICY --target-id ACCOUNT",
    );
    let promise = "infra/organisation-policy.json and organisation-policy-calls.json are attached to the account";
    report.add("the organisation", promise, Ok(outcome));
}
