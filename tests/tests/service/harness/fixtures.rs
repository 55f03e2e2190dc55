//! The keys that the request corpus names.

use std::collections::BTreeMap;

use super::database::Database;
use super::service::Service;
use crate::keys;

/// Scopes that look like ours.
const LOOKALIKE: &str = "UPDATE api_keys SET scopes = 'billing:writer billing write BILLING:WRITE xbilling:write \
                         billing:write:x billing:*' WHERE scopes = 'look:alike'";

impl Service {
    /// The keys that the request corpus names.
    pub(crate) async fn fixtures(&self) -> BTreeMap<&'static str, String> {
        let other = self.organization("other", Some("cus_other")).await;
        let lonely = self.organization("lonely", None).await;
        let keys = BTreeMap::from([
            ("OK", self.key().to_owned()),
            ("OK2", other),
            ("NOCUST", lonely),
            (
                "MANY",
                self.new_key("acme", &["billing:read", "messages:send", "billing:write"])
                    .await,
            ),
            ("READ", self.new_key("acme", &["billing:read"]).await),
            (
                "READNOCUST",
                self.new_key("lonely", &["billing:read"]).await,
            ),
            ("NOSCOPE", self.new_key("acme", &[]).await),
            ("LOOKALIKE", self.new_key("acme", &["look:alike"]).await),
            ("REVOKED", self.new_key("acme", &["will:be-revoked"]).await),
            ("EXPIRED", self.new_key("acme", &["will:expire"]).await),
            ("UNKNOWN", keys::well_formed("am_live_", &"7".repeat(30))),
        ]);
        // What no command does, for a store may have it all the same.
        let mut database = Database::open(self).await;
        database.execute(LOOKALIKE).await;
        database.execute("UPDATE api_keys SET scopes = 'billing:write', revoked_at = 1 WHERE scopes = 'will:be-revoked'").await;
        database.execute("UPDATE api_keys SET scopes = 'billing:write', expires_at = 1 WHERE scopes = 'will:expire'").await;
        keys
    }
}
