#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use serde_json::{Map, json};

use super::*;

const BURGERZAKEN: &str = include_str!("../../../infra/purposes/burgerzaken.json");
const AFSPRAAK: &str = include_str!("../../../infra/purposes/afspraak.json");

/// The problems of the example after `from` was replaced by `to`, once.
fn problems(from: &str, to: &str) -> (String, Vec<Problem>) {
    assert!(BURGERZAKEN.contains(from), "{from}");
    let text = BURGERZAKEN.replacen(from, to, 1);
    let problems = check(&text, &PurposeSchema::new().unwrap(), Demo::Allowed).err().unwrap_or_default();
    (text, problems)
}

/// The line of the first `mark`.
fn line_of(text: &str, mark: &str) -> usize {
    let Some((before, _)) = text.split_once(mark) else { panic!("no {mark}") };
    before.matches('\n').count() + 1
}

#[test]
fn the_examples_are_good_and_stored_without_spaces() {
    for text in [BURGERZAKEN, AFSPRAAK] {
        let stored = check(text, &PurposeSchema::new().unwrap(), Demo::Allowed).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert!(!stored.contains(['\n', '\t']) && !stored.contains(": "), "{stored}");
        assert!(Purpose::read(&stored).is_ok());
    }
}

#[test]
fn each_mistake_is_reported_alone_on_its_line() {
    // What is replaced, by what; where the problem is, and what.
    for (from, to, mark, what) in [
        // What is no JSON.
        ("\"pauses\": 3,", "\"pauses\": 3", "\"open\":", "expected `,` or `}`"),
        ("\"pauses\": 3,", "// later\n\"pauses\": 3,", "// later", "key must be a string"),
        ("\"open\": true,", "\"open\": true,\n  \"open\": true,", "\"open\": true,\n  \"opening", "\"open\" is there twice"),
        ("\"name\": ", "\"name\": \"x\",\n\"name\": ", "\"name\": \"Gem", "\"name\" is there twice"),
        // What is missing.
        ("\"name\": \"Gemeente Voorbeeld\",", "", "\"controller\"", "controller has no \"name\""),
        (
            "\"en\": \"It tells our employee what to call you.\"",
            "\"en\": \" \"",
            "\"en\": \" \"",
            "attributes[\"irma-demo.MijnOverheid.fullName.familyname\"].reason.en must be a text that is not empty",
        ),
        ("\"nl\": \"Voornamen\", ", "", "\"en\": \"First names\"", ".label has no \"nl\""),
        // What is not allowed.
        (
            "\"controller\": {",
            "\"controller\": {\n\"fax\": \"1\",",
            "\"fax\"",
            "controller can't have \"fax\": it must be an object with name",
        ),
        (
            "\"monday\"",
            "\"maandag\"",
            "\"maandag\"",
            "openingHours.weekly can't have \"maandag\": it must be an object with the hours",
        ),
        ("\"+31200000001\"", "\"0201234567\"", "\"0201234567\"", "phoneNumber must be a phone number in international form"),
        ("\"+31200000001\"", "\"+1234567\"", "\"+1234567\"", "phoneNumber must be a phone number"),
        ("\"+31200000001\"", "\"+1234567890123456\"", "\"+1234567890123456\"", "phoneNumber must be a phone number"),
        ("\"pauses\": 3", "\"pauses\": -1", "\"pauses\"", "pauses must be a whole number from 0 to 20"),
        ("\"pauses\": 3", "\"pauses\": 2.5", "\"pauses\"", "pauses must be a whole number from 0 to 20"),
        // A whole number to JSON Schema, and none to the functions.
        ("\"pauses\": 3", "\"pauses\": 3.0", "\"pauses\"", "invalid type: floating point `3.0`, expected u8"),
        ("\"open\": true", "\"open\": \"yes\"", "\"open\": ", "open must be true or false"),
        ("\"from\": \"08:30\"", "\"from\": \"8:30\"", "\"8:30\"", "openingHours.weekly.monday[0].from must be a time as HH:MM"),
        ("\"to\": \"17:00\"", "\"to\": \"24:01\"", "\"24:01\"", "openingHours.weekly.monday[0].to must be a time as HH:MM"),
        ("\"to\": \"17:00\"", "\n\"to\": \"08:30\"", "\"to\": \"08:30\"", "monday closes at 08:30, but opens at 08:30"),
        ("\"2027-05-17\"", "\n\"2027-02-29\"", "\"2027-02-29\"", "openingHours.closedOn[10] must be a date that exists"),
        ("\"2027-05-17\"", "\n\"17-05-2027\"", "\"17-05-2027\"", "openingHours.closedOn[10] must be a date that exists"),
        ("\"https://", "\"http://", "\"privacyUrl\"", "privacyUrl must be an https:// URL"),
        ("\"https://www", "\"https://a b", "\"privacyUrl\"", "privacyUrl must be an https:// URL"),
        // What is asked, and on what terms.
        ("\"condiscon\": [", "\"condiscon\": [\n[],", "[],", "condiscon[0] must be a list of alternatives, at least one"),
        (
            "\"irma-demo.MijnOverheid.fullName.prefix\",",
            "\"irma-demo.MijnOverheid.fullName.prefix\",\n\"irma-demo.MijnOverheid.fullName.firstname\",",
            "\"irma-demo.MijnOverheid.fullName.firstname\",",
            "condiscon asks for \"irma-demo.MijnOverheid.fullName.firstname\", to which attributes gives no label and reason",
        ),
        (
            "\"irma-demo.MijnOverheid.fullName.prefix\",",
            "",
            "\"irma-demo.MijnOverheid.fullName.prefix\": {",
            "attributes gives terms for \"irma-demo.MijnOverheid.fullName.prefix\", which condiscon does not ask for",
        ),
    ] {
        let (text, problems) = problems(from, to);
        let [problem] = problems.as_slice() else { panic!("{to}: {problems:?}") };
        assert_eq!(problem.line, line_of(&text, mark), "{to}: {problem:?}");
        assert!(problem.what.contains(what), "{to}: {problem:?}");
    }
}

#[test]
fn a_mistake_that_makes_others_is_reported_too() {
    for (from, to) in [
        ("\"2027-05-17\"", "\"2027-05-17\","),
        ("\"title\"", "\"titel\""),
        ("\"weekly\"", "\"daily\""),
        ("\"irma-demo.MijnOverheid.fullName.prefix\",", "7,"),
    ] {
        assert!(!problems(from, to).1.is_empty(), "{to}");
    }
}

#[test]
fn every_mistake_is_reported_at_once_in_the_order_of_the_lines() {
    let mut text = BURGERZAKEN.replace("\"pauses\": 3", "\"pauses\": \"3\"").replace("\"https://", "\"http://");
    text = text
        .replace("\"contact\": ", "\"phone\": ")
        .replace("singleton.BSN\"]", "root.BSN\"]")
        .replace("\"to\": \"17:00\"", "\"to\": \"7:00\"");
    let problems = check(&text, &PurposeSchema::new().unwrap(), Demo::Allowed).unwrap_err();
    let found: Vec<(usize, &str)> = problems.iter().map(|problem| (problem.line, problem.what.as_str())).collect();
    let root = "irma-demo.MijnOverheid.root.BSN";
    let hours = |day: &str| format!("openingHours.weekly.{day}[0].to must be a time as HH:MM, from 00:00 to 24:00");
    let hours = ["monday", "tuesday", "wednesday", "thursday", "friday"].map(hours);
    let mut expected = vec![(line_of(&text, "\"pauses\""), "pauses must be a whole number from 0 to 20")];
    expected.extend((line_of(&text, "\"monday\"")..).zip(hours.iter().map(String::as_str)));
    let asked = format!("condiscon asks for \"{root}\", to which attributes gives no label and reason");
    expected.extend([
        (line_of(&text, "\"controller\""), "controller has no \"contact\""),
        (line_of(&text, "\"phone\""), "controller can't have \"phone\": it must be an object with name and contact"),
        (line_of(&text, "\"privacyUrl\""), "privacyUrl must be an https:// URL"),
        (line_of(&text, root), asked.as_str()),
        (
            line_of(&text, "\"irma-demo.MijnOverheid.singleton.BSN\": {"),
            "attributes gives terms for \"irma-demo.MijnOverheid.singleton.BSN\", which condiscon does not ask for",
        ),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn a_condiscon_that_asks_for_nothing_is_refused() {
    let mut purpose: Value = serde_json::from_str(BURGERZAKEN).unwrap();
    purpose["condiscon"] = json!([[[]]]);
    purpose["attributes"] = json!({});
    let problems = check(&purpose.to_string(), &PurposeSchema::new().unwrap(), Demo::Allowed).unwrap_err();
    assert_eq!(problems, [Problem::new(1, "condiscon asks for no attribute")]);
}

#[test]
fn a_condiscon_that_lets_the_citizen_disclose_nothing_is_refused() {
    let check_with = |condiscon: Value| {
        let mut purpose: Value = serde_json::from_str(BURGERZAKEN).unwrap();
        purpose["attributes"] = json!({"a.b.c.d": purpose["attributes"]["irma-demo.MijnOverheid.singleton.BSN"]});
        purpose["condiscon"] = condiscon;
        check(&purpose.to_string(), &PurposeSchema::new().unwrap(), Demo::Allowed)
    };
    let refused = "condiscon lets the citizen disclose nothing: at least one entry must have no empty alternative";
    for condiscon in [json!([[[], ["a.b.c.d"]]]), json!([[["a.b.c.d"], []], [[]]])] {
        assert_eq!(check_with(condiscon).unwrap_err(), [Problem::new(1, refused)]);
    }
    assert!(check_with(json!([[["a.b.c.d"]], [[], ["a.b.c.d"]]])).is_ok());
}

#[test]
fn a_demo_scheme_is_refused_unless_it_is_allowed() {
    let schema = PurposeSchema::new().unwrap();
    let found = check(BURGERZAKEN, &schema, Demo::Refused).unwrap_err();
    let expected = ["singleton.BSN\"]", "fullName.firstnames\",", "fullName.prefix\",", "fullName.familyname\"\n"];
    let lines: Vec<usize> = found.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, expected.map(|mark| line_of(BURGERZAKEN, mark)));
    let bsn =
        "\"irma-demo.MijnOverheid.singleton.BSN\" is of a demo scheme, in which anyone can issue anything; --demo allows it";
    assert_eq!(found[0].what, bsn);
    for (scheme, refused) in
        [("pbdf", false), ("gemeente", false), ("pbdf-demo", true), ("Demo", true), ("test", true), ("test2", true)]
    {
        let text = BURGERZAKEN.replace("irma-demo.", &format!("{scheme}."));
        assert_eq!(check(&text, &schema, Demo::Refused).is_err(), refused, "{scheme}");
        assert!(check(&text, &schema, Demo::Allowed).is_ok(), "{scheme}");
    }
}

#[test]
fn a_format_is_one_that_the_portal_knows() {
    let (text, found) = problems("\"format\": \"bsn\"", "\"format\": \"iban\"");
    let what = "attributes[\"irma-demo.MijnOverheid.singleton.BSN\"].format must be \"bsn\", or left out";
    assert_eq!(found, [Problem::new(line_of(&text, "iban"), what)]);
}

#[test]
fn an_attribute_can_be_asked_with_a_value() {
    let id = "\"irma-demo.MijnOverheid.fullName.prefix\"";
    let (_, found) = problems(&format!("{id},"), &format!("{{ \"type\": {id}, \"notNull\": true }},"));
    assert_eq!(found, []);
    let (_, found) = problems(&format!("{id},"), &format!("{{ \"type\": {id}, \"value\": null }},"));
    assert_eq!(found[0].what, "condiscon[1][0][1].value must be the text that the attribute has to have");
}

#[test]
fn a_name_with_signs_that_mean_something_to_json_pointers_has_its_line() {
    let (text, found) = problems("\"controller\": {", "\"controller\": {\n\"a/b~c\": \"1\",");
    let what = "controller can't have \"a/b~c\": it must be an object with name and contact";
    assert_eq!(found, [Problem::new(line_of(&text, "a/b~c"), what)]);
    let (text, found) = problems("\"attributes\": {", "\"attributes\": {\n\"a/b~c\": 7,");
    let line = line_of(&text, "a/b~c");
    let asked = "attributes gives terms for \"a/b~c\", which condiscon does not ask for";
    let kind = "attributes[\"a/b~c\"] must be an object with label and reason, and format if the value has one";
    assert_eq!(found, [Problem::new(line, asked), Problem::new(line, kind)]);
}

#[test]
fn a_purpose_that_no_parameter_can_hold_is_refused_by_its_size() {
    let (text, found) = problems("\"Achternaam\"", &format!("\"{}\"", "é".repeat(1000)));
    let size = serde_json::from_str::<Value>(&text).unwrap().to_string().len();
    assert_eq!(found, [Problem::new(1, format!("the purpose takes {size} bytes without spaces; a parameter holds 4096"))]);
}

/// `document` in each form that it takes when `change` has changed one of its values.
fn each_change(document: &Value, change: &impl Fn(&Value) -> Vec<Value>) -> Vec<Value> {
    let mut changed = change(document);
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                changed.extend(each_change(member, change).into_iter().map(|member| {
                    let mut members = members.clone();
                    members.insert(name.clone(), member);
                    Value::Object(members)
                }));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                changed.extend(each_change(item, change).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[index] = item;
                    Value::Array(items)
                }));
            }
        }
        _ => {}
    }
    changed
}

/// The purpose with one opening hour and one closed day, so that each rule is there once.
fn small() -> Value {
    let mut purpose: Value = serde_json::from_str(AFSPRAAK).unwrap();
    purpose["openingHours"] = json!({ "weekly": { "monday": [{ "from": "08:30", "to": "17:00" }] }, "closedOn": ["2027-01-01"] });
    purpose
}

/// Not in those of serde, which reads what the schema let through.
fn in_our_words(problem: &Problem) -> bool {
    !["invalid", "missing", "unknown"].iter().any(|word| problem.what.starts_with(word))
}

#[test]
fn the_schema_wants_and_allows_the_members_that_the_functions_do() {
    let members = |value: &Value| -> Vec<Map<String, Value>> {
        let Value::Object(members) = value else { return Vec::new() };
        let mut changed: Vec<_> = members
            .keys()
            .map(|name| {
                let mut without = members.clone();
                without.remove(name);
                without
            })
            .collect();
        let mut more = members.clone();
        more.insert("more".to_owned(), json!("x"));
        changed.push(more);
        changed
    };
    let schema = PurposeSchema::new().unwrap();
    let changed = each_change(&small(), &|value| members(value).into_iter().map(Value::Object).collect());
    assert!(changed.len() > 40);
    for purpose in changed {
        let text = purpose.to_string();
        let checked = check(&text, &schema, Demo::Allowed);
        assert_eq!(checked.is_ok(), Purpose::read(&text).is_ok(), "{text}");
        assert!(checked.err().into_iter().flatten().all(|problem| in_our_words(&problem)), "{text}");
    }
}

#[test]
fn the_schema_finds_each_value_of_the_wrong_kind_before_the_functions_do() {
    let kinds = [
        json!(null),
        json!(false),
        json!(1.5),
        json!(300),
        json!(""),
        json!("\n"),
        json!([]),
        json!([1]),
        json!({}),
        json!({ "x": 1 }),
    ];
    let schema = PurposeSchema::new().unwrap();
    for purpose in each_change(&small(), &|_| kinds.to_vec()) {
        let text = purpose.to_string();
        let Err(problems) = check(&text, &schema, Demo::Allowed) else {
            assert!(Purpose::read(&text).is_ok(), "{text}");
            continue;
        };
        assert!(problems.iter().all(in_our_words), "{problems:?}: {text}");
    }
}
