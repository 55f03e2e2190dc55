//! From path and method to endpoint, by the routes that poem-openapi makes of the operations and those of the
//! documentation.
//!
//! A path has one spelling. poem's own router unescapes paths, answers text, and does not say which methods a path
//! takes, so it is not used.

use std::collections::HashMap;

use poem::{
    Endpoint, EndpointExt, IntoResponse, Request, Response, Result,
    endpoint::BoxEndpoint,
    http::{Method, Version, header},
};
use poem_openapi::OpenApi;

use super::{api_error::ApiError, envelope::Malformed, error_code::ErrorCode};

/// The longest method that is looked at. HTTP's registered ones have at most 17 characters.
pub(crate) const MAX_METHOD_BYTES: usize = 32;
const MAX_TARGET_BYTES: usize = 8 * 1024;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The routes, by exact path and method.
#[derive(Default)]
pub(crate) struct Router {
    routes: HashMap<String, HashMap<Method, BoxEndpoint<'static>>>,
}

impl Router {
    /// Adds an API's operations.
    #[must_use]
    pub(crate) fn operations(mut self, api: impl OpenApi) -> Self {
        api.add_routes(&mut self.routes);
        self
    }

    /// Adds an endpoint that only reads.
    #[must_use]
    pub(crate) fn get(self, path: &str, endpoint: impl Endpoint + 'static) -> Self {
        self.route_to(Method::GET, path, endpoint)
    }

    /// Adds an endpoint that receives data and is not an operation of the API.
    #[must_use]
    pub(crate) fn post(self, path: &str, endpoint: impl Endpoint + 'static) -> Self {
        self.route_to(Method::POST, path, endpoint)
    }

    fn route_to(mut self, method: Method, path: &str, endpoint: impl Endpoint + 'static) -> Self {
        let endpoint = endpoint.map_to_response().boxed();
        let methods = self.routes.entry(path.to_owned()).or_default();
        methods.insert(method, endpoint);
        self
    }

    fn route(&self, request: &Request) -> Result<&BoxEndpoint<'static>, ApiError> {
        let path = request.uri().path();
        let methods = self.routes.get(path).ok_or(ErrorCode::NotFound)?;
        // A reader may ask for the headers alone; hyper leaves the body out.
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        methods.get(method).ok_or_else(|| {
            let mut allowed: Vec<&str> = methods.keys().map(Method::as_str).collect();
            if methods.contains_key(&Method::GET) {
                allowed.push("HEAD");
            }
            allowed.sort_unstable();
            ApiError::from(ErrorCode::MethodNotAllowed)
                .with_header(header::ALLOW, &allowed.join(", "))
        })
    }
}

impl Endpoint for Router {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(refusal) = malformed(&request) {
            return Ok(refusal.into_response());
        }
        self.route(&request)?.call(request).await
    }
}

/// What the HTTP engine let through although it is not HTTP enough to be routed.
fn malformed(request: &Request) -> Option<Malformed> {
    let headers = request.headers();
    if request.method().as_str().len() > MAX_METHOD_BYTES {
        return Some(Malformed::MethodTooLong);
    }
    if request.original_uri().to_string().len() > MAX_TARGET_BYTES {
        return Some(Malformed::TargetTooLong);
    }
    let size = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum::<usize>();
    if size > MAX_HEADER_BYTES {
        return Some(Malformed::HeadersTooLarge);
    }
    // RFC 9112, 3.2: a request without exactly one Host is refused, for two readers may take two for its target.
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(Malformed::Host);
    }
    // The engine takes `chunked` twice for once; another reader may not.
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if codings
        .next()
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.next().is_some()
    {
        return Some(Malformed::TransferCoding);
    }
    let expected = headers.get(header::EXPECT);
    if expected.is_some_and(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Some(Malformed::Expectation);
    }
    None
}
