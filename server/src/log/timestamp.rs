//! The time of a line, in RFC 3339 with microseconds.

use std::cell::Cell;

use chrono::{DateTime, Datelike, Timelike, Utc};

/// The length of `2026-05-22T12:30:00.`.
const WHOLE_SECOND_BYTES: usize = 20;

thread_local! {
    /// The second of the thread's last line, as it is written: most lines have the same one.
    static WRITTEN: Cell<Option<(i64, [u8; WHOLE_SECOND_BYTES])>> = const { Cell::new(None) };
}

/// Appends `2026-05-22T12:30:00.000000Z`. chrono's own formatting costs twenty times as much.
pub(super) fn push_timestamp(line: &mut Vec<u8>, time: DateTime<Utc>) {
    let second = time.timestamp();
    match WRITTEN.get() {
        Some((written, text)) if written == second => line.extend_from_slice(&text),
        _ => {
            let begin = line.len();
            push_whole_second(line, time);
            let text = line[begin..].try_into().ok();
            WRITTEN.set(text.map(|text| (second, text)));
        }
    }
    // A leap second is a second 59 with more than a million microseconds.
    push_digits(line, time.nanosecond().min(999_999_999) / 1_000, 6);
    line.push(b'Z');
}

fn push_whole_second(line: &mut Vec<u8>, time: DateTime<Utc>) {
    #[rustfmt::skip]
    let parts = [
        (time.year().unsigned_abs(), 4, b'-'),
        (time.month(),               2, b'-'),
        (time.day(),                 2, b'T'),
        (time.hour(),                2, b':'),
        (time.minute(),              2, b':'),
        (time.second(),              2, b'.'),
    ];
    for (number, digits, separator) in parts {
        push_digits(line, number, digits);
        line.push(separator);
    }
}

fn push_digits(line: &mut Vec<u8>, mut number: u32, digits: usize) {
    let mut text = [b'0'; 6];
    for digit in text[..digits].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    line.extend_from_slice(&text[..digits]);
}

#[cfg(test)]
mod tests {
    use chrono::{SecondsFormat, TimeDelta, TimeZone};

    use super::*;

    #[test]
    fn it_is_what_rfc_3339_says() {
        let whole = Utc.with_ymd_and_hms(2026, 5, 22, 12, 30, 0).unwrap();
        let times = [
            whole,
            whole + TimeDelta::microseconds(7),
            whole + TimeDelta::nanoseconds(123_456_789),
            Utc.with_ymd_and_hms(2024, 2, 29, 23, 59, 59).unwrap() + TimeDelta::milliseconds(999),
            Utc.with_ymd_and_hms(9999, 12, 31, 0, 0, 1).unwrap(),
            Utc.with_ymd_and_hms(9999, 12, 31, 0, 0, 1).unwrap() + TimeDelta::microseconds(3),
            whole + TimeDelta::microseconds(8),
        ];
        for time in times {
            let mut line = Vec::new();
            push_timestamp(&mut line, time);
            let expected = time.to_rfc3339_opts(SecondsFormat::Micros, true);
            assert_eq!(String::from_utf8(line).expect("ASCII"), expected);
        }
    }
}
