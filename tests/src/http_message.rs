//! One HTTP/1.1 request and one response, as a test writes and reads them: nothing is normalised on the way.

mod head;
mod request;
mod response;

pub use request::TestRequest;
pub use response::TestResponse;

/// A return URL that the services of the tests accept.
pub const RETURN_URL: &str = "https://app.example.com/settings/billing";
