//! What a swap does, the end-to-end tests try on the local stack's KMS.

use crate::idbellen;
use crate::servers::ParameterStore;

#[tokio::test]
async fn a_key_waits_for_its_deletion_as_long_as_kms_allows_and_no_longer() {
    let store = ParameterStore::start().await;
    for days in ["6", "31", "-7", "a week"] {
        let run =
            idbellen(&store, &["code-key", "swap", "--stage", "test", "--yes", "--pending-window-in-days", days], b"").await;
        assert_eq!(run.code, 2, "{days}: {}", run.err);
    }
    // These it would do, if KMS were there.
    for days in ["7", "30"] {
        let run =
            idbellen(&store, &["code-key", "swap", "--stage", "test", "--yes", "--pending-window-in-days", days], b"").await;
        assert_eq!(run.code, 1, "{days}: {}", run.err);
    }
}

#[tokio::test]
async fn a_kms_that_is_out_of_reach_is_named() {
    let mut store = ParameterStore::start().await;
    "http://127.0.0.1:1".clone_into(&mut store.url);
    let run = idbellen(&store, &["code-key", "swap", "--stage", "test", "--yes"], b"").await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("aliases can't be listed") && run.err.contains("Connection refused"), "{}", run.err);
}

#[tokio::test]
async fn a_script_must_say_that_the_old_key_is_to_be_deleted() {
    let store = ParameterStore::start().await;
    let run = idbellen(&store, &["code-key", "swap", "--stage", "test"], b"yes\n").await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("nobody to ask") && run.err.contains("--yes"), "{}", run.err);
}
