//! What a portal session is requested with: the form that Stripe gets.

use super::repetition::Repetition;
use crate::{
    ids::CustomerId,
    portal_options::{Flow, Locale},
    return_url::ReturnUrl,
    traces::Steps,
};

/// What a caller may choose about a session, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct SessionRequest<'a> {
    /// The organization's customer.
    pub customer: &'a CustomerId,
    /// Where the portal leads back to, with or without a flow.
    pub return_url: &'a ReturnUrl,
    /// The one task for which the portal opens.
    pub flow: Option<Flow>,
    /// The portal's language.
    pub locale: Option<Locale>,
    /// What repetitions of this request have in common, if they shall get the same session.
    pub repetition: Option<Repetition<'a>>,
    /// Where the attempts and the waits are noted.
    pub steps: &'a Steps,
}

impl SessionRequest<'_> {
    /// The form, for a session with this portal configuration.
    pub(super) fn form<'a>(&'a self, configuration: &'a str) -> Vec<(&'static str, &'a str)> {
        let return_url = self.return_url.as_str();
        let mut form = vec![
            (customer_field(self.customer), self.customer.as_str()),
            ("return_url", return_url),
            ("configuration", configuration),
        ];
        if let Some(flow) = self.flow {
            form.extend([
                ("flow_data[type]", flow.as_str()),
                ("flow_data[after_completion][type]", "redirect"),
                (FLOW_RETURN_URL, return_url),
            ]);
        }
        form.extend(self.locale.map(|locale| ("locale", locale.as_str())));
        form
    }
}

/// The parameter with the URL to which a flow leads back. It is always the return URL, which the policy has checked.
pub(super) const FLOW_RETURN_URL: &str = "flow_data[after_completion][redirect][return_url]";

/// The field in which Stripe names the customer.
pub(super) fn customer_field(customer: &CustomerId) -> &'static str {
    if customer.is_account() {
        "customer_account"
    } else {
        "customer"
    }
}
