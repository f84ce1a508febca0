//! The functions' code. A zip of the same program is another zip each time; so what is compared is the program in it.

use std::path::PathBuf;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::package::{PROGRAM, program};
use super::report::{DEPLOY, Outcome};
use crate::aws::{Aws, NotSeen};
use crate::hex::hex;

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
    let Some(program) = program(package) else {
        let reason = format!("the package is not a zip archive of one file, {PROGRAM}, and nothing before, between or behind");
        return Outcome::broken(reason, DEPLOY);
    };
    let (found, expected) = (digest(&SHA256, &program), digest(&SHA256, expected));
    Outcome::holds_if(
        found.as_ref() == expected.as_ref(),
        format!("its program has the SHA-256 {}, and the one that was built {}", hex(found.as_ref()), hex(expected.as_ref())),
        "build the version that was deployed, and compare again; if it differs still, deploy, and find out in the trail who deployed this",
    )
}

/// RFC 4648, section 4.
fn base64(digest: &Digest) -> String {
    STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::Compression;
    use flate2::read::DeflateEncoder;

    use super::*;

    const CONTENT: &[u8] = b"program";

    /// A file in an archive, and what each of its two headers says.
    struct File<'a> {
        local: &'a str,
        central: &'a str,
        content: &'a [u8],
        deflated: bool,
        extra: &'a [u8],
    }

    fn file<'a>(name: &'a str, content: &'a [u8]) -> File<'a> {
        File { local: name, central: name, content, deflated: false, extra: &[] }
    }

    fn short(archive: &mut Vec<u8>, numbers: &[usize]) {
        archive.extend(numbers.iter().flat_map(|number| u16::try_from(*number).unwrap().to_le_bytes()));
    }

    fn long(archive: &mut Vec<u8>, numbers: &[usize]) {
        archive.extend(numbers.iter().flat_map(|number| u32::try_from(*number).unwrap().to_le_bytes()));
    }

    /// An archive as Python's zipfile makes it (APPNOTE.TXT, section 4.3), with something before its first header, before
    /// its directory, and at its end as the archive's comment.
    fn archive(files: &[File], before: &[u8], between: &[u8], comment: &[u8]) -> Vec<u8> {
        let (mut archive, mut directory) = (before.to_vec(), Vec::new());
        for File { local, central, content, deflated, extra } in files {
            let mut data = content.to_vec();
            if *deflated {
                data.clear();
                DeflateEncoder::new(*content, Compression::default()).read_to_end(&mut data).unwrap();
            }
            let mut crc = flate2::Crc::new();
            crc.update(content);
            let start = archive.len();
            for (header, name, to) in [(false, local, &mut archive), (true, central, &mut directory)] {
                to.extend(if header { b"PK\x01\x02\x14\x03" } else { &b"PK\x03\x04"[..] });
                short(to, &[20, 0, if *deflated { 8 } else { 0 }, 0, 33]);
                long(to, &[crc.sum() as usize, data.len(), content.len()]);
                short(to, &[name.len(), extra.len()]);
                if header {
                    short(to, &[0, 0, 0]);
                    long(to, &[0o100_755 << 16, start]);
                }
                to.extend(name.as_bytes());
                to.extend(*extra);
            }
            archive.extend(data);
        }
        archive.extend(between);
        let start = archive.len();
        archive.extend(&directory);
        archive.extend(b"PK\x05\x06");
        short(&mut archive, &[0, 0, files.len(), files.len()]);
        long(&mut archive, &[directory.len(), start]);
        short(&mut archive, &[comment.len()]);
        archive.extend(comment);
        archive
    }

    fn holds(package: &[u8]) -> bool {
        matches!(compare(package, CONTENT), Outcome::Holds)
    }

    #[test]
    fn a_package_holds_the_program_and_nothing_else() {
        let package = |files: &[File]| archive(files, b"", b"", b"");
        let program = || file(PROGRAM, CONTENT);
        assert!(holds(&package(&[program()])));
        assert!(holds(&package(&[File { deflated: true, ..program() }])));
        assert!(!holds(&package(&[file(PROGRAM, b"another")])));
        assert!(!holds(&package(&[program(), file("extensions/x", b"x")])));
        assert!(!holds(&package(&[file("other", CONTENT)])));
        assert!(!holds(&package(&[])));
        assert!(!holds(b"no zip"));
    }

    #[test]
    fn a_package_that_another_reader_could_read_otherwise_is_refused() {
        let program = || file(PROGRAM, CONTENT);
        let refused = [
            ("two programs", archive(&[file(PROGRAM, b"another"), program()], b"", b"", b"")),
            ("two programs, the other last", archive(&[program(), file(PROGRAM, b"another")], b"", b"", b"")),
            ("another name in the file's header", archive(&[File { local: "x/bootstr", ..program() }], b"", b"", b"")),
            ("another name in the directory", archive(&[File { central: "x/bootstr", ..program() }], b"", b"", b"")),
            ("something before", archive(&[program()], b"#!/bin/sh\n", b"", b"")),
            ("a file before, that the directory has not", {
                let other = archive(&[file(PROGRAM, b"another")], b"", b"", b"");
                archive(&[program()], &other[..30 + PROGRAM.len() + 7], b"", b"")
            }),
            ("something between", archive(&[program()], b"", b"x", b"")),
            ("a comment", archive(&[program()], b"", b"", b"x")),
            ("another archive in the comment", {
                let other = archive(&[file(PROGRAM, b"another")], b"", b"", b"");
                archive(&[program()], b"", b"", &other)
            }),
            ("something behind", [archive(&[program()], b"", b"", b""), b"x".to_vec()].concat()),
            ("another name in an extra field", {
                archive(&[File { extra: b"up\x06\x00\x01....x", ..program() }], b"", b"", b"")
            }),
        ];
        let held: Vec<&str> = refused.iter().filter(|(_, package)| holds(package)).map(|(what, _)| *what).collect();
        assert!(held.is_empty(), "{held:?}");
    }

    /// Every byte that some reader goes by is one that is checked: of a good package, no other is as good.
    #[test]
    fn of_a_package_no_byte_that_counts_can_be_another() {
        for deflated in [false, true] {
            let good = archive(&[File { deflated, ..file(PROGRAM, CONTENT) }], b"", b"", b"");
            let directory = good.len() - 22 - 46 - PROGRAM.len();
            // Times, who made it and for which version, and the file's rights say nothing of its content; nor does what fills
            // up the last byte of what is compressed.
            let free = |at: usize| {
                let of_directory = at.checked_sub(directory).unwrap_or(usize::MAX);
                matches!(at, 4..=5 | 10..=13)
                    || (deflated && at + 1 == directory)
                    || matches!(of_directory, 4..=7 | 12..=15 | 36..=41)
            };
            for at in (0..good.len()).filter(|at| !free(*at)) {
                for bit in 0..8 {
                    let mut other = good.clone();
                    other[at] ^= 1 << bit;
                    assert!(!holds(&other), "byte {at} of {}, bit {bit}", good.len());
                }
            }
        }
    }
}
