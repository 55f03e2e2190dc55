//! One thing that Stripe, or the network to it, does, in the corpus' words. A field that is not known here is an
//! error, so that nothing in the corpus is silently not done.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is done with one try of a call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    /// On this try and all that follow.
    pub(crate) every: bool,
    /// How many callers there are at once.
    pub(crate) requests: Option<usize>,
    pub(crate) status: Option<u16>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) delay_ms: u64,
    pub(crate) json: Option<Value>,
    pub(crate) text: Option<String>,
    latin1: Option<String>,
    pad_url_to: Option<usize>,
    body_repeat: Option<Repeat>,
    gzip_of_zeros: Option<usize>,
    nested: Option<usize>,
    pub(crate) chunked: bool,
    pub(crate) chunk_bytes: usize,
    pub(crate) gap_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    unit: String,
    count: usize,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    #[default]
    Http,
    NotCalled,
    // What a look-up of the host name leads to.
    DnsNxdomain,
    DnsHang,
    Refuse,
    Blackhole,
    // What happens instead of a handshake.
    TlsWrongName,
    TlsSelfSigned,
    TlsExpired,
    TlsCut,
    TlsOld,
    // What comes back instead of an ordinary answer.
    Hang,
    ResetAfterRequest,
    ResetMidHeaders,
    TruncatedBody,
    EndlessBody,
    DripHeaders,
    DripBody,
    HugeHeaders,
    Garbage,
    CloseOnReuse,
    InterimThenOk,
}

/// How far a try gets before the step is its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    LookUp,
    Handshake,
    Exchange,
}

impl Kind {
    pub(crate) fn stage(self) -> Stage {
        match self {
            Self::DnsNxdomain | Self::DnsHang | Self::Refuse | Self::Blackhole => Stage::LookUp,
            _ if self.is_of_tls() => Stage::Handshake,
            _ => Stage::Exchange,
        }
    }

    pub(crate) fn is_of_tls(self) -> bool {
        matches!(
            self,
            Self::TlsWrongName
                | Self::TlsSelfSigned
                | Self::TlsExpired
                | Self::TlsCut
                | Self::TlsOld
        )
    }
}

/// The session of the corpus, for the steps that have none of their own.
pub(crate) fn session() -> Value {
    json!({
        "id": "bps_1TestSession", "object": "billing_portal.session", "customer": "cus_TESTcustomer1",
        "configuration": "bpc_1Test", "return_url": "https://app.example.com/settings/billing",
        "livemode": true, "url": "https://billing.stripe.com/p/session/live_YWNjdF90ZXN0",
    })
}

impl Step {
    /// The bytes of the body.
    pub(crate) fn body(&self) -> Vec<u8> {
        if let Some(json) = &self.json {
            return self.padded(json.clone()).to_string().into_bytes();
        }
        if let Some(text) = &self.text {
            return text.clone().into_bytes();
        }
        if let Some(text) = &self.latin1 {
            let byte = |char: char| u8::try_from(u32::from(char)).expect("Latin-1");
            return text.chars().map(byte).collect();
        }
        if let Some(Repeat { unit, count }) = &self.body_repeat {
            return unit.repeat(*count).into_bytes();
        }
        if let Some(depth) = self.nested {
            return ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes();
        }
        self.gzip_of_zeros.map(gzip_of_zeros).unwrap_or_default()
    }

    fn padded(&self, mut json: Value) -> Value {
        if let (Some(length), Some(url)) = (self.pad_url_to, json["url"].as_str()) {
            let padding = "a".repeat(length.saturating_sub(url.len()));
            json["url"] = [url, &padding].concat().into();
        }
        json
    }
}

fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let mut coded = GzEncoder::new(Vec::new(), Compression::best());
    coded
        .write_all(&vec![0; length])
        .expect("memory can be written to");
    coded.finish().expect("memory can be written to")
}
