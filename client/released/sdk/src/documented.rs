//! The type of a documented outcome; the outcomes themselves are generated from the contract.

/// One example of an answer in the contract.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
}
