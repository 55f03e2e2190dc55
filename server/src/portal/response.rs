//! The 200 of the operation.

use poem::{IntoResponse, Response, http::HeaderValue};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaResponses, MetaSchema, Registry},
};
use serde::{Serialize, Serializer};

use crate::{
    http::{
        envelope::Success,
        schema::{self, Timestamp, True, scalar},
    },
    stripe::PortalUrl,
};

/// The header of an answer with a session that an earlier request has opened.
const REPLAYED: &str = "Idempotent-Replayed";

/// A session, and whether an earlier request has opened it.
pub(super) struct Opened {
    envelope: PortalSessionEnvelope,
    replayed: bool,
}

impl Opened {
    pub(super) fn new(portal_url: PortalUrl, expires_at: Timestamp, replayed: bool) -> Self {
        let data = PortalSession {
            portal_url,
            expires_at,
        };
        let success = True;
        Self {
            envelope: PortalSessionEnvelope { success, data },
            replayed,
        }
    }
}

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        let mut response = Success(self.envelope).into_response();
        if self.replayed {
            let headers = response.headers_mut();
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl ApiResponse for Opened {
    fn meta() -> MetaResponses {
        let mut meta = Success::<PortalSessionEnvelope>::meta();
        let only_true = MetaSchema {
            enum_items: vec!["true".into()],
            ..MetaSchema::new("string")
        };
        for response in &mut meta.responses {
            let header = schema::header(REPLAYED, false, only_true.clone());
            response.headers.push(header);
        }
        meta
    }

    fn register(registry: &mut Registry) {
        Success::<PortalSessionEnvelope>::register(registry);
    }
}

scalar!(PortalUrl, MetaSchema::new_with_format("string", "uri"));

/// The one place that gives the URL out.
impl Serialize for PortalUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

#[derive(Object, Serialize)]
struct PortalSessionEnvelope {
    success: True,
    data: PortalSession,
}

#[derive(Object, Serialize)]
struct PortalSession {
    portal_url: PortalUrl,
    expires_at: Timestamp,
}
