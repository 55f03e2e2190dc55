//! The routes of the API's port. The endpoint for webhooks exists while a secret for them is set, which a reload can
//! change.

use std::sync::Arc;

use poem::{Endpoint, Request, Response, Result};

use crate::{
    app::App,
    http::{docs, router::Router},
    portal::Portal,
    return_origins::ReturnOrigins,
    webhooks,
};

/// The routes of the API's port.
pub(crate) struct ApiRoutes {
    with_webhooks: Router,
    without_webhooks: Router,
}

impl Default for ApiRoutes {
    fn default() -> Self {
        let routes = || {
            let operations = Router::default().operations(Portal);
            docs::routes(operations.operations(ReturnOrigins))
        };
        Self {
            with_webhooks: webhooks::routes(routes()),
            without_webhooks: routes(),
        }
    }
}

impl Endpoint for ApiRoutes {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let app: Option<&Arc<App>> = request.data();
        let receives_webhooks = app.is_some_and(|app| !app.webhook_secrets.is_empty());
        let routes = if receives_webhooks {
            &self.with_webhooks
        } else {
            &self.without_webhooks
        };
        routes.call(request)
    }
}
