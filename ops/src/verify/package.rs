//! A function's package, read in the only way in which it can be read.
//!
//! A zip archive says twice what it holds: in front of each file, and in a directory at its end. Readers go by the one or
//! the other, and find an archive behind other bytes, or in another's comment (PKWARE, APPNOTE.TXT, section 4.3). So that
//! what is compared is what Lambda runs, whichever way Lambda reads, a package must be these bytes and no others: the
//! program's header, the program, the directory's one entry, which says the same, and the end. That is how `sam deploy`
//! makes it.

use std::io::Read;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

/// The one file of a package.
pub const PROGRAM: &str = "bootstrap";

/// The largest that Lambda takes, unpacked (AWS Lambda developer guide, "Lambda quotas").
const LARGEST: usize = 250 * 1024 * 1024;

const HEADER: usize = 30 + PROGRAM.len();
const ENTRY: usize = 46 + PROGRAM.len();
const END: usize = 22;

/// The program in a package; nothing if the package is not laid out as above, or its program can't be unpacked.
pub fn program(package: &[u8]) -> Option<Vec<u8>> {
    let (rest, end) = package.split_at(package.len().checked_sub(END)?);
    let (body, entry) = rest.split_at(rest.len().checked_sub(ENTRY)?);
    let (header, data) = body.split_at_checked(HEADER)?;

    // One disk with one entry, where it starts, and no comment.
    let mut expected = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    expected.extend(u32::try_from(ENTRY).ok()?.to_le_bytes());
    expected.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
    expected.extend([0, 0]);
    // No flag: not encrypted, its sizes not behind it, its name not in another alphabet. Neither extra field nor comment.
    let name = [PROGRAM.len().to_le_bytes()[0], 0];
    let is_laid_out = end == expected
        && header.starts_with(b"PK\x03\x04")
        && entry.starts_with(b"PK\x01\x02")
        && entry[8..10] == [0, 0]
        && entry[28..30] == name
        && entry[30..36] == [0; 6]
        && entry[42..46] == [0; 4]
        && entry[46..] == *PROGRAM.as_bytes()
        // Flags and method; checksum, sizes, and lengths of name and extra field; name.
        && header[6..10] == entry[8..12]
        && header[14..30] == entry[16..32]
        && header[30..] == entry[46..];
    let number = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
    let size = usize::try_from(number(24)).ok()?;
    if !is_laid_out || usize::try_from(number(20)).ok()? != data.len() || size > LARGEST {
        return None;
    }
    let program = match entry[10..12] {
        [0, 0] => data.to_vec(),
        [8, 0] => inflated(data, size)?,
        _ => return None,
    };
    let mut checksum = Crc::new();
    checksum.update(&program);
    (program.len() == size && checksum.sum() == number(16)).then_some(program)
}

/// What these bytes are, compressed (RFC 1951); nothing if it is longer than `size`, or if bytes are left.
fn inflated(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let (mut decoder, mut program) = (DeflateDecoder::new(data), Vec::new());
    decoder.by_ref().take(size as u64 + 1).read_to_end(&mut program).ok()?;
    let is_whole = usize::try_from(decoder.total_in()).ok()? == data.len();
    is_whole.then_some(program)
}
