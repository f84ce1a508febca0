//! The functions' code. A zip of the same program is another zip each time; so what is compared is the program in it.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zip::ZipArchive;

use super::report::{DEPLOY, Outcome};
use crate::aws::{Aws, NotSeen};
use crate::hex::hex;

/// The one file of a package.
const PROGRAM: &str = "bootstrap";

/// As promised if the deployed package holds the program in the folder `built`, and nothing else.
pub async fn check(aws: &Aws, function: &Value, built: Option<PathBuf>) -> Result<Outcome, NotSeen> {
    let Some(built) = built.map(|folder| folder.join(PROGRAM)) else {
        return Ok(Outcome::unknown("there is nothing to compare it with", "give what `sam build` made: --build .aws-sam/build"));
    };
    let Ok(expected) = std::fs::read(&built) else {
        return Ok(Outcome::unknown(
            format!("{} can't be read", built.display()),
            "build the version that was deployed, on the same system, and give its folder with --build",
        ));
    };
    let location = function["Code"]["Location"].as_str();
    let location = location.ok_or_else(|| NotSeen::without("lambda:GetFunction", "address of the code"))?;
    let package = aws.download("lambda:GetFunction (its code)", location).await?;
    // What runs is what Lambda hashed; what came along another way is not that.
    if function["Configuration"]["CodeSha256"] != base64(&digest(&SHA256, &package)) {
        return Ok(Outcome::unknown("the package that came is not the one that runs", "run it again"));
    }
    Ok(compare(&package, &expected))
}

fn compare(package: &[u8], expected: &[u8]) -> Outcome {
    let Some((names, program)) = unpacked(package) else {
        return Outcome::broken("the package is no zip with a program", DEPLOY);
    };
    let more: Vec<String> =
        names.into_iter().filter(|name| name != PROGRAM).map(|name| format!("{name} is in the package too")).collect();
    if !more.is_empty() {
        return Outcome::no_difference(&more, DEPLOY);
    }
    let (found, expected) = (digest(&SHA256, &program), digest(&SHA256, expected));
    Outcome::holds_if(
        found.as_ref() == expected.as_ref(),
        format!("its program has the SHA-256 {}, and the one that was built {}", hex(found.as_ref()), hex(expected.as_ref())),
        "build the version that was deployed, and compare again; if it differs still, deploy, and find out in the trail who deployed this",
    )
}

/// The names of all files in the package, and the program.
fn unpacked(package: &[u8]) -> Option<(Vec<String>, Vec<u8>)> {
    let mut package = ZipArchive::new(Cursor::new(package)).ok()?;
    let names: Vec<String> = package.file_names().map(|name| name.ok().map(Cow::into_owned)).collect::<Option<_>>()?;
    let mut program = Vec::new();
    package.by_name(PROGRAM).ok()?.read_to_end(&mut program).ok()?;
    Some((names, program))
}

/// RFC 4648, section 4.
fn base64(digest: &Digest) -> String {
    STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    fn package(files: &[(&str, &str)]) -> Vec<u8> {
        let mut package = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            package.start_file(*name, stored).unwrap();
            package.write_all(content.as_bytes()).unwrap();
        }
        package.finish().unwrap().into_inner()
    }

    #[test]
    fn a_package_holds_the_program_and_nothing_else() {
        let holds = |files: &[(&str, &str)]| matches!(compare(&package(files), b"program"), Outcome::Holds);
        assert!(holds(&[(PROGRAM, "program")]));
        assert!(!holds(&[(PROGRAM, "another")]));
        assert!(!holds(&[(PROGRAM, "program"), ("extensions/x", "x")]));
        assert!(!holds(&[("other", "program")]));
        assert!(!matches!(compare(b"no zip", b"program"), Outcome::Holds));
    }
}
