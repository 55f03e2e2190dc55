//! Ways in which a key arrives damaged: `{{OK|flip_last}}` in the corpus.

const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Where the random part begins, after `am_live_`.
const RANDOM: usize = 8;

/// The key after the damage; always another text than the key.
pub(super) fn damage(key: &str, how: &str) -> String {
    let (prefix, random) = key.split_at(RANDOM);
    let last = key.len() - 1;
    let unless_same = |other: String| {
        if other == random {
            follow(key, last)
        } else {
            format!("{prefix}{other}")
        }
    };
    match how {
        "drop_last" => key[..last].to_owned(),
        "append_A" => format!("{key}A"),
        "flip_last" => follow(key, last),
        "flip_mid" => follow(key, 20),
        "swap" => swap_neighbours(key),
        "lower" => unless_same(random.to_ascii_lowercase()),
        "upper" => unless_same(random.to_ascii_uppercase()),
        "test_prefix" => format!("am_test_{random}"),
        "no_prefix" => random.to_owned(),
        "double" => format!("{key}{key}"),
        "split_space" => format!("{} {}", &key[..20], &key[20..]),
        "split_tab" => format!("{}\t{}", &key[..20], &key[20..]),
        "confuse" => unless_same(random.replacen('0', "O", 1)),
        _ => panic!("no damage is called {how}"),
    }
}

/// The character there becomes the next of the alphabet.
fn follow(key: &str, at: usize) -> String {
    let here = BASE62.find(&key[at..=at]).expect("keys are base62");
    let next = (here + 1) % BASE62.len();
    format!("{}{}{}", &key[..at], &BASE62[next..=next], &key[at + 1..])
}

/// The last two neighbours that differ change places.
fn swap_neighbours(key: &str) -> String {
    let mut bytes = key.as_bytes().to_vec();
    let differ = (RANDOM + 1..bytes.len() - 1)
        .rev()
        .find(|&at| bytes[at] != bytes[at + 1]);
    let at = differ.expect("a random key has two neighbours that differ");
    bytes.swap(at, at + 1);
    String::from_utf8(bytes).expect("ASCII")
}
