//! What a log can be in that hides the ids in it, and how to read it.

use std::{borrow::Cow, path::Path};

/// How a file begins whose text cannot be searched, what it is, and the command that writes its text.
const MAGIC: [(&[u8], Encoding); 9] = [
    (b"\x1f\x8b", compressed("gzip", "zcat")),
    (b"\x28\xb5\x2f\xfd", compressed("zstd", "zstdcat")),
    (b"\xfd7zXZ\0", compressed("xz", "xzcat")),
    (b"BZh", compressed("bzip2", "bzcat")),
    (b"\x04\x22\x4d\x18", compressed("lz4", "lz4cat")),
    (b"PK\x03\x04", compressed("zip", "unzip -p")),
    (
        b"LPKSHHRH",
        compressed("the journal", "journalctl -o cat --file"),
    ),
    (b"\xff\xfe", UTF16),
    (b"\xfe\xff", UTF16),
];
const UTF16: Encoding = utf16("iconv -f UTF-16 -t UTF-8");

/// What a log is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    verb: &'static str,
    name: &'static str,
    command: &'static str,
}

const fn compressed(name: &'static str, command: &'static str) -> Encoding {
    Encoding {
        verb: "compressed by",
        name,
        command,
    }
}

const fn utf16(command: &'static str) -> Encoding {
    Encoding {
        verb: "in",
        name: "UTF-16",
        command,
    }
}

impl Encoding {
    /// That of a log which begins so; `None` if it can be searched.
    pub(super) fn of(beginning: &[u8]) -> Option<Self> {
        let known = MAGIC.iter().find(|(magic, _)| beginning.starts_with(magic));
        match (known, beginning) {
            (Some((_, encoding)), _) => Some(*encoding),
            // Without a byte order mark: the first character is an ASCII one, as each line of the service begins.
            (None, [1..=0xff, 0, ..]) => Some(utf16("iconv -f UTF-16LE -t UTF-8")),
            (None, [0, 1..=0xff, ..]) => Some(utf16("iconv -f UTF-16BE -t UTF-8")),
            (None, _) => None,
        }
    }

    /// What the log is in, and how to have it searched.
    pub(super) fn advice(&self, file: &Path, request_id: &str) -> String {
        let Self {
            verb,
            name,
            command,
        } = self;
        let file = if file == Path::new("-") {
            "FILE".into()
        } else {
            quoted(file)
        };
        format!("is {verb} {name}; run {command} {file} | billing-portal why {request_id} --log -")
    }
}

/// The path as a word of a shell.
fn quoted(file: &Path) -> Cow<'_, str> {
    let text = file.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,=@".contains(&byte);
    if text.bytes().all(is_plain) && !text.starts_with('-') {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}
