//! What must hold before the operation runs: a free place, a caller who may call, and a JSON body.
//!
//! The handler names these as its arguments, in the order in which they are checked.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use poem::{FromRequest, Request, RequestBody, Result, http::header, web::Data};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, MetaSecurityScheme, Registry},
    types::Type,
};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::App,
    http::{
        api_error::ApiError,
        body::{read_bounded, require_json},
        error_code::ErrorCode,
        schema,
        strict_json::JsonObject,
    },
    log,
    request_context::RequestContext,
    return_url::AllowList,
    store::Caller,
    traces::StepKind,
};

/// The largest body, in bytes. The longest legal request, with every character escaped, is under 13 KiB.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How long a caller waits before trying again when the service is full: a request takes less than a second.
const RETRY_AFTER_FULL: Duration = Duration::from_secs(1);

/// What the outermost layer gave to the request. With the body at hand poem makes no other.
async fn data<'a, T: Send + Sync + 'static>(
    request: &'a Request,
    body: &mut RequestBody,
) -> Result<&'a T> {
    let Data(data) = <Data<&T> as FromRequest>::from_request(request, body).await?;
    Ok(data)
}

/// A permit to be one of the requests in progress. There is no queue: a request beyond the limit is answered 503 at
/// once. An address that is over its limit gets none: 429.
pub(crate) struct InFlight {
    _permit: OwnedSemaphorePermit,
}

impl<'a> FromRequest<'a> for InFlight {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let app: &Arc<App> = data(request, body).await?;
        let refusal = |cause: &'static str| {
            ApiError::from(ErrorCode::ServiceUnavailable)
                .with_retry_after(RETRY_AFTER_FULL)
                .with_cause(cause)
        };
        if !log::has_room_for_records() {
            // What cannot be recorded must not happen.
            return Err(refusal("audit events wait for the reader of the log").into());
        }
        let context: &Arc<RequestContext> = data(request, body).await?;
        let key = context.key(&app.authenticator, request.headers());
        let waiting = context.steps.begin(|| StepKind::KeyLookUpWait);
        let admitted = app.authenticator.admit(key, context.client).await;
        match admitted {
            // A key that is known waits for nothing.
            Ok(None) => waiting.forget(),
            Ok(Some(turn)) => {
                waiting.end(None);
                context.hold_look_up_turn(turn);
            }
            Err(error) => {
                waiting.end(Some(error.code().as_str()));
                return Err(error.into());
            }
        }
        let permit = Arc::clone(&app.request_permits).try_acquire_owned();
        let permit = permit.map_err(|_| refusal("too many requests in flight"))?;
        Ok(Self { _permit: permit })
    }
}

/// Proof that the caller holds `billing:write`. Only an authenticated request makes one.
pub(crate) struct BillingWrite {
    caller: Arc<Caller>,
}

impl BillingWrite {
    /// The scope: an exact string, which no other scope implies.
    pub(crate) const SCOPE: &str = "billing:write";

    /// Whose request it is; everything in the request is limited to this organization.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The origins that this caller's return URLs may lead to: its organization's own, or else the operator's.
    pub(crate) fn allow_list<'a>(&'a self, operators: &'a AllowList) -> &'a AllowList {
        self.caller.own_allow_list.as_ref().unwrap_or(operators)
    }
}

impl<'a> ApiExtractor<'a> for BillingWrite {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: None,
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme("bearerAuth", scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["bearerAuth"]
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let app: &Arc<App> = data(request, body).await?;
        let context: &Arc<RequestContext> = data(request, body).await?;
        let authenticator = &app.authenticator;
        let key = context.key(authenticator, request.headers());
        let look_up = context.steps.begin(|| StepKind::KeyLookUp);
        let authenticated = authenticator.authenticate(key, context.client).await;
        look_up.end(
            authenticated
                .as_ref()
                .err()
                .map(|error| error.code().as_str()),
        );
        context.end_look_up_turn();
        let caller = authenticated?; // 429 of the address, 503, 401
        context.audit.set_caller(&caller);
        tracing::Span::current()
            .record("key_id", &caller.key_id)
            .record("org_id", caller.organization.as_str());
        require_scope(&caller)?; // 403
        let limited = authenticator.check_rate(&caller); // 429 of the key
        limited.map_err(|wait| ApiError::from(ErrorCode::RateLimited).with_retry_after(wait))?;
        Ok(Self { caller })
    }
}

fn require_scope(caller: &Caller) -> Result<(), ApiError> {
    const SCOPE: &str = BillingWrite::SCOPE;
    if caller.scopes.iter().any(|scope| scope == SCOPE) {
        return Ok(());
    }
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{SCOPE}\"");
    Err(ApiError::from(ErrorCode::Forbidden).with_header(header::WWW_AUTHENTICATE, &challenge))
}

/// A body that is one JSON object: 415, 413, 408, 400, in this order. The OpenAPI document declares it as `T`; the
/// handler reads the fields.
///
/// poem-openapi's own JSON payload takes any `+json` type, reads without bound, lets the last of two equal names win
/// and stops at the first wrong field.
pub(crate) struct JsonBody<T> {
    object: JsonObject,
    bytes: Vec<u8>,
    schema: PhantomData<T>,
}

impl<T> JsonBody<T> {
    /// The SHA-256 of the body's bytes.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }

    /// The object that was read.
    pub(crate) fn into_object(self) -> JsonObject {
        self.object
    }
}

impl<'a, T: Type> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType {
            content_type: schema::JSON,
            schema: T::schema_ref(),
        }];
        Some(MetaRequest {
            description: None,
            content,
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let app: &Arc<App> = data(request, body).await?;
        require_json(request.headers())?; // 415
        let body = body.take()?;
        let bytes = read_bounded(request.headers(), body, MAX_BODY_BYTES, app.body_timeout).await?; // 413, 408
        let object = JsonObject::parse(&bytes).ok_or(ApiError::from(ErrorCode::BadRequest))?; // 400
        Ok(Self {
            object,
            bytes,
            schema: PhantomData,
        })
    }
}
