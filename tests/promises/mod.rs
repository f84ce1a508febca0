//! The nine promises to the privacy officer, each a test that bears its words: what holds on the deployed stack is tried
//! there. What only the template can tell, or a search of everything, is tried in `template` and `canary`; where that is so,
//! the test here says which part is its own.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use local::wallet::Person;
use serde_json::{Value, json};
use shared::audit::Pseudonym;
use shared::records::Records;

use crate::tests;
use crate::world::{BSN_AND_NAME, Started, World, ask, ask_as, cloud_trail, number, number_of};

tests! {
    beside_others: [
        promise_1_what_is_disclosed_is_readable_in_the_answer_to_the_agent_only,
        promise_2_no_log_and_no_error_holds_what_was_disclosed,
        promise_3_a_record_is_gone_at_clear,
        promise_5_no_table_has_a_copy,
        promise_6_telephony_cannot_read_records,
        promise_7_a_code_works_for_one_contact_only,
        promise_8_every_step_is_in_the_trail_with_the_role_that_made_it,
        promise_9_the_trail_tells_when_a_record_came_and_went_and_nothing_of_the_citizen,
    ],
    alone: [
        promise_3_a_record_is_gone_within_the_hour_though_two_sweeps_fail,
        promise_4_nothing_else_stays_behind,
    ]
}

/// A call up to the moment at which the agent sees the attributes.
struct Call {
    session: Started,
    contact: String,
    secret: String,
    shown: Value,
}

async fn call(world: &World) -> Result<Call> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    wallet.perform(&session.pointer).await?;
    let secret = stack.secret(&session.code, &contact).await?;
    let shown = stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?;
    Ok(Call { session, contact, secret, shown })
}

impl Call {
    async fn clear(&self, world: &World) -> Result<()> {
        world.stack.clear("anna", &self.secret, Some(&self.contact)).await?.expect(204).map(|_| ())
    }
}

/// The canary searches everywhere; here it is the record itself, with the attributes in it.
async fn promise_1_what_is_disclosed_is_readable_in_the_answer_to_the_agent_only(world: &World) -> Result<()> {
    let call = call(world).await?;
    assert!(call.shown.to_string().contains(Person::WILLEKE.bsn));
    let item = world.item("Records", &call.session.id).await?.context("the record is gone")?;
    let sealed = item.get("attributes").and_then(|sealed| sealed.as_b().ok()).context("there are no attributes")?;
    for value in [Person::WILLEKE.bsn, Person::WILLEKE.familyname, Person::WILLEKE.firstnames] {
        let found = sealed.as_ref().windows(value.len()).any(|window| window == value.as_bytes());
        ensure!(!found && !format!("{item:?}").contains(value), "an attribute lies in the record as it is");
    }
    // Only the secret opens them, and nobody stored it: not the secret of another call, not what the record holds.
    let other: shared::secret::Secret =
        crate::planted::fresh(world).await?.secret.parse().map_err(|_| anyhow::anyhow!("no secret"))?;
    let sealed = shared::sealed::SealedAttributes::from_bytes(sealed.clone().into_inner());
    assert!(sealed.open(&other.key_pair(), BSN_AND_NAME).is_err());
    Ok(())
}

/// The canary searches everything; here it is a disclosure that fails at each place where the attributes are at hand, with
/// every switch on that could make a library talk.
async fn promise_2_no_log_and_no_error_holds_what_was_disclosed(world: &World) -> Result<()> {
    let marker = format!("marker-{}", world.contact());
    let session = world.start(BSN_AND_NAME).await?;
    let path = format!("GET /session/{}/result-jwt", session.token);
    let claims = json!({
        "iat": shared::clock::now(), "exp": shared::clock::now() + 120, "iss": local::irma_server::ISSUER, "sub": "disclosing_result",
        "token": session.token, "type": "disclosing", "status": "DONE", "proofStatus": "VALID",
        "disclosed": [[{"id": crate::results::BSN, "rawvalue": marker, "status": "PRESENT", "issuancetime": 0}]],
    });
    let result = world.stack.irma.lock().await.result(claims).sign()?;
    // A signature that is wrong, a database that fails, and then all goes well.
    for (jwt, database_fails) in [(format!("{result}x"), false), (result.clone(), true), (result.clone(), false)] {
        let answer = local::tap::Fault::answer(200, jwt);
        let path = path.clone();
        let _served = world.stack.to_irma.inject(move |call| (call.operation == path).then(|| answer.clone()));
        let id = session.id.clone();
        let _failing = world.stack.to_aws.inject(move |call| {
            (database_fails && call.operation == "UpdateItem" && call.says(&id)).then(|| local::tap::Fault::answer(500, "{}"))
        });
        world.stack.invoke(world.stack.root(), "SessionIngest", &json!({"record": session.id})).await?;
    }
    let secret = world.stack.secret(&session.code, &world.contact()).await?;
    let shown = world.stack.look_up("anna", &secret, None).await?.expect(200)?;
    assert!(shown.to_string().contains(&marker));
    // What is sealed does not open any more.
    world.set("Records", &session.id, "purpose", aws_sdk_dynamodb::types::AttributeValue::S("afspraak".to_owned())).await?;
    let refused = world.stack.look_up("anna", &secret, None).await?;
    assert!(refused.status == 500 && !refused.text.contains(&marker));
    let logs = world.stack.function_logs().await?;
    assert!(logs.contains(&session.id), "the logs are not there");
    assert!(!logs.contains(&marker));
    Ok(())
}

async fn promise_3_a_record_is_gone_at_clear(world: &World) -> Result<()> {
    let call = call(world).await?;
    call.clear(world).await?;
    assert!(!world.has("Records", &call.session.id).await?);
    Ok(())
}

async fn promise_3_a_record_is_gone_within_the_hour_though_two_sweeps_fail(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let made = number_of(world, "Records", &session.id, "created_at").await?;
    let expires = number_of(world, "Records", &session.id, "expires_at").await?;
    assert_eq!(expires - made, 3600);
    // From the first run that finds it, two may fail and the third still comes before: a run is due every minute, and is
    // up to a minute late.
    const { assert!(Records::MARGIN >= 4 * 60) };
    world.set("Records", &session.id, "expires_at", number(shared::clock::now() + Records::MARGIN)).await?;
    let failing =
        world.stack.to_aws.inject(|call| (call.caller == "ExpireRecords").then(|| local::tap::Fault::answer(500, "{}")));
    for _ in 0..2 {
        assert!(world.run("ExpireRecords").await?.failed);
    }
    drop(failing);
    world.run_well("ExpireRecords").await?;
    assert!(!world.has("Records", &session.id).await?);
    Ok(())
}

/// When a contact was cleared and its code's twenty seconds are over, neither table has an item of the call.
async fn promise_4_nothing_else_stays_behind(world: &World) -> Result<()> {
    let call = call(world).await?;
    call.clear(world).await?;
    world.set("Codes", &call.session.code_id, "expires_at", number(shared::clock::now())).await?;
    world.run_well("ExpireRecords").await?;
    for (table, id) in [("Records", &call.session.id), ("Codes", &call.session.code_id)] {
        assert!(!world.has(table, id).await?, "{table}");
    }
    Ok(())
}

/// That none can be switched on, the rules in `infra/guard` and `rights` show.
async fn promise_5_no_table_has_a_copy(world: &World) -> Result<()> {
    for logical in ["Records", "Codes"] {
        let named = json!({"TableName": world.stack.table(logical)?}).to_string();
        let table = &ask(world, "dynamodb", "DynamoDB_20120810.DescribeTable", &named).await?["Table"];
        assert!(table["StreamSpecification"]["StreamEnabled"] != true && table.get("LatestStreamArn").is_none(), "{table}");
        assert!(table["Replicas"].as_array().is_none_or(Vec::is_empty), "{table}");
        let copies = ask(world, "dynamodb", "DynamoDB_20120810.DescribeContinuousBackups", &named).await?;
        let recovery = &copies["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"];
        assert_eq!(recovery, "DISABLED", "{copies}");
        let backups = ask(world, "dynamodb", "DynamoDB_20120810.ListBackups", &named).await?;
        assert!(backups["BackupSummaries"].as_array().is_some_and(Vec::is_empty), "{backups}");
    }
    Ok(())
}

/// Whatever their code does: with the credentials of dtmf-exchange, and of telephony itself.
async fn promise_6_telephony_cannot_read_records(world: &World) -> Result<()> {
    let call = call(world).await?;
    let functions = &world.stack.deployment.functions;
    let exchange = functions.get("DtmfExchange").context("no function")?.credentials.clone();
    let local::call::Caller::Telephony(telephony) = world.stack.telephony().await? else { anyhow::bail!("telephony signs") };
    let table = world.stack.table("Records")?;
    for credentials in [exchange, telephony] {
        for (operation, body) in [
            ("GetItem", json!({"TableName": table, "Key": {"id": {"S": call.session.id}}})),
            ("Scan", json!({"TableName": table})),
            ("DeleteItem", json!({"TableName": table, "Key": {"id": {"S": call.session.id}}})),
        ] {
            let target = format!("DynamoDB_20120810.{operation}");
            let (_, answer) = ask_as(&credentials, world, "dynamodb", &target, &body.to_string()).await?;
            assert!(answer.contains("AccessDenied"), "{operation}: {answer}");
        }
    }
    assert!(world.has("Records", &call.session.id).await?);
    Ok(())
}

async fn promise_7_a_code_works_for_one_contact_only(world: &World) -> Result<()> {
    let call = call(world).await?;
    world.stack.exchange(&call.session.code, &world.contact()).await?.expect(404)?;
    assert!(
        call.secret == world.stack.secret(&call.session.code, &call.contact).await?,
        "the contact itself gets another secret"
    );
    Ok(())
}

/// The calls of a whole call, by the service and the operation.
const STEPS: [(&str, &[(&str, &str)]); 5] = [
    ("SessionStart", &[("kms", "GenerateMac"), ("kms", "Encrypt"), ("dynamodb", "TransactWriteItems")]),
    ("SessionIngest", &[("dynamodb", "GetItem"), ("kms", "Decrypt"), ("dynamodb", "UpdateItem")]),
    ("DtmfExchange", &[("kms", "GenerateMac"), ("dynamodb", "UpdateItem")]),
    ("AgentLookup", &[("dynamodb", "GetItem"), ("dynamodb", "UpdateItem")]),
    ("ClearContact", &[("dynamodb", "GetItem"), ("dynamodb", "DeleteItem")]),
];

/// The emulator records what a trail would; that the trail takes it to another account, the rules in `infra/guard` show.
async fn promise_8_every_step_is_in_the_trail_with_the_role_that_made_it(world: &World) -> Result<()> {
    let call = call(world).await?;
    call.clear(world).await?;
    let trail = cloud_trail(world).await?;
    for (function, steps) in STEPS {
        let key = &world.stack.deployment.functions.get(function).context("no function")?.credentials.key_id;
        for (service, operation) in steps {
            let is_it = |event: &&Value| {
                event["eventSource"] == format!("{service}.amazonaws.com")
                    && event["eventName"] == *operation
                    && event["userIdentity"]["accessKeyId"] == **key
            };
            assert!(trail.iter().any(|event| is_it(&event)), "{service}:{operation} by {function} is not in the trail");
        }
    }
    assert!(trail.iter().any(|event| event["eventSource"] == "ssm.amazonaws.com" && event["eventName"] == "GetParameter"));
    Ok(())
}

async fn promise_9_the_trail_tells_when_a_record_came_and_went_and_nothing_of_the_citizen(world: &World) -> Result<()> {
    let call = call(world).await?;
    call.clear(world).await?;
    let trail = cloud_trail(world).await?;
    let events: Vec<&Value> = trail.iter().filter(|event| event.to_string().contains(&call.session.id)).collect();
    let done = |operation: &'static str| {
        events.iter().filter(move |event| event["eventName"] == operation && event["errorCode"].is_null())
    };
    // What was asked again, because no answer came in time, is one transaction with one token.
    let made: BTreeSet<&str> =
        done("TransactWriteItems").filter_map(|event| event["requestParameters"]["ClientRequestToken"].as_str()).collect();
    assert_eq!((made.len(), done("DeleteItem").count()), (1, 1));
    // Whose look-up and whose clear it was, the key tells that each of the two functions asked for beside.
    let mark = format!("agent/{}/{}", Pseudonym::of("anna"), call.session.id);
    for function in ["AgentLookup", "ClearContact"] {
        let key = &world.stack.deployment.functions.get(function).context("no function")?.credentials.key_id;
        let marks =
            |event: &Value| event["requestParameters"]["Key"]["id"]["S"] == mark && event["userIdentity"]["accessKeyId"] == **key;
        assert!(done("GetItem").any(|event| marks(event)), "{function} left no mark");
    }
    let times: Vec<&str> = events.iter().filter_map(|event| event["eventTime"].as_str()).collect();
    assert!(times.len() == events.len() && times.iter().all(|time| time.ends_with('Z')));
    for event in events {
        for value in
            [Person::WILLEKE.bsn, Person::WILLEKE.familyname, Person::WILLEKE.firstnames, &call.secret, &call.session.code]
        {
            assert!(!event.to_string().contains(value), "{}", event["eventName"]);
        }
    }
    Ok(())
}
