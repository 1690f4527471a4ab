//! Archive formats, and checksums.

use std::io::Write as _;

use flate2::{Compression, Crc, GzBuilder, write::DeflateEncoder};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use crate::entry::{Entry, Kind};

/// A tar archive of `entries` in the order of their paths. Owner 0, time 0.
pub fn tar(entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in sorted(entries) {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode());
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        if entry.kind == Kind::Link {
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, &entry.path, std::str::from_utf8(&entry.content)?)?;
            continue;
        }
        let is_folder = entry.kind == Kind::SharedFolder;
        header.set_entry_type(if is_folder { EntryType::Directory } else { EntryType::Regular });
        header.set_size(u64::try_from(entry.content.len())?);
        builder.append_data(&mut header, &entry.path, entry.content.as_slice())?;
    }
    Ok(builder.into_inner()?)
}

/// The gzip form of `bytes`, without name and time.
pub fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

/// A compressed tar archive with all entries below the folder `name`.
pub fn tar_gz(name: &str, entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let below = |entry: &Entry| Entry { path: format!("{name}/{}", entry.path), ..entry.clone() };
    gzip(&tar(&entries.iter().map(below).collect::<Vec<_>>())?)
}

/// The oldest date of the zip format: 1980-01-01.
const ZIP_DATE: u16 = 1 << 5 | 1;

/// A zip archive of `entries` in the order of their paths, with the oldest time of the format.
///
/// Written here because the crate `zip` enables a feature of `zeroize`, which the TLS stack uses too. Format:
/// APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16, without Zip64.
pub fn zip(entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let (mut archive, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for entry in sorted(entries) {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&entry.content)?;
        let packed = encoder.finish()?;
        let mut sum = Crc::new();
        sum.update(&entry.content);

        // What the local header and the directory share: version 2.0, UTF-8 names, deflate.
        let mut common = Vec::new();
        for field in [20_u16, 0x0800, 8, 0, ZIP_DATE] {
            common.extend(field.to_le_bytes());
        }
        common.extend(sum.sum().to_le_bytes());
        common.extend(u32::try_from(packed.len())?.to_le_bytes());
        common.extend(u32::try_from(entry.content.len())?.to_le_bytes());
        common.extend(u16::try_from(entry.path.len())?.to_le_bytes());
        common.extend([0; 2]);

        let offset = u32::try_from(archive.len())?;
        directory.extend(b"PK\x01\x02");
        // Made by Unix, so that the permissions apply.
        directory.extend([20, 3]);
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend(((0o100_000 | entry.mode()) << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.path.as_bytes());

        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(entry.path.as_bytes());
        archive.extend(&packed);
        count += 1;
    }
    let offset = u32::try_from(archive.len())?;
    let size = u32::try_from(directory.len())?;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend([0; 2]);
    Ok(archive)
}

/// SHA-256 as hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|one, two| one.path.cmp(&two.path));
    sorted
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn entries() -> Vec<Entry> {
        vec![Entry::program("b/run", "#!"), Entry::file("a.txt", "text")]
    }

    #[test]
    fn order_of_entries_does_not_change_an_archive() {
        let mut reversed = entries();
        reversed.reverse();
        assert_eq!(tar_gz("x", &entries()).unwrap(), tar_gz("x", &reversed).unwrap());
        assert_eq!(zip(&entries()).unwrap(), zip(&reversed).unwrap());
    }

    #[test]
    fn tar_keeps_paths_permissions_and_contents() {
        let bytes = tar_gz("x", &entries()).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let path = entry.path().unwrap().display().to_string();
            found.push((path, entry.header().mode().unwrap(), content));
        }
        let expected = [("x/a.txt", 0o644, "text"), ("x/b/run", 0o755, "#!")];
        assert_eq!(found, expected.map(|(path, mode, text)| (path.into(), mode, text.into())));
    }

    #[test]
    fn tar_keeps_links() {
        let link = Entry { kind: Kind::Link, ..Entry::file("b/link", "../a.txt") };
        let bytes = tar(&[link, Entry::file("a.txt", "text")]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        tar::Archive::new(bytes.as_slice()).unpack(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("b/link")).unwrap(), "text");
    }

    #[test]
    fn zip_keeps_paths_permissions_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.zip");
        std::fs::write(&file, zip(&entries()).unwrap()).unwrap();
        let script = "import sys, zipfile\n\
                      archive = zipfile.ZipFile(sys.argv[1])\n\
                      assert archive.testzip() is None\n\
                      for one in archive.infolist():\n    \
                          print(one.filename, oct(one.external_attr >> 16), archive.read(one))";
        let read = std::process::Command::new("python3").args(["-c", script]).arg(file).output();
        let read = read.unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let expected = "a.txt 0o100644 b'text'\nb/run 0o100755 b'#!'\n";
        assert_eq!(String::from_utf8_lossy(&read.stdout), expected);
    }

    #[test]
    fn checksum_is_that_of_sha256sum() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
    }
}
