use serde_json::json;
use shared::result_jwt::ResultVerifier;

use crate::servers::{ParameterStore, irma_server};
use crate::{Run, idbellen};

const NAME: &str = "/idbellen/test/irma-public-key";
const KEY: &str = include_str!("keys/rsa-2048.pem");
const OTHER_KEY: &str = include_str!("keys/rsa-3072.pem");
/// By `openssl pkey -pubin -outform DER | sha256sum`.
const FINGERPRINT: &str = "2da2 63ab 2830 3c4c 5c36 85df bd80 f416 5052 5668 6215 db68 337f 6cb8 beb3 4e26";
const OTHER_FINGERPRINT: &str = "0427 b5f4 a047 18cb 0255 c635 0489 a29a f56b 9b26 4f26 2182 d976 c3b9 2478 16e2";

/// Fetches the key of `server`, of which the keeper gave this fingerprint.
async fn fetch(store: &ParameterStore, server: &str, fingerprint: &str) -> Run {
    idbellen(store, &["irma-key", "fetch", "--stage", "test", "--server", server, "--fingerprint", fingerprint], b"").await
}

/// What the command says of a key with the right fingerprint that is no good; nothing is stored.
async fn refused(key: &str) -> String {
    let store = ParameterStore::start().await;
    let run = fetch(&store, &irma_server(200, &[], key).await, FINGERPRINT).await;
    assert_eq!((run.code, store.puts().len()), (1, 0), "{}", run.out);
    run.err
}

#[tokio::test]
async fn a_key_with_the_fingerprint_that_the_keeper_gave_is_stored() {
    let server = irma_server(200, &[], KEY).await;
    for (server, fingerprint) in
        [(server.clone(), FINGERPRINT.to_owned()), (format!("{server}/"), FINGERPRINT.replace(' ', "").to_uppercase())]
    {
        let store = ParameterStore::start().await;
        let run = fetch(&store, &server, &fingerprint).await;
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(
            run.out.contains(FINGERPRINT) && run.out.contains("Stored /idbellen/test/irma-public-key, version 7."),
            "{}",
            run.out
        );
        assert_eq!(store.puts(), [json!({ "Name": NAME, "Value": KEY, "Type": "String", "Overwrite": true })]);
    }
    assert!(ResultVerifier::new(KEY, "irma").is_ok(), "the functions can use what is stored");
}

#[tokio::test]
async fn what_stands_around_the_key_is_not_stored() {
    let store = ParameterStore::start().await;
    let server = irma_server(200, &[], &format!("a key:\r\n{}a note\n", KEY.replace('\n', "\r\n"))).await;
    assert_eq!(fetch(&store, &server, FINGERPRINT).await.code, 0);
    assert_eq!(store.puts()[0]["Value"], KEY);
}

#[tokio::test]
async fn a_key_with_another_fingerprint_is_refused() {
    let store = ParameterStore::start().await;
    let run = fetch(&store, &irma_server(200, &[], KEY).await, OTHER_FINGERPRINT).await;
    assert_eq!((run.code, store.puts().len()), (1, 0));
    assert!(run.out.contains(FINGERPRINT), "{}", run.out);
    assert!(run.err.contains(OTHER_FINGERPRINT) && run.err.contains("Nothing was stored"), "{}", run.err);
}

#[tokio::test]
async fn without_a_terminal_the_fingerprint_has_to_be_given() {
    let store = ParameterStore::start().await;
    let server = irma_server(200, &[], KEY).await;
    let run = idbellen(&store, &["irma-key", "fetch", "--stage", "test", "--server", &server], b"yes\n").await;
    assert_eq!((run.code, store.puts().len()), (1, 0));
    assert_eq!(
        run.err,
        "idbellen: nobody to ask: standard input is no terminal. Give the keeper's fingerprint with --fingerprint\n"
    );
}

#[tokio::test]
async fn only_one_rsa_public_key_of_at_least_2048_bits_is_accepted() {
    for (key, why) in [
        (include_str!("keys/ec-p256.pem"), "it is not an RSA key of 2048 to 8192 bits"),
        (include_str!("keys/rsa-1024.pem"), "it is not an RSA key of 2048 to 8192 bits"),
        (include_str!("keys/rsa-pss-2048.pem"), "it is not an RSA key that RS256 signatures can be checked with"),
        (&KEY.replace("PUBLIC KEY", "PRIVATE KEY"), "it is a PRIVATE KEY, not a PUBLIC KEY"),
        (&KEY.replace("PUBLIC KEY", "CERTIFICATE"), "it is a CERTIFICATE, not a PUBLIC KEY"),
        (&format!("{KEY}{OTHER_KEY}"), "it holds 2 keys or certificates, not one"),
        ("<html></html>", "it is not PEM: there is no -----BEGIN PUBLIC KEY-----"),
        ("", "it is not PEM"),
        (&KEY.replace("END PUBLIC", "END"), "it is not PEM"),
        (&KEY.replace('/', "!"), "it is not PEM"),
    ] {
        let err = refused(key).await;
        assert!(err.contains(why) && err.contains("gave no usable key"), "{key}: {err}");
    }
}

#[tokio::test]
async fn a_server_that_gives_no_key_is_named() {
    let other = irma_server(200, &[], KEY).await;
    let moved = irma_server(302, &[("location", &format!("{other}/publickey"))], KEY).await;
    for (server, why) in [
        (irma_server(404, &[], KEY).await, "/publickey answered with status 404 Not Found"),
        (moved, "/publickey answered with status 302 Found"),
        (irma_server(200, &[], &"x".repeat(20_000)).await, "/publickey answered with more than 16 KB: that is no key"),
        ("http://127.0.0.1:1".to_owned(), "/publickey can't be read"),
    ] {
        let store = ParameterStore::start().await;
        let run = fetch(&store, &server, FINGERPRINT).await;
        assert_eq!((run.code, store.puts().len()), (1, 0), "{why}");
        assert!(run.err.contains(&server) && run.err.contains(why), "{}", run.err);
    }
}

#[tokio::test]
async fn a_server_on_the_network_is_asked_over_https_only() {
    let store = ParameterStore::start().await;
    for server in ["http://irma.example.nl", "http://localhost", "irma.example.nl", "https://irma.example.nl/?x", ""] {
        let run = fetch(&store, server, FINGERPRINT).await;
        assert_eq!(run.code, 2, "{server}");
        assert!(run.err.contains("a server is https://"), "{}", run.err);
    }
}

#[tokio::test]
async fn another_key_that_is_replaced_is_shown_with_the_consequence() {
    let server = irma_server(200, &[], KEY).await;
    for (stored, says) in [(OTHER_KEY, OTHER_FINGERPRINT), ("pending", "holds something that is no usable key")] {
        let store = ParameterStore::start().await.holds(NAME, stored);
        let run = fetch(&store, &server, FINGERPRINT).await;
        assert_eq!((run.code, store.puts().len()), (0, 1), "{}", run.err);
        let consequence = "If it is replaced, the results of calls that are under way will be refused.";
        assert!(run.out.contains(says) && run.out.contains(consequence), "{}", run.out);
    }
}

#[tokio::test]
async fn a_key_that_is_stored_already_is_not_stored_again() {
    let store = ParameterStore::start().await.holds(NAME, KEY);
    let run = fetch(&store, &irma_server(200, &[], KEY).await, FINGERPRINT).await;
    assert_eq!((run.code, store.puts().len()), (0, 0), "{}", run.err);
    assert!(run.out.ends_with("Nothing to store.\n"), "{}", run.out);
    let run = fetch(&store, &irma_server(200, &[], KEY).await, OTHER_FINGERPRINT).await;
    assert_eq!(run.code, 1, "{}", run.out);
}
