//! Which settings differ between two generations, and which of them need a restart.

use std::collections::BTreeSet;

use super::{Secret, Settings};

/// Settings that a running service cannot change: it keeps its ports, its database and the form of its log.
const NEED_RESTART: [&str; 4] = ["database_url", "listen", "log_format", "operations_listen"];

impl Settings {
    /// The names of the settings that differ.
    pub(crate) fn changed(&self, other: &Self) -> BTreeSet<String> {
        let shown =
            |settings: &Self| serde_json::to_value(settings).expect("settings are plain values");
        let (ours, theirs) = (shown(self), shown(other));
        let names = ours.as_object().into_iter().flat_map(|ours| ours.keys());
        let differs = |name: &&String| ours[*name] != theirs[*name];
        let mut changed: BTreeSet<String> = names.filter(differs).cloned().collect();
        // Their values are hidden in the form that was just compared.
        let secrets = self.secrets().into_iter().zip(other.secrets());
        let differing = secrets.filter(|((_, ours), (_, theirs))| ours != theirs);
        changed.extend(differing.map(|((name, _), _)| name.to_owned()));
        changed
    }

    /// The names of the settings that differ and cannot change while the service runs.
    pub(crate) fn changed_until_restart(&self, other: &Self) -> BTreeSet<String> {
        let mut changed = self.changed(other);
        changed.retain(|name| NEED_RESTART.contains(&name.as_str()));
        changed
    }

    fn secrets(&self) -> [(&'static str, &[Secret]); 5] {
        [
            ("database_url", self.database_url.as_slice()),
            ("otlp_endpoint", self.otlp_endpoint.as_slice()),
            ("stripe_proxy", self.stripe_proxy.as_slice()),
            ("stripe_secret_key", self.stripe_secret_key.as_slice()),
            ("stripe_webhook_secret", &self.stripe_webhook_secret),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    #[test]
    fn s17_every_secret_is_compared_and_every_name_is_a_setting() {
        let schema = Config::schema();
        let properties = schema["properties"].as_object().expect("settings");
        let hidden = properties.iter();
        let hidden = hidden.filter(|(_, property)| property.to_string().contains("writeOnly"));
        let hidden: Vec<&str> = hidden.map(|(name, _)| name.as_str()).collect();
        assert_eq!(Settings::default().secrets().map(|(name, _)| name), *hidden);
        for name in NEED_RESTART {
            assert!(properties.contains_key(name), "{name}");
        }
    }

    #[test]
    fn s17_a_secret_that_is_replaced_added_or_removed_is_a_change() {
        let with = |secrets: &[&str]| Settings {
            stripe_webhook_secret: secrets
                .iter()
                .map(|s| Secret::new((*s).to_owned()))
                .collect(),
            ..Settings::default()
        };
        let changed = |ours: &[&str], theirs: &[&str]| with(ours).changed(&with(theirs));
        let name = BTreeSet::from(["stripe_webhook_secret".to_owned()]);
        assert_eq!(changed(&["whsec_a"], &["whsec_b"]), name);
        assert_eq!(changed(&["whsec_a"], &[]), name);
        assert_eq!(changed(&["whsec_a"], &["whsec_b", "whsec_a"]), name);
        assert_eq!(changed(&["whsec_a"], &["whsec_a"]), BTreeSet::new());
    }
}
