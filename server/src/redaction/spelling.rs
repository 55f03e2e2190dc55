//! A text as it is searched for secrets: in any letter case, and percent-decoded wherever it is looked at.

/// The text that is searched.
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the text continued before it was cut.
    is_cut: bool,
    /// What begins at each byte; empty if nothing in the text is encoded.
    characters: Vec<Character>,
}

/// A byte, percent-decoded as often as it was encoded.
#[derive(Clone, Copy)]
struct Character {
    byte: u8,
    /// Where the next one begins.
    next: usize,
    /// Whether the text ends before the digits of this `%`.
    is_open: bool,
}

impl<'a> Text<'a> {
    /// What is cut away counts as more of what stands before the cut.
    pub(super) fn new(bytes: &'a [u8], is_cut: bool) -> Self {
        let characters = if bytes.contains(&b'%') {
            characters(bytes)
        } else {
            Vec::new()
        };
        Self {
            bytes,
            is_cut,
            characters,
        }
    }

    /// The byte that stands at `at`, percent-decoded as often as it was encoded, and where the next one begins.
    pub(super) fn decoded(&self, at: usize) -> Option<(u8, usize)> {
        let plain = *self.bytes.get(at)?;
        let character = self.characters.get(at);
        Some(character.map_or((plain, at + 1), |it| (it.byte, it.next)))
    }

    /// The letters, digits and asterisks that stand at `at`, percent-decoded. What is cut away, if the text is cut there, is
    /// asterisks without an end.
    pub(super) fn secret_bytes(&self, mut at: usize) -> impl Iterator<Item = u8> {
        std::iter::from_fn(move || {
            let decoded = self.decoded(at).filter(|_| !self.is_cut_at(at));
            let Some((byte, next)) = decoded else {
                return self.is_cut.then_some(b'*');
            };
            at = next;
            (byte.is_ascii_alphanumeric() || byte == b'*').then_some(byte)
        })
    }

    /// Whether the cut is at `at` or within the escape that begins there.
    fn is_cut_at(&self, at: usize) -> bool {
        let is_open = self.characters.get(at).is_some_and(|it| it.is_open);
        self.is_cut && (at == self.bytes.len() || is_open)
    }

    /// Where the text at `at` continues after `prefix`, if it begins with it, percent-decoded and in lower case.
    pub(super) fn after(&self, mut at: usize, prefix: &[u8]) -> Option<usize> {
        for expected in prefix {
            let (byte, next) = self.decoded(at)?;
            if byte.to_ascii_lowercase() != *expected {
                return None;
            }
            at = next;
        }
        Some(at)
    }

    /// Whether what stands at `at` continues a word. The last digit of an encoded character does not, however often it
    /// was encoded.
    pub(super) fn is_inside_word(&self, at: usize) -> bool {
        let before = &self.bytes[..at];
        let digits = before.iter().rev().take_while(|it| it.is_ascii_hexdigit());
        let digits = digits.count();
        let is_encoded = digits >= 2 && before[..at - digits].ends_with(b"%");
        before.last().is_some_and(u8::is_ascii_alphanumeric) && !is_encoded
    }
}

/// What begins at each byte. From the end to the beginning, because the digits after a `%` may be encoded themselves.
///
/// Each character is a digit of at most one other, so that this is linear in the text, whatever is nested in it.
fn characters(bytes: &[u8]) -> Vec<Character> {
    let plain = |(at, byte): (usize, &u8)| Character {
        byte: *byte,
        next: at + 1,
        is_open: false,
    };
    let mut characters: Vec<Character> = bytes.iter().enumerate().map(plain).collect();
    for at in (0..bytes.len()).rev() {
        // An encoded `%` may begin another character.
        while characters[at].byte == b'%'
            && let Some(decoded) = escaped(&characters, characters[at].next)
        {
            characters[at] = decoded;
        }
        let character = characters[at];
        characters[at].is_open = character.byte == b'%' && is_open(&characters, character.next);
    }
    characters
}

/// Whether the text ends before the two digits that would begin at `at`.
fn is_open(characters: &[Character], at: usize) -> bool {
    let Some(high) = characters.get(at) else {
        return true;
    };
    let low = characters.get(high.next);
    high.is_open || digit(high).is_some() && low.is_none_or(|low| low.is_open)
}

fn digit(character: &Character) -> Option<u32> {
    char::from(character.byte).to_digit(16)
}

/// The character whose two digits begin at `at`.
fn escaped(characters: &[Character], at: usize) -> Option<Character> {
    let high = characters.get(at)?;
    let low = characters.get(high.next)?;
    let byte = digit(high)? * 16 + digit(low)?;
    Some(Character {
        byte: u8::try_from(byte).ok()?,
        next: low.next,
        is_open: false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> Vec<u8> {
        let text = Text::new(text.as_bytes(), false);
        let mut at = 0;
        std::iter::from_fn(|| {
            let (byte, next) = text.decoded(at)?;
            at = next;
            Some(byte)
        })
        .collect()
    }

    #[test]
    fn l6_whatever_is_encoded_is_decoded_at_any_depth() {
        #[rustfmt::skip]
        let rows = [
            ("a_b", "a_b"),
            ("%5F%5f", "__"),
            ("%255F%25255f", "__"),
            ("%25%35%46", "_"),
            ("%25%32%35%35%46", "_"),
            ("%%35F", "_"),
            ("%5%46", "_"),
            ("%%%33%35%25%34%36", "_"),
            ("%%35%%34%36", "_"),
            ("%25%2", "%%2"),
            ("%%%", "%%%"),
            ("%zz%5", "%zz%5"),
            ("%25", "%"),
        ];
        for (text, expected) in rows {
            assert_eq!(decoded(text), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn l6_what_follows_an_encoded_character_begins_a_word() {
        for before in ["", "/", "%3D", "%253D", "%25%33%44", "%25253d", "=%2525"] {
            let text = format!("{before}am");
            let text = Text::new(text.as_bytes(), false);
            assert!(!text.is_inside_word(before.len()), "{before}");
        }
        for before in ["a", "3", "=3D", "%D", "%3Dx"] {
            let text = format!("{before}am");
            let text = Text::new(text.as_bytes(), false);
            assert!(text.is_inside_word(before.len()), "{before}");
        }
    }

    #[test]
    fn l6_a_cut_is_seen_also_within_an_escape() {
        for end in [
            "", "%", "%5", "%%", "%25", "%25%", "%25%3", "%%3", "%%35", "%2525",
        ] {
            let text = format!("ab{end}");
            let cut = Text::new(text.as_bytes(), true);
            let found: Vec<u8> = cut.secret_bytes(0).take(5).collect();
            assert_eq!(found, b"ab***", "{end}");
            let whole = Text::new(text.as_bytes(), false);
            assert_eq!(whole.secret_bytes(0).count(), 2, "{end}");
        }
        for end in ["-", "%z", "%2F", "%25z", "-%", "%5%z"] {
            let text = format!("ab{end}");
            let cut = Text::new(text.as_bytes(), true);
            assert_eq!(cut.secret_bytes(0).count(), 2, "{end}");
        }
    }

    /// Encodes some bytes, and of what that makes some again, and so on.
    fn encoded(text: &[u8], levels: &[Vec<bool>]) -> Vec<u8> {
        levels.iter().fold(text.to_vec(), |text, choices| {
            let choices = choices.iter().cycle();
            let bytes = text.iter().zip(choices);
            bytes
                .flat_map(|(byte, is_encoded)| match is_encoded {
                    true => format!("%{byte:02x}").into_bytes(),
                    false => vec![*byte],
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn l6_a_text_is_read_whichever_of_its_characters_are_encoded_how_often(
            text in "[a-z_0-9]{1,12}",
            levels in prop::collection::vec(prop::collection::vec(any::<bool>(), 1..20), 0..5),
        ) {
            let encoded = encoded(text.as_bytes(), &levels);
            let encoded = String::from_utf8(encoded).expect("ASCII");
            prop_assert_eq!(decoded(&encoded), text.as_bytes());
        }
    }
}
