//! The words that texts for people do not use, because a search for the usual term would miss them.

/// A regular expression that finds one. `ask` counts only as a noun.
pub const WITHDRAWN: &str = r"(?i)\b(promised?|promises|mend(ed|s)?|lest|told|whoever|word of|in force|anew|an ask|the ask|judged?|judges|house)\b";
