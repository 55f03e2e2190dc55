//! Validates the setting about traces.

use url::Url;

use super::{Config, Problem, Problems, Settings, expected::must_be};

const SETTING: &str = "otlp_endpoint";

/// Where a collector receives traces, below the URL of the setting.
pub(crate) const OTLP_TRACES_PATH: &str = "/v1/traces";

/// The port on which collectors receive OTLP over gRPC, and the one for HTTP.
const GRPC_PORT: u16 = 4317;
const HTTP_PORT: u16 = 4318;

impl Config {
    pub(super) fn require_otlp_endpoint(&self) -> Result<(), Problems> {
        self.require_read(SETTING)?;
        let mut problems = Problems::default();
        let endpoint = self.settings.otlp_endpoint.as_ref();
        if let Some(endpoint) = endpoint.filter(|endpoint| !is_acceptable(endpoint.expose())) {
            problems.add(SETTING, must_be(SETTING, endpoint.expose()));
        }
        problems.none_or(())
    }
}

/// With `/v1/traces` at its end it would be there twice.
fn is_acceptable(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let is_http = matches!(url.scheme(), "http" | "https");
    let plain = url.query().is_none() && url.fragment().is_none();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_whole = url.path().trim_end_matches('/').ends_with(OTLP_TRACES_PATH);
    is_http && url.has_host() && plain && visible && !is_whole
}

/// A collector has two ports, and the one that comes first in its documentation does not speak HTTP/1.1.
pub(super) fn unusual_otlp_endpoint(settings: &Settings) -> Option<Problem> {
    let url = Url::parse(settings.otlp_endpoint.as_ref()?.expose()).ok()?;
    (url.port() == Some(GRPC_PORT)).then(|| Problem {
        setting: SETTING.to_owned(),
        problem: format!(
            "{GRPC_PORT} is usually the port for gRPC; for HTTP, which the service sends, it is usually {HTTP_PORT}"
        ),
    })
}
