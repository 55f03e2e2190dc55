//! Inputs that are like good ones: seeds, changed in a few places. The same number begins the same sequence.

/// The most changes to one seed. Few inputs with more are read far enough to reach anything.
const MAX_CHANGES: usize = 6;
/// The longest input, in bytes: longer than any limit on a text or header, so that limits are passed too.
const MAX_BYTES: usize = 20_000;

/// What parsers treat in a special way: separators, escapes, letters that look like others or that cannot be seen, and
/// the words of each kind of input.
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "/", "//", "\\", ":", "::", "@", "?", "#", "%", "%2e", "%00", "%2F", "%5c", "%E2%80%AE", "..", ".", "*", "[",
    "]", "{", "}", "\"", "'", ",", ";", "=", "&", "+", "-", "_", "|", "^", "`", "~", "<", ">", " ", "\t", "\n",
    "\r\n", "\0", "\u{7f}", "\u{85}", "\u{a0}", "\u{ad}", "\u{34f}", "\u{61c}", "\u{115f}", "\u{180e}", "\u{200b}",
    "\u{200d}", "\u{202e}", "\u{2044}", "\u{2060}", "\u{2215}", "\u{2028}", "\u{3002}", "\u{3164}", "\u{fe00}",
    "\u{feff}", "\u{ff0e}", "\u{ff0f}", "\u{ff1a}", "\u{ff20}", "\u{fffd}", "\u{1d41a}", "\u{e0041}", "ſ", "K", "ß",
    "İ", "é", "xn--", "xn--bcher-kva", "https://", "http://", "HTTPS:", "javascript:", "data:", "app.example.com",
    "app.example.com.", "bücher.example", "192.0.2.7", "0xC0.0.2.7", "3221225991", "[::1]", ":443", ":0443",
    ":8443", "user:pass@", "evil.test", "null", "true", "false", "0", "-1", "1e999", "1800000000",
    "9223372036854775808", "\\u0000", "\\ud800", "\\\"", "{}", "[]", "[[[[[[[[", "\"return_url\":", "\"id\":",
    "\"object\":", "\"enabled\":", "Bearer ", "bearer  ", "am_live_", "am_test_", "sk_live_", "whsec_", "t=", "v1=",
    "v0=", "cus_", "acct_",
];

/// Makes inputs from seeds.
pub(crate) struct Mutator<'a> {
    seeds: &'a [Vec<u8>],
    numbers: Numbers,
    input: Vec<u8>,
}

impl<'a> Mutator<'a> {
    /// The seeds must not be none.
    pub(crate) fn new(seeds: &'a [Vec<u8>], number: u64) -> Self {
        Self {
            seeds,
            numbers: Numbers(number),
            input: Vec::new(),
        }
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> &[u8] {
        let seed = self.seed();
        self.input.clear();
        self.input.extend_from_slice(seed);
        for _ in 0..self.numbers.below(MAX_CHANGES + 1) {
            self.change();
        }
        self.input.truncate(MAX_BYTES);
        &self.input
    }

    fn seed(&mut self) -> &'a [u8] {
        &self.seeds[self.numbers.below(self.seeds.len())]
    }

    fn change(&mut self) {
        let (from, to) = self.range();
        let token = token(self.numbers.next());
        match self.numbers.below(9) {
            0 if from < self.input.len() => self.input[from] ^= 1 << self.numbers.below(8),
            1 if from < self.input.len() => self.input[from] = self.numbers.byte(),
            2 | 3 => self.replace(from, from, token),
            4 => self.replace(from, to, token),
            5 => _ = self.input.drain(from..to),
            6 => {
                let repeated = self.input[from..to].to_vec();
                self.replace(to, to, &repeated);
            }
            7 => {
                let other = self.seed();
                let at = self.numbers.below(other.len() + 1);
                self.replace(from, to, &other[at..]);
            }
            _ => self.escape_or_fold(from),
        }
    }

    /// Writes one byte as an escape of a URL, or in the other letter case.
    fn escape_or_fold(&mut self, at: usize) {
        let Some(byte) = self.input.get(at).copied() else {
            return;
        };
        if self.numbers.below(2) == 0 {
            self.replace(at, at + 1, format!("%{byte:02x}").as_bytes());
        } else {
            self.input[at] = byte ^ 0x20;
        }
    }

    fn replace(&mut self, from: usize, to: usize, by: &[u8]) {
        if self.input.len() + by.len() <= MAX_BYTES {
            self.input.splice(from..to, by.iter().copied());
        }
    }

    /// A part of the input, mostly a short one.
    fn range(&mut self) -> (usize, usize) {
        let from = self.numbers.below(self.input.len() + 1);
        let longest = [2, 8, 64, self.input.len()][self.numbers.below(4)];
        let length = self.numbers.below(longest + 1);
        (from, (from + length).min(self.input.len()))
    }
}

fn token(number: u64) -> &'static [u8] {
    TOKENS[usize::try_from(number % TOKENS.len() as u64).unwrap_or_default()].as_bytes()
}

/// Numbers that look random (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
