//! The requests that are measured, one for each way in which most requests end.

use serde_json::json;

/// A return URL that is allowed.
pub(crate) const RETURN_URL: &str = "https://app.example.com/settings/billing";
const OTHER_URL: &str = "https://other.example.org/";

/// Keys of the service that is measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    /// Of an organization with a customer.
    pub opens: String,
    /// Of an organization without a customer.
    pub without_customer: String,
    /// Without the scope.
    pub reads_only: String,
}

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The portal is open.
    Opened,
    /// The key is not one.
    Unauthorized,
    /// The key lacks the scope.
    Forbidden,
    /// The organization has no customer.
    NoCustomer,
    /// The return URL is not allowed.
    Invalid,
}

impl Ending {
    pub(crate) const ALL: [Self; 5] = [
        Self::Opened,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NoCustomer,
        Self::Invalid,
    ];

    /// The status of its response.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Opened => 200,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NoCustomer => 409,
            Self::Invalid => 422,
        }
    }

    /// What it is called in results.
    pub(crate) fn name(self) -> String {
        self.status().to_string()
    }

    /// What the service is measured against: opening a portal, or answering a constant.
    pub(crate) const fn floor_path(self) -> &'static str {
        match self {
            Self::Opened => PORTAL,
            _ => HELLO,
        }
    }

    /// The bytes of such a request.
    pub(crate) fn request(self, keys: &Keys) -> Vec<u8> {
        let (key, return_url) = match self {
            Self::Opened => (keys.opens.as_str(), RETURN_URL),
            Self::Unauthorized => ("am_test_wrong", RETURN_URL),
            Self::Forbidden => (keys.reads_only.as_str(), RETURN_URL),
            Self::NoCustomer => (keys.without_customer.as_str(), RETURN_URL),
            Self::Invalid => (keys.opens.as_str(), OTHER_URL),
        };
        post(PORTAL, key, return_url)
    }
}

/// The operation.
pub(crate) const PORTAL: &str = "/v1/billing/portal";
/// The path at which the floor answers a constant.
pub(crate) const HELLO: &str = "/hello";

/// A request as most clients send it.
pub(crate) fn post(path: &str, key: &str, return_url: &str) -> Vec<u8> {
    let body = json!({ "return_url": return_url }).to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}
