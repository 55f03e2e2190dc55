//! Who is calling, and whether they may: 401, 403, and the limits that go with them.
//!
//! Every kind of key that is not accepted gets the same answer. A malformed key costs no look-up, and an unknown one
//! costs one in a while.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use ipnet::IpNet;
use moka::future::Cache;
use poem::{
    Request, RequestBody, Result,
    http::{HeaderMap, header},
    web::RemoteAddr,
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use tokio::sync::mpsc;

use crate::{
    api_key::{ApiKey, ApiKeyHash, Mode},
    app::App,
    audit::Trail,
    clock::Clock,
    config::Settings,
    http::{api_error::ApiError, error_code::ErrorCode},
    limits::{RateLimit, peer_group},
    store::{Caller, OrganizationId, Store},
};

/// How long a look-up is believed. Every change is seen by every instance within a second.
const CACHE_TTL: Duration = Duration::from_millis(900);
const MAX_CACHED: u64 = 10_000;
/// Notes of use that may wait to be written; more are dropped, for the day is told by the next use.
const MAX_PENDING_USES: usize = 1024;
/// Of so many keys it is remembered that the day is written already.
const MAX_REMEMBERED_USES: usize = 10_000;

/// Finds out who is calling.
pub struct Authenticator {
    store: Store,
    clock: Clock,
    mode: Mode,
    callers: Cache<ApiKeyHash, Option<Arc<Caller>>>,
    failures: RateLimit<IpAddr>,
    requests: RateLimit<String>,
    trusted_proxies: Vec<IpNet>,
    uses: mpsc::Sender<(String, String)>,
}

impl Authenticator {
    /// An authenticator for keys of `mode`, with the limits of the settings.
    pub fn new(store: Store, clock: Clock, mode: Mode, settings: &Settings) -> Self {
        let (uses, pending) = mpsc::channel(MAX_PENDING_USES);
        tokio::spawn(write_uses(store.clone(), pending));
        Self {
            store,
            clock,
            mode,
            callers: Cache::builder()
                .max_capacity(MAX_CACHED)
                .time_to_live(CACHE_TTL)
                .build(),
            failures: RateLimit::new(
                settings.rate_limit_failed_auth,
                settings.rate_limit_failed_auth,
            ),
            requests: RateLimit::new(settings.rate_limit_per_key, settings.rate_limit_per_key / 3),
            trusted_proxies: settings.trusted_proxies.clone(),
            uses,
        }
    }

    /// The caller of a request, whatever they may do.
    async fn authenticate(&self, request: &Request) -> Result<(ApiKeyHash, Arc<Caller>), ApiError> {
        let key = bearer_key(request.headers()).filter(|key| key.mode() == self.mode);
        if let Some(hash) = key.map(|key| key.hash())
            && let Some(caller) = self.find(hash).await?
        {
            return Ok((hash, caller));
        }
        Err(self.refuse(self.client_address(request)))
    }

    /// Looks the key up anew next time, because what is known of its caller has changed.
    pub async fn forget(&self, key: &BillingWrite) {
        self.callers.invalidate(&key.hash).await;
    }

    /// The same for every key of these organizations.
    pub async fn forget_organizations(&self, organizations: &[OrganizationId]) {
        for (hash, caller) in &self.callers {
            let is_theirs = |caller: &Arc<Caller>| organizations.contains(&caller.organization);
            if caller.as_ref().is_some_and(is_theirs) {
                self.callers.invalidate(hash.as_ref()).await;
            }
        }
    }

    async fn find(&self, hash: ApiKeyHash) -> Result<Option<Arc<Caller>>, ApiError> {
        let read = async { Ok(self.store.find_caller(&hash).await?.map(Arc::new)) };
        let found = self.callers.try_get_with(hash, read).await;
        let found = found
            .map_err(|error: Arc<crate::store::StoreError>| ApiError::store_unavailable(&error))?;
        let now = self.clock.now();
        let valid = |caller: &Arc<Caller>| {
            !caller.revoked && caller.expires_at.is_none_or(|expires_at| now < expires_at)
        };
        let caller = found.filter(valid);
        if let Some(caller) = &caller {
            self.note_use(caller);
        }
        Ok(caller)
    }

    /// 429 for an address that fails too often, and else 401.
    fn refuse(&self, address: Option<IpAddr>) -> ApiError {
        match address.map_or(Ok(()), |address| self.failures.check(&peer_group(address))) {
            Err(wait) => ApiError::from(ErrorCode::RateLimited).with_retry_after(wait),
            Ok(()) => ApiError::from(ErrorCode::Unauthorized)
                .with_header(header::WWW_AUTHENTICATE, "Bearer"),
        }
    }

    /// The peer's address or, where the peer is a proxy of ours, the last address that no proxy of ours reported.
    pub fn client_address(&self, request: &Request) -> Option<IpAddr> {
        let RemoteAddr(peer) = request.remote_addr();
        let peer = peer.as_socket_addr()?.ip().to_canonical();
        let trusted = |address: &IpAddr| {
            self.trusted_proxies
                .iter()
                .any(|network| network.contains(address))
        };
        if !trusted(&peer) {
            return Some(peer);
        }
        let forwarded = request.headers().get_all("x-forwarded-for").iter().rev();
        // As bytes: a line that is no text must end the chain, not vanish from it.
        let hops = forwarded.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let mut client = peer;
        for hop in hops {
            let hop = std::str::from_utf8(hop).ok();
            let Some(address) = hop.and_then(|hop| hop.trim().parse::<IpAddr>().ok()) else {
                break;
            };
            client = address.to_canonical();
            if !trusted(&client) {
                break;
            }
        }
        Some(client)
    }

    /// Notes the day, once, off the request's path.
    fn note_use(&self, caller: &Caller) {
        let today = self.clock.now().date_naive().to_string();
        if caller.last_used_on.as_ref() != Some(&today) {
            _ = self.uses.try_send((caller.key_id.clone(), today));
        }
    }
}

async fn write_uses(store: Store, mut pending: mpsc::Receiver<(String, String)>) {
    let mut written: HashMap<String, String> = HashMap::new();
    while let Some((key_id, day)) = pending.recv().await {
        if written.get(&key_id) == Some(&day) {
            continue;
        }
        if written.len() >= MAX_REMEMBERED_USES {
            written.clear();
        }
        match store.touch_key(&key_id, &day).await {
            Ok(()) => _ = written.insert(key_id, day),
            Err(error) => {
                tracing::warn!(key_id, %error, "the day of a key's last use was not written");
            }
        }
    }
}

/// The key of the one `Authorization` header (RFC 6750), if it has the form of one.
fn bearer_key(headers: &HeaderMap) -> Option<ApiKey> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| key.trim_start_matches(' ').parse().ok())?
}

/// Proof that the caller holds `billing:write`. Only a request that was authenticated makes one.
pub struct BillingWrite {
    hash: ApiKeyHash,
    caller: Arc<Caller>,
}

impl BillingWrite {
    /// The scope: an exact string, which nothing implies.
    pub const SCOPE: &str = "billing:write";

    /// Whom everything in this request is limited to.
    pub fn caller(&self) -> &Caller {
        &self.caller
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
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let authenticator = &App::of(request).authenticator;
        let (hash, caller) = authenticator.authenticate(request).await?; // 429 of the address, 503, 401
        Trail::of(request).caller(&caller);
        let span = tracing::Span::current();
        span.record("key_id", &caller.key_id)
            .record("org_id", caller.organization.as_str());
        if !caller.scopes.iter().any(|scope| scope == Self::SCOPE) {
            // 403
            let challenge = format!(
                "Bearer error=\"insufficient_scope\", scope=\"{}\"",
                Self::SCOPE
            );
            let refusal = ApiError::from(ErrorCode::Forbidden);
            return Err(refusal
                .with_header(header::WWW_AUTHENTICATE, &challenge)
                .into());
        }
        let limited = authenticator.requests.check(&caller.key_id); // 429 of the key
        limited.map_err(|wait| ApiError::from(ErrorCode::RateLimited).with_retry_after(wait))?;
        Ok(Self { hash, caller })
    }
}
