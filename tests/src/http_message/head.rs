//! The head of a message: its first line and its headers.

/// The first line and the headers. Bytes are read as Latin-1, so that no header makes the head unreadable.
pub(super) fn parse(head: &[u8]) -> Option<(String, Vec<(String, String)>)> {
    let head: String = head.iter().map(|&byte| char::from(byte)).collect();
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next()?.to_owned();
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect::<Option<_>>()?;
    Some((first, headers))
}

pub(super) fn write_headers(head: &mut String, headers: &[(String, String)]) {
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
}

pub(super) fn single_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}
