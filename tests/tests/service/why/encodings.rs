//! Logs in which no id can be found as text: compressed ones, and UTF-16.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::explain;

const ID: &str = "01JTBQH2FZ8K1RXC0WJ4Z9P3VM";

fn line() -> String {
    format!(
        r#"{{"timestamp":"2026-11-28T12:00:00.000000Z","level":"INFO","event":"answered","status":401,"code":"UNAUTHORIZED","target":"billing_portal_server::request_layer","span":{{"request_id":"{ID}","name":"request"}}}}"#
    )
}

fn utf16(mark: bool, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    let text = format!("{mark}{}\r\n", line());
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn a_log_that_is_not_text_is_named_with_the_command_that_reads_it() {
    let directory = TempDir::new().expect("a temporary directory");
    #[rustfmt::skip]
    let rows: [(&str, Vec<u8>, &str, &str); 12] = [
        ("a.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab".to_vec(), "compressed by gzip", "zcat"),
        ("a.zst", b"\x28\xb5\x2f\xfd\x04\0".to_vec(), "compressed by zstd", "zstdcat"),
        ("a.xz", b"\xfd7zXZ\0\0\x04".to_vec(), "compressed by xz", "xzcat"),
        ("a.bz2", b"BZh91AY&SY".to_vec(), "compressed by bzip2", "bzcat"),
        ("a.lz4", b"\x04\x22\x4d\x18\x64".to_vec(), "compressed by lz4", "lz4cat"),
        ("a.zip", b"PK\x03\x04\x14\0".to_vec(), "compressed by zip", "unzip -p"),
        ("a.journal", b"LPKSHHRH\x0a\0".to_vec(), "compressed by the journal", "journalctl -o cat --file"),
        ("marked-le.log", utf16(true, u16::to_le_bytes), "in UTF-16", "iconv -f UTF-16 -t UTF-8"),
        ("marked-be.log", utf16(true, u16::to_be_bytes), "in UTF-16", "iconv -f UTF-16 -t UTF-8"),
        ("le.log", utf16(false, u16::to_le_bytes), "in UTF-16", "iconv -f UTF-16LE -t UTF-8"),
        ("be.log", utf16(false, u16::to_be_bytes), "in UTF-16", "iconv -f UTF-16BE -t UTF-8"),
        ("it's one.gz", b"\x1f\x8b\x08\x0a".to_vec(), "compressed by gzip", "zcat"),
    ];
    for (name, bytes, what, command) in rows {
        let file = directory.path().join(name);
        fs::write(&file, bytes).expect("the file is written");
        let path = file.to_str().expect("a path of text");
        let outcome = explain("", &[ID, "--log", path]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{name}");
        let word = if name.contains(' ') {
            format!("'{}'", path.replace('\'', r"'\''"))
        } else {
            path.to_owned()
        };
        let expected = format!(
            "error: {path} is {what}; run {command} {word} | billing-portal why {ID} --log -\n"
        );
        assert_eq!(outcome.stderr, expected);
    }
}

#[test]
fn the_command_that_is_named_reads_the_log() {
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is there");
    let mut input = gzip.stdin.take().expect("a pipe");
    writeln!(input, "{}", line()).expect("gzip reads");
    drop(input);
    let compressed = gzip.wait_with_output().expect("gzip ends").stdout;
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("portal.log.1.gz");
    fs::write(&file, compressed).expect("the file is written");
    let path = file.to_str().expect("a path of text");
    let refused = explain("", &[ID, "--log", path]).stderr;
    let (_, command) = refused.split_once("; run ").expect("a command");
    let (reader, ours) = command.split_once(" | billing-portal ").expect("a pipe");
    let text = Command::new("sh").args(["-c", reader]).output();
    let text = String::from_utf8(text.expect("sh runs").stdout).expect("text");
    assert_eq!(ours.trim(), format!("why {ID} --log -"));
    let explained = explain(&text, &[ID, "--log", "-"]);
    assert!(explained.stdout.contains("UNAUTHORIZED"), "{explained:?}");
}

#[test]
fn text_is_searched_whatever_it_begins_with() {
    for beginning in ["", "\n", "BZh of a user\n", "\u{feff}", "PK\u{3}\u{4}\n"] {
        let explained = explain(&format!("{beginning}{}\n", line()), &[ID]);
        assert_eq!(explained.code, 0, "{beginning:?}: {explained:?}");
    }
    let outcome = explain("\n", &[ID]);
    assert!(outcome.stderr.contains("has no line with"), "{outcome:?}");
}
