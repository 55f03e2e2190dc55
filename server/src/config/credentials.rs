//! User names and passwords in settings that are not secrets, where nobody expects them.

use std::borrow::Cow;

use super::Settings;

/// What takes the place of a user name and password.
const HIDDEN: &str = "[hidden]";
/// What ends them in a URL, also where it is percent-encoded and so does not.
const ENDS: [&str; 2] = ["@", "%40"];

/// The text without a user name and password before a host. A password may have any character, so that everything
/// between the scheme and the last `@` is hidden.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    let Some(end) = ENDS.iter().filter_map(|end| text.rfind(end)).max() else {
        return text.into();
    };
    let scheme = text[..end].find("//").map_or(0, |at| at + "//".len());
    format!("{}{HIDDEN}{}", &text[..scheme], &text[end..]).into()
}

/// A message, without the user names and passwords of URLs that it quotes.
pub(crate) fn without_url_credentials(message: &str) -> String {
    let words = message.split_inclusive(char::is_whitespace);
    let shown = words.map(|word| {
        if word.contains("//") {
            without_credentials(word)
        } else {
            word.into()
        }
    });
    shown.collect()
}

impl Settings {
    /// The settings as they may be shown.
    pub(super) fn without_credentials(&self) -> Self {
        let mut shown = self.clone();
        let lists = [
            &mut shown.return_url_allow_list,
            &mut shown.stripe_portal_hosts,
        ];
        let urls = shown.portal_profiles.values_mut().flat_map(|profile| {
            [
                &mut profile.privacy_policy_url,
                &mut profile.terms_of_service_url,
                &mut profile.default_return_url,
            ]
        });
        let texts = lists.into_iter().flatten().chain(urls.flatten());
        for text in texts.chain([&mut shown.stripe_api_base]) {
            *text = without_credentials(text).into_owned();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_last_at_sign_is_hidden() {
        #[rustfmt::skip]
        let rows = [
            ("https://u:pw@api.stripe.com", "https://[hidden]@api.stripe.com"),
            ("https://u:p/w@d#e@api.stripe.com/v1", "https://[hidden]@api.stripe.com/v1"),
            ("https://pw@host", "https://[hidden]@host"),
            ("u:pw@host:8080", "[hidden]@host:8080"),
            ("https:u:pw@host", "[hidden]@host"),
            ("https://u:pw%40host", "https://[hidden]%40host"),
            ("https://api.stripe.com", "https://api.stripe.com"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
        ];
        for (text, shown) in rows {
            assert_eq!(without_credentials(text), shown);
        }
    }

    #[test]
    fn only_urls_of_a_message_are_changed() {
        let message = "error: 'https://u:p@h:1' for ana@example.com\n  tip: http://h";
        let expected = "error: 'https://[hidden]@h:1' for ana@example.com\n  tip: http://h";
        assert_eq!(without_url_credentials(message), expected);
    }
}
