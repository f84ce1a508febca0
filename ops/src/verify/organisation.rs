//! The organisation policy, which an account can't see of itself.

use super::report::{Outcome, Report};

/// Says so.
pub fn check(report: &mut Report) {
    let outcome = Outcome::unknown(
        "an account does not see which service control policies bind it",
        "in the management account: aws organizations list-policies-for-target --filter SERVICE_CONTROL_POLICY --target-id ACCOUNT",
    );
    report.add("the organisation", "infra/organisation-policy.json is attached to the account", Ok(outcome));
}
