//! The canary: after all other tests, with every switch on that could make a library talk, everything that the stack wrote
//! is searched for what must be nowhere: what was disclosed, codes, secrets and tokens, in every form that a careless line
//! of code could give them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result, anyhow, ensure};
use aws_sdk_dynamodb::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use local::wallet::Person;
use serde_json::{Value, json};
use shared::code_key::CodeLock;
use shared::sealed::{SealedAttributes, SealedSecret};
use shared::secret::Secret;

use crate::world::{BSN_AND_NAME, World, ask, ask_as, cloud_trail};

/// What makes the libraries of the functions log more, or write what they should not, where they let it.
pub const SWITCHES: [(&str, &str); 7] = [
    ("RUST_LOG", "trace"),
    ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("RUST_BACKTRACE", "full"),
    ("RUST_LIB_BACKTRACE", "full"),
    ("VERBOSE_TEST_LOGS", "1"),
    ("SSLKEYLOGFILE", "/tmp/idbellen-tls-keys"),
];

/// Something that must be nowhere.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Marker {
    what: &'static str,
    text: String,
}

/// A place where the system wrote something.
struct Place {
    name: String,
    bytes: Vec<u8>,
}

/// Searches it all. Fails if it finds anything, or too little to search for or in.
pub async fn search(world: &World) -> Result<()> {
    let markers = markers(world);
    let kinds: BTreeSet<&str> = markers.iter().map(|marker| marker.what).collect();
    ensure!(kinds.len() == 4, "there is too little to search for: {kinds:?}");
    let places = places(world).await?;
    let found = find(&markers, &places)?;
    ensure!(found.is_empty(), "what must be nowhere is there: {found:#?}");
    eprintln!("The canary: {} markers are in none of {} places.", markers.len(), places.len());
    Ok(())
}

/// A copy of both tables and all parameters, taken during a call, before the agent looks. It opens nothing with all that is
/// in it; nor, once the keys are gone, with the code too, and the rights of the root user.
pub async fn lose_the_keys(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    wallet.perform(&session.pointer).await?;
    let began = std::time::Instant::now();
    let record = loop {
        let record = world.item("Records", &session.id).await?.context("the record is gone")?;
        if record.contains_key("attributes") {
            break record;
        }
        ensure!(began.elapsed().as_secs() < 10, "the result did not come in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let bytes = |item: &local::Item, attribute: &str| {
        item.get(attribute).and_then(|value| value.as_b().ok().cloned()).map(Blob::into_inner)
    };
    let pending = world.start(BSN_AND_NAME).await?;
    let sealed_token = world.item("Records", &pending.id).await?.context("the record is gone")?;
    let sealed_token = STANDARD.encode(bytes(&sealed_token, "irma_token").context("no token")?);
    let code = world.item("Codes", &session.code_id).await?.context("the code is gone")?;
    let sealed = SealedAttributes::from_bytes(bytes(&record, "attributes").context("no attributes")?);
    let sealed_secret = SealedSecret::from_bytes(bytes(&code, "secret").context("no secret")?);

    // Every 32 bytes that lie in the copy, and the hash of the code, taken for the secret or for the code's mac.
    let parameters = ask(world, "ssm", "AmazonSSM.GetParametersByPath", PARAMETERS).await?.to_string();
    let mut guesses: Vec<[u8; 32]> = vec![[0; 32]];
    for item in [&record, &code] {
        for value in item.values() {
            let raw = value.as_b().map_or_else(|_| format!("{value:?}").into_bytes(), |blob| blob.clone().into_inner());
            guesses.extend(raw.windows(32).filter_map(|window| <[u8; 32]>::try_from(window).ok()));
        }
    }
    guesses.extend(parameters.as_bytes().windows(32).filter_map(|window| <[u8; 32]>::try_from(window).ok()));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, session.code.as_bytes());
    guesses.extend(<[u8; 32]>::try_from(digest.as_ref()));
    for guess in &guesses {
        ensure!(sealed.open(&Secret::from_bytes(guess).key_pair(), BSN_AND_NAME).is_err(), "the copy opens the attributes");
        ensure!(CodeLock::from_mac(guess).open(&sealed_secret).is_err(), "the copy opens the secret");
    }

    // As the root user, who has the rights here that the keys' policies give no one on AWS: with the keys the copy opens.
    let (code_key, token_key) = (world.code_key().await?, world.stack.table("TokenKey")?);
    let message = STANDARD.encode([b"idbellen/v1/code".as_slice(), session.code.as_bytes()].concat());
    let mac = json!({"KeyId": code_key, "Message": message, "MacAlgorithm": "HMAC_SHA_256"}).to_string();
    let context = json!({"record": pending.id});
    let token = json!({"KeyId": token_key, "CiphertextBlob": sealed_token, "EncryptionContext": context}).to_string();
    let by_kms = async |operation: &str, body: &str, member: &str| {
        let answer = ask(world, "kms", &format!("TrentService.{operation}"), body).await?;
        anyhow::Ok(STANDARD.decode(answer[member].as_str().context("no answer")?)?)
    };
    let lock = CodeLock::from_mac(by_kms("GenerateMac", &mac, "Mac").await?.as_slice().try_into()?);
    let secret = lock.open(&sealed_secret).map_err(|_| anyhow!("the code does not open its secret"))?;
    ensure!(sealed.open(&secret.key_pair(), BSN_AND_NAME).is_ok(), "the secret does not open the attributes");
    let opened = by_kms("Decrypt", &token, "Plaintext").await?;
    ensure!(opened == pending.token.as_bytes(), "the token key does not open the token");

    // On AWS a key goes after seven days at the earliest.
    for key in [&code_key, &token_key] {
        let key = json!({"KeyId": key}).to_string();
        ask(world, "kms", "TrentService.ScheduleKeyDeletion", &key).await?;
    }
    for (operation, body) in [("GenerateMac", &mac), ("Decrypt", &token)] {
        let (status, answer) = ask_as(world.stack.root(), world, "kms", &format!("TrentService.{operation}"), body).await?;
        ensure!(status == 400 && answer.contains("KMSInvalidState"), "{operation} with a key that is gone answers {status}");
    }
    world.stack.exchange(&session.code, &world.contact()).await?.expect(503)?;
    Ok(())
}

/// All that was disclosed, and all codes, secrets and IRMA tokens there have been.
fn markers(world: &World) -> BTreeSet<Marker> {
    let mut markers = BTreeSet::new();
    let mut add = |what, text: Option<&str>| {
        markers.extend(text.filter(|text| text.len() >= 6).map(|text| Marker { what, text: text.to_owned() }));
    };
    for person in [Person::WILLEKE, Person::JOCHEM] {
        for value in [person.bsn, person.firstnames, person.firstname, person.familyname] {
            add("an attribute", Some(value));
        }
    }
    for call in world.stack.to_irma.calls_since(0) {
        let (asked, answer) = (read(&call.body), read(&call.answer));
        add("an IRMA token", answer["token"].as_str());
        let code = asked["request"]["clientReturnUrl"].as_str().and_then(|url| url.rsplit(',').next());
        add("a code", code.filter(|code| code.len() == 10));
    }
    for secret in world.secrets() {
        add("a secret", Some(&secret));
    }
    for call in world.stack.to_api.calls_since(0) {
        // Those that are there to be refused are no secrets.
        let secret = read(&call.answer)["secret"].as_str().map(str::to_owned);
        add("a secret", secret.as_deref());
        let attributes = read(&call.answer)["attributes"].as_array().cloned().unwrap_or_default();
        for value in attributes.iter().filter_map(|attribute| attribute["value"].as_str()) {
            add("an attribute", Some(value).filter(|value| value.len() < 1000));
        }
    }
    markers
}

fn read(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

async fn places(world: &World) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    let (logged, run) = (world.stack.function_logs().await?, world.stack.folder().to_owned());
    ensure!(logged.contains("code exchanged"), "the functions' logs are not there");
    places.push(Place { name: "logs".to_owned(), bytes: logged.into_bytes() });

    // What was answered to anyone but telephony's exchange, and the look-up that shows the attributes.
    for call in world.stack.to_api.calls_since(0) {
        let may_tell = call.status == 200 && ["POST /dtmf/exchange", "POST /contacts/lookup"].contains(&call.operation.as_str());
        if !may_tell {
            places.push(Place { name: format!("the answer {} to {}", call.status, call.operation), bytes: call.answer.to_vec() });
        }
    }
    for table in ["Records", "Codes"] {
        for item in world.stack.items(table).await? {
            for (attribute, value) in item {
                let bytes = match (value.as_b(), value.as_bs()) {
                    (Ok(bytes), _) => bytes.clone().into_inner(),
                    (_, Ok(set)) => set.iter().flat_map(|bytes| bytes.clone().into_inner()).collect(),
                    _ => format!("{value:?}").into_bytes(),
                };
                places.push(Place { name: format!("{table}, {attribute}"), bytes });
            }
        }
    }
    places.push(Place {
        name: "Parameter Store".to_owned(),
        bytes: ask(world, "ssm", "AmazonSSM.GetParametersByPath", PARAMETERS).await?.to_string().into_bytes(),
    });
    places.push(Place {
        name: "metrics".to_owned(),
        bytes: ask(world, "monitoring", "GraniteServiceVersion20100801.ListMetrics", "{}").await?.to_string().into_bytes(),
    });
    let trail = cloud_trail(world).await?;
    ensure!(trail.iter().any(|event| event["eventName"] == "GenerateMac"), "CloudTrail recorded nothing");
    places.push(Place {
        name: "CloudTrail".to_owned(),
        bytes: trail.iter().map(Value::to_string).collect::<String>().into_bytes(),
    });

    // The emulator's data, S3 among it, what it printed, and the functions' /tmp. The IRMA server and the wallets are not
    // ours to keep quiet, and the functions' log was searched above.
    let mut files = Vec::new();
    walk(&run, &mut files)?;
    files.extend(new_in_tmp(world)?);
    for file in files {
        let name = file.strip_prefix(&run).unwrap_or(&file).display().to_string();
        let not_ours = name.starts_with("irma-server") || name.starts_with("wallet-") || name == "functions.log";
        if !not_ours && let Some(bytes) = if_there(fs::read(&file))? {
            places.push(Place { name, bytes });
        }
    }
    Ok(places)
}

const PARAMETERS: &str = r#"{"Path": "/", "Recursive": true, "WithDecryption": true, "MaxResults": 10}"#;

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let Some(entries) = if_there(fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let Some(kind) = if_there(entry.file_type())? else { continue };
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// This user's files in `/tmp` itself that came or changed since the stack was started.
fn new_in_tmp(world: &World) -> Result<Vec<PathBuf>> {
    let (mut files, own) = (Vec::new(), fs::metadata("/proc/self")?.uid());
    for entry in fs::read_dir("/tmp")? {
        let entry = entry?;
        let Some(about) = if_there(entry.metadata())? else { continue };
        if about.is_file() && about.uid() == own && about.modified()? >= world.started_at {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// A file can go while one looks: the emulator writes, and `/tmp` is not ours alone.
fn if_there<T>(found: std::io::Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// The forms in which a text could be written.
fn forms(text: &str) -> BTreeSet<Vec<u8>> {
    let bytes = text.as_bytes();
    let each_byte = |form: fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>();
    let in_url = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let in_json = |one: char| if one.is_ascii() { one.to_string() } else { format!("\\u{:04x}", u32::from(one)) };
    let mut forms: BTreeSet<Vec<u8>> = [
        text.to_owned(),
        text.chars().rev().collect(),
        each_byte(|byte| format!("{byte:02x}")),
        each_byte(|byte| format!("{byte:02X}")),
        each_byte(|byte| format!("%{byte:02X}")),
        each_byte(in_url),
        // What is not ASCII may be escaped.
        text.chars().map(in_json).collect(),
        // As Rust prints bytes.
        bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
    ]
    .map(String::into_bytes)
    .into();
    // In base64 a text looks different at each of three places; the characters at its ends depend on its neighbours.
    for place in 0..3 {
        let around = [vec![0; place], bytes.to_vec()].concat();
        let (first, last) = ((place * 8).div_ceil(6), around.len() * 8 / 6);
        for base64 in [STANDARD.encode(&around), URL_SAFE_NO_PAD.encode(&around)] {
            forms.insert(base64.as_bytes()[first..last].to_vec());
        }
    }
    forms
}

/// What was found where, without repeating it.
fn find(markers: &BTreeSet<Marker>, places: &[Place]) -> Result<BTreeSet<String>> {
    let forms: Vec<(&Marker, Vec<u8>)> =
        markers.iter().flat_map(|marker| forms(&marker.text).into_iter().map(move |form| (marker, form))).collect();
    let automaton = AhoCorasick::new(forms.iter().map(|(_, form)| form))?;
    let mut found = BTreeSet::new();
    for place in places {
        for hit in automaton.find_overlapping_iter(&place.bytes) {
            let (marker, form) = &forms[hit.pattern().as_usize()];
            // A number of ten digits is a code only if it stands alone.
            let digit = |at: Option<usize>| at.and_then(|at| place.bytes.get(at)).is_some_and(u8::is_ascii_digit);
            let in_a_number =
                form.iter().all(u8::is_ascii_digit) && (digit(hit.start().checked_sub(1)) || digit(Some(hit.end())));
            if !in_a_number {
                found.insert(format!("{} in {}", marker.what, place.name));
            }
        }
    }
    Ok(found)
}

/// That the search finds what is there, in each form.
pub fn can_find() -> Result<()> {
    let markers: BTreeSet<Marker> =
        ["0123456789", "Jochem Émile"].map(|text| Marker { what: "a marker", text: text.to_owned() }).into();
    for marker in &markers {
        for (index, form) in forms(&marker.text).into_iter().enumerate() {
            let bytes = [b"before ".as_slice(), &form, b" after"].concat();
            let found = find(&markers, &[Place { name: index.to_string(), bytes }])?;
            ensure!(found.len() == 1, "form {index} is not found");
        }
        for before in ["", "a", "ab", "abc"] {
            let bytes = STANDARD.encode(format!("{before}{} and more", marker.text)).into_bytes();
            ensure!(find(&markers, &[Place { name: before.to_owned(), bytes }])?.len() == 1, "base64 is not found");
        }
    }
    let nothing = Place { name: String::new(), bytes: b"90123456789 Jochem mile".to_vec() };
    ensure!(find(&markers, &[nothing])?.is_empty(), "what is not there is found");
    Ok(())
}
