//! The check of a `locale` before it is sent.

use crate::error::Error;
use crate::generated::types::Locale;

/// The locale, if the contract lists it.
pub(crate) fn parse(tag: &str) -> Result<Locale, Error> {
    Locale::try_from(tag).map_err(|_| Error::InvalidRequest {
        field: "locale",
        problem: "is not auto or a language tag of the documented list, such as de or pt-BR"
            .to_owned(),
    })
}
