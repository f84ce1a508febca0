use std::fs;

use serde_json::Value;

use crate::servers::ParameterStore;
use crate::{folder, idbellen};

const BURGERZAKEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/purposes/burgerzaken.json");
const AFSPRAAK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/purposes/afspraak.json");

#[tokio::test]
async fn the_examples_are_good() {
    let store = ParameterStore::start().await;
    let run = idbellen(&store, &["purposes", "check", "--demo", BURGERZAKEN, AFSPRAAK], b"").await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, format!("{BURGERZAKEN}: good\n{AFSPRAAK}: good\n"));
}

#[tokio::test]
async fn purposes_are_stored_under_their_names_without_spaces() {
    let store = ParameterStore::start().await;
    let run = idbellen(&store, &["purposes", "put", "--stage", "test", "--demo", BURGERZAKEN, AFSPRAAK], b"").await;
    assert_eq!(run.code, 0, "{}", run.err);
    let says = "Stored /idbellen/test/purposes/burgerzaken, version 7.\nStored /idbellen/test/purposes/afspraak, version 8.\n";
    assert_eq!(run.out, says);
    for (put, (name, file)) in store.puts().iter().zip([("burgerzaken", BURGERZAKEN), ("afspraak", AFSPRAAK)]) {
        assert_eq!(put["Name"], format!("/idbellen/test/purposes/{name}"));
        assert_eq!((&put["Type"], &put["Overwrite"]), (&"String".into(), &true.into()));
        let stored = put["Value"].as_str().unwrap();
        let written: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(stored, written.to_string());
    }
}

#[tokio::test]
async fn the_problems_of_all_files_are_reported_and_nothing_is_stored() {
    let store = ParameterStore::start().await;
    let folder = folder("problems");
    let good = fs::read_to_string(AFSPRAAK).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let one = write("one.json", good.replace("\"pauses\": 3", "\"pauses\": -3").replace("\"https:", "\"http:").as_bytes());
    let broken = write("broken.json", b"{\n  \"title\": \n}");
    let capital = write("Capital.json", good.as_bytes());
    let bytes = write("bytes.json", b"\xff\xfe");
    let missing = folder.join("missing.json").into_os_string().into_string().unwrap();
    let twice = write("afspraak.json", good.as_bytes());
    let files = [AFSPRAAK, &one, &broken, &capital, &bytes, &missing, &twice];
    let problems = [
        format!("{one}:7: pauses must be a whole number from 0 to 20"),
        format!("{one}:26: privacyUrl must be an https:// URL"),
        format!("{broken}:3: expected value"),
        format!(
            "{capital}:1: the file is not called after a purpose: 1 to 40 lower-case letters, digits and hyphens, then .json"
        ),
        format!("{bytes}:1: the file is not text in UTF-8"),
        format!("{missing}:1: the file can't be read: No such file or directory (os error 2)"),
        format!("{twice}:1: another file holds the purpose afspraak, too"),
    ];
    let problems = problems.join("\n");

    let run = idbellen(&store, &[&["purposes", "check", "--demo"][..], &files].concat(), b"").await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_eq!(run.err, format!("{problems}\nidbellen: 7 problems\n"));

    let run = idbellen(&store, &[&["purposes", "put", "--stage", "test", "--demo"][..], &files].concat(), b"").await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_eq!(run.err, format!("{problems}\nidbellen: nothing was stored: 7 problems\n"));
    assert!(store.puts().is_empty());
}

#[tokio::test]
async fn attributes_of_a_demo_scheme_are_stored_for_who_says_so_only() {
    let store = ParameterStore::start().await;
    let arguments: [&[&str]; 2] = [&["purposes", "check", AFSPRAAK], &["purposes", "put", "--stage", "test", AFSPRAAK]];
    for arguments in arguments {
        let run = idbellen(&store, arguments, b"").await;
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        let bsn =
            "\"irma-demo.MijnOverheid.singleton.BSN\" is of a demo scheme, in which anyone can issue anything; --demo allows it";
        assert!(run.err.contains(bsn) && run.err.ends_with("3 problems\n"), "{}", run.err);
    }
    assert!(store.puts().is_empty());
}

#[tokio::test]
async fn a_refusal_by_aws_is_shown_in_its_own_words() {
    let store = ParameterStore::start().await.refuses("AccessDeniedException", "User is not authorized");
    let run = idbellen(&store, &["purposes", "put", "--stage", "test", "--demo", AFSPRAAK], b"").await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_eq!(
        run.err,
        "idbellen: parameter /idbellen/test/purposes/afspraak can't be stored: AccessDeniedException: User is not authorized\n"
    );
}

#[tokio::test]
async fn without_a_file_there_is_nothing_to_check() {
    let store = ParameterStore::start().await;
    for arguments in
        [&["purposes", "check"][..], &["purposes", "put", "--stage", "test"], &["purposes"], &["purposes", "put", BURGERZAKEN]]
    {
        assert_eq!(idbellen(&store, arguments, b"").await.code, 2, "{arguments:?}");
    }
}
