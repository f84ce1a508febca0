use serde_json::json;

use crate::servers::ParameterStore;
use crate::{Run, idbellen};

const TOKEN: &str = "Tk-9f8e7d6c5b4a39281706";
const PUT: [&str; 4] = ["irma-token", "put", "--stage", "test"];

fn holds_no_token(run: &Run) -> bool {
    !format!("{}{}", run.out, run.err).contains(TOKEN)
}

#[tokio::test]
async fn the_token_is_stored_as_a_secure_string_with_the_stages_key() {
    for input in [TOKEN.to_owned(), format!("{TOKEN}\n"), format!("{TOKEN}\r\n")] {
        let store = ParameterStore::start().await;
        let run = idbellen(&store, &PUT, input.as_bytes()).await;
        assert_eq!(run.code, 0, "{}", run.err);
        let stored = json!({
            "Name": "/idbellen/test/irma-requestor-token",
            "Value": TOKEN,
            "Type": "SecureString",
            "KeyId": "alias/idbellen-test-parameters",
            "Overwrite": true,
        });
        assert_eq!(store.puts(), [stored]);
        let says = "Stored /idbellen/test/irma-requestor-token, version 7: \
                    a SecureString, encrypted with alias/idbellen-test-parameters.\n";
        assert_eq!((run.out.as_str(), run.err.as_str()), (says, ""));
    }
}

#[tokio::test]
async fn what_can_be_no_token_is_refused_and_not_repeated() {
    let store = ParameterStore::start().await;
    for input in
        ["", "\n", "short", &format!("{TOKEN} {TOKEN}"), &format!("{TOKEN}\n{TOKEN}\n"), &TOKEN.repeat(20), &TOKEN.repeat(100)]
    {
        let run = idbellen(&store, &PUT, input.as_bytes()).await;
        assert_eq!(run.code, 1, "{input:?}");
        assert!(run.err.contains("requestor token"), "{}", run.err);
        assert!(holds_no_token(&run) && !run.err.contains("short"), "{}", run.err);
    }
    assert!(idbellen(&store, &PUT, b"\xff\xfe").await.err.contains("the token can't be read from standard input"));
    assert!(store.puts().is_empty());
}

#[tokio::test]
async fn a_refusal_by_aws_that_repeats_the_token_is_not_shown() {
    let store = ParameterStore::start().await.refuses("ValidationException", "Value '{value}' at 'value' is not valid");
    let run = idbellen(&store, &PUT, TOKEN.as_bytes()).await;
    assert_eq!(run.code, 1);
    assert!(holds_no_token(&run), "{}", run.err);
    let says = "idbellen: parameter /idbellen/test/irma-requestor-token can't be stored with key \
                alias/idbellen-test-parameters: ValidationException\n";
    assert_eq!(run.err, says);
}

#[tokio::test]
async fn the_token_cannot_be_an_argument_and_is_not_repeated_if_it_is() {
    let store = ParameterStore::start().await;
    let option = format!("--token={TOKEN}");
    for arguments in [
        &["irma-token", "put", "--stage", "test", TOKEN][..],
        &["irma-token", "put", "--stage", "test", &option],
        &["irma-token", "put", "--stage", "test", "--token", TOKEN],
        &["irma-token", "put", "--stage", TOKEN],
        &["irma-token", TOKEN],
        &["irma-token", "put", "--stage", "test", &format!("--{TOKEN}")],
    ] {
        let run = idbellen(&store, arguments, TOKEN.as_bytes()).await;
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(holds_no_token(&run), "{arguments:?}: {}", run.err);
        assert!(run.err.contains("(not shown)"), "{}", run.err);
    }
    assert!(store.puts().is_empty());
}

#[tokio::test]
async fn a_parameter_store_out_of_reach_is_named() {
    let mut store = ParameterStore::start().await;
    "http://127.0.0.1:1".clone_into(&mut store.url);
    let run = idbellen(&store, &PUT, TOKEN.as_bytes()).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("irma-requestor-token can't be stored") && run.err.contains("Connection refused"), "{}", run.err);
    assert!(holds_no_token(&run), "{}", run.err);
}

#[tokio::test]
async fn a_stage_that_the_template_refuses_is_refused() {
    let store = ParameterStore::start().await;
    for stage in ["Test", "a/b", "", "abcdefghijklmnopqrstu"] {
        assert_eq!(idbellen(&store, &["irma-token", "put", "--stage", stage], TOKEN.as_bytes()).await.code, 2, "{stage}");
    }
    assert!(store.puts().is_empty());
}
