//! The operation that lists the origins to which return URLs may lead, so that an integrator can check a configuration before
//! a customer clicks.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::{
    app::App,
    extract::{BillingWrite, InFlight},
    http::{
        envelope::{ReadError, Success},
        schema::True,
    },
    tag::Tag,
};

/// The operation, for poem-openapi.
pub(crate) struct ReturnOrigins;

#[OpenApi]
impl ReturnOrigins {
    /// List the origins of return URLs
    #[oai(
        path = "/v1/billing/return-origins",
        method = "get",
        operation_id = "list_return_origins",
        tag = "Tag::Billing"
    )]
    async fn list_return_origins(
        &self,
        Data(app): Data<&Arc<App>>,
        _in_flight: InFlight, // 503
        caller: BillingWrite, // 429, 503, 401, 403, 429
    ) -> Result<Success<ReturnOriginsEnvelope>, ReadError> {
        let allow_list = caller.allow_list(&app.allow_list);
        let data = OriginList {
            origins: allow_list.origins().collect(),
        };
        let success = True;
        Ok(Success(ReturnOriginsEnvelope { success, data })) // 200
    }
}

#[derive(Object, Serialize)]
struct ReturnOriginsEnvelope {
    success: True,
    data: OriginList,
}

#[derive(Object, Serialize)]
#[oai(rename = "ReturnOrigins")]
struct OriginList {
    origins: Vec<String>,
}
