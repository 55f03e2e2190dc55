//! From path and method to endpoint, by the routes that poem-openapi makes of the operations and those of the
//! documentation.
//!
//! A path has one spelling. poem's own router unescapes paths, answers text, and does not say which methods a path
//! takes, so it is not used.

use std::{
    collections::{BTreeMap, HashMap},
    future::ready,
};

use futures_util::future::BoxFuture;
use poem::{
    Endpoint, EndpointExt, IntoResponse, Request, Response, Result,
    endpoint::{BoxEndpoint, DynEndpoint},
    http::{Method, header},
};
use poem_openapi::OpenApi;

use super::{api_error::ApiError, error_code::ErrorCode, framing};

/// The routes, by exact path and method. There are about a dozen, each with one or two methods: they are found by
/// comparing, which takes less time than hashing.
#[derive(Default)]
pub(crate) struct Router {
    /// Where `/` leads. It takes no other method, and is not found by one.
    root: Option<BoxEndpoint<'static>>,
    routes: BTreeMap<String, Vec<(Method, BoxEndpoint<'static>)>>,
}

impl Router {
    /// Adds an API's operations.
    #[must_use]
    pub(crate) fn operations(mut self, api: impl OpenApi) -> Self {
        let mut routes = HashMap::new();
        api.add_routes(&mut routes);
        for (path, methods) in routes {
            self.routes.entry(path).or_default().extend(methods);
        }
        self
    }

    /// Adds the answer to a GET of `/`.
    #[must_use]
    pub(crate) fn root(self, endpoint: impl Endpoint + 'static) -> Self {
        let root = Some(endpoint.map_to_response().boxed());
        Self { root, ..self }
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
        methods.push((method, endpoint));
        self
    }

    fn route(&self, request: &Request) -> Result<&BoxEndpoint<'static>, ApiError> {
        let path = request.uri().path();
        // A reader may ask for the headers alone; hyper leaves the body out.
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        if let (Some(root), "/", &Method::GET) = (&self.root, path, method) {
            return Ok(root);
        }
        let methods = self.routes.get(path).ok_or(ErrorCode::NotFound)?;
        let found = methods.iter().find(|(known, _)| known == method);
        found
            .map(|(_, endpoint)| endpoint)
            .ok_or_else(|| method_not_allowed(methods.iter().map(|(method, _)| method)))
    }
}

fn method_not_allowed<'a>(methods: impl Iterator<Item = &'a Method>) -> ApiError {
    let mut allowed: Vec<&str> = methods.map(Method::as_str).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    ApiError::from(ErrorCode::MethodNotAllowed).with_header(header::ALLOW, &allowed.join(", "))
}

impl Endpoint for Router {
    type Output = Response;

    /// Not async: the future of the endpoint is in a box already, and each async layer around it would keep room for two
    /// requests, 976 bytes.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let answering: BoxFuture<'_, Result<Response>> = match framing::fault(&request) {
            Some(refusal) => Box::pin(ready(Ok(refusal.into_response()))),
            None => match self.route(&request) {
                Ok(endpoint) => DynEndpoint::call(endpoint.as_ref(), request),
                Err(error) => Box::pin(ready(Err(error.into()))),
            },
        };
        answering
    }
}
