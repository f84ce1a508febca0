//! Publishing the web pages, to an S3 that remembers what it is asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};

use crate::servers::serve;
use crate::{Run, folder, run};

/// A file in a bucket: its tags, how long it may be kept, and how often it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stored {
    tags: String,
    kept: String,
    written: u32,
}

type Files = Arc<Mutex<BTreeMap<String, Stored>>>;

/// S3, and CloudFormation as far as it tells of the stack. Lists hold two files, then the next page.
async fn answer(State(files): State<Files>, method: Method, uri: Uri, headers: HeaderMap) -> (StatusCode, String) {
    let mut files = files.lock().unwrap();
    let (path, query) = (uri.path().trim_start_matches('/').to_owned(), uri.query().unwrap_or_default());
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let text = match method {
        Method::POST => stack(),
        Method::PUT => {
            if let Some(source) = header("x-amz-copy-source") {
                assert_eq!(source, path);
                assert_eq!(header("x-amz-metadata-directive").unwrap(), "REPLACE");
                assert_eq!(header("x-amz-tagging-directive").unwrap(), "REPLACE");
                assert_eq!(header("content-type").unwrap(), "text/javascript; charset=utf-8");
            }
            let stored = files.entry(path).or_default();
            stored.tags = header("x-amz-tagging").unwrap_or_default();
            stored.kept = header("cache-control").unwrap();
            stored.written += 1;
            "<CopyObjectResult/>".to_owned()
        }
        Method::GET if query.contains("tagging") => {
            let Some((key, value)) = files[&path].tags.split_once('=') else {
                return (StatusCode::OK, "<Tagging><TagSet/></Tagging>".to_owned());
            };
            format!("<Tagging><TagSet><Tag><Key>{key}</Key><Value>{value}</Value></Tag></TagSet></Tagging>")
        }
        Method::GET if query.contains("list-type=2") => {
            let in_bucket = format!("{}/", path.trim_end_matches('/'));
            let keys: Vec<&str> = files.keys().filter_map(|key| key.strip_prefix(&in_bucket)).collect();
            let token = query.split('&').find_map(|part| part.strip_prefix("continuation-token="));
            let from = token.map_or(0, |token| token.parse().unwrap());
            let contents = |key: &&str| format!("<Contents><Key>{key}</Key></Contents>");
            let page = keys.iter().skip(from).take(2).map(contents).collect::<Vec<_>>().concat();
            let next = from + 2;
            let more = keys.len() > next;
            let next = if more { format!("<NextContinuationToken>{next}</NextContinuationToken>") } else { String::new() };
            format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{page}</ListBucketResult>")
        }
        _ => return (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>".to_owned()),
    };
    (StatusCode::OK, text)
}

/// What CloudFormation tells.
fn stack() -> String {
    let list = |list: &str, key: &str, value: &str, pairs: &[(&str, &str)]| {
        let member = |(name, text): &(&str, &str)| format!("<member><{key}>{name}</{key}><{value}>{text}</{value}></member>");
        format!("<{list}>{}</{list}>", pairs.iter().map(member).collect::<Vec<_>>().concat())
    };
    let parameters = [("AgentScope", "idbellen/agent"), ("OidcIssuer", "https://login.example"), ("OidcAudience", "portal")];
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>{}{}</member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>",
        list("Outputs", "OutputKey", "OutputValue", &[("CitizenFiles", "citizen"), ("PortalFiles", "portal")]),
        list("Parameters", "ParameterKey", "ParameterValue", &parameters),
    )
}

/// Publishes a version of the pages whose scripts have these names.
async fn publish(url: &str, web: &Path, scripts: &[&str]) -> Run {
    for page in ["citizen", "agent"] {
        let dist = web.join(page).join("dist");
        let _ = std::fs::remove_dir_all(&dist);
        std::fs::create_dir_all(dist.join("assets")).unwrap();
        for file in ["index.html", "id-bellen.js"].iter().chain(scripts) {
            std::fs::write(dist.join(file), "").unwrap();
        }
    }
    run(url, &["web", "publish", "idbellen", "--web", web.to_str().unwrap()], b"").await
}

const FOR_EVER: &str = "public, max-age=31536000, s-maxage=86400, immutable";

#[tokio::test]
async fn what_an_earlier_version_left_is_marked_once_and_expires() {
    let files = Files::default();
    let url = serve(Router::new().fallback(answer).with_state(Arc::clone(&files))).await;
    let web = folder("what_an_earlier_version_left_is_marked_once_and_expires");
    let stored = |key: &str| files.lock().unwrap()[&format!("portal/{key}")].clone();
    let (first, second) = ("assets/index-AAAAAAAA.js", "assets/index-BBBBBBBB.js");
    let kept = "assets/follow-CCCCCCCC.js";
    for foreign in ["robots.txt", "assets/a b-DDDDDDDD.js", "logo-EEEEEEEE.exe"] {
        files.lock().unwrap().insert(format!("portal/{foreign}"), Stored::default());
    }

    let run = publish(&url, &web, &[first, kept]).await;
    assert_eq!(run.code, 0, "{}", run.err);
    let fresh = Stored { tags: String::new(), kept: FOR_EVER.to_owned(), written: 1 };
    assert_eq!((stored(first), stored(kept)), (fresh.clone(), fresh.clone()));

    // Pages that are open load the first script for a week more, from when it was superseded.
    let run = publish(&url, &web, &[second, kept]).await;
    assert_eq!(run.code, 0, "{}", run.err);
    let superseded = Stored { tags: "superseded=yes".to_owned(), written: 2, ..fresh.clone() };
    assert_eq!((stored(first), stored(second)), (superseded.clone(), fresh.clone()));
    assert_eq!(stored(kept), Stored { written: 2, ..fresh.clone() });
    assert!(run.out.contains("1 files of an earlier version in portal"), "{}", run.out);
    assert!(run.out.contains("1 files of an earlier version in citizen"), "{}", run.out);

    // The same again: the week does not begin anew.
    let run = publish(&url, &web, &[second, kept]).await;
    assert_eq!((run.code, stored(first)), (0, superseded), "{}", run.err);

    // What comes back stays.
    let run = publish(&url, &web, &[first, kept]).await;
    assert_eq!((run.code, stored(first)), (0, Stored { written: 3, ..fresh }), "{}", run.err);

    // What no build makes is named, and left alone.
    for foreign in ["robots.txt", "assets/a b-DDDDDDDD.js", "logo-EEEEEEEE.exe"] {
        assert_eq!(stored(foreign), Stored::default());
        assert!(run.out.contains(foreign), "{}", run.out);
    }
    assert_eq!(stored("index.html").kept, "no-cache");
    assert_eq!(stored("config.json").tags, "");
}
