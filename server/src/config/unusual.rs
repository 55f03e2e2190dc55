//! Settings that are valid and probably not meant. They are reported at start, by `config check` and by `doctor`.

use std::collections::BTreeSet;

use ipnet::IpNet;
use unicode_security::MixedScript;
use url::{Host, quirks::domain_to_unicode};

use super::{Environment, Problems, Settings, expected::shown, traces::unusual_otlp_endpoint};
use crate::return_url::{AllowedOrigin, is_loopback};

/// A network with a shorter prefix contains others' computers: no operator owns more than a /8 of IPv4 or a /16 of IPv6.
const SHORTEST_PREFIX_IPV4: u8 = 8;
const SHORTEST_PREFIX_IPV6: u8 = 16;
/// The private addresses of IPv6, `fc00::/7`, may all be one operator's.
const PRIVATE_IPV6: u8 = 0xfc;
/// Longer timeouts protect nothing: a client would hold its connection for the whole hour.
const LONGEST_TIMEOUT_SECONDS: u32 = 3600;
/// Top-level names for tests and documentation (RFC 2606).
const RESERVED_NAMES: [&str; 2] = ["example", "test"];

/// In development a simulated portal runs on the developer's own computer.
fn is_developers(host: &Host, settings: &Settings) -> bool {
    settings.environment == Environment::Development && is_loopback(&borrowed(host))
}

/// What is unusual about the settings.
pub(super) fn unusual_settings(settings: &Settings) -> Problems {
    let mut warnings = Problems::default();
    add_origins(settings, &mut warnings);
    for host in &settings.stripe_portal_hosts {
        if let Ok(parsed) = Host::parse(host)
            && let Some(reason) = unusual_host(&borrowed(&parsed))
            && !is_developers(&parsed, settings)
        {
            warnings.add("stripe_portal_hosts", format!("{} {reason}", shown(host)));
        }
    }
    for network in settings
        .trusted_proxies
        .iter()
        .filter(|network| is_wide(network))
    {
        let effect =
            "any client could then choose its own address, by which limits and the log know it";
        let warning = format!("{network} contains computers of others; {effect}");
        warnings.add("trusted_proxies", warning);
    }
    warnings.0.extend(unusual_otlp_endpoint(settings));
    let timeouts = [
        ("header_timeout_seconds", settings.header_timeout_seconds),
        ("body_timeout_seconds", settings.body_timeout_seconds),
        ("idle_timeout_seconds", settings.idle_timeout_seconds),
        ("shutdown_delay_seconds", settings.shutdown_delay_seconds),
    ];
    for (setting, seconds) in timeouts {
        if seconds > LONGEST_TIMEOUT_SECONDS {
            warnings.add(setting, format!("{seconds} s is more than an hour"));
        }
    }
    warnings
}

fn add_origins(settings: &Settings, warnings: &mut Problems) {
    const SETTING: &str = "return_url_allow_list";
    let development = settings.environment == Environment::Development;
    let mut known = BTreeSet::new();
    for entry in &settings.return_url_allow_list {
        // One that is not valid is a problem, not a warning.
        let Ok(origin) = AllowedOrigin::parse(entry, development) else {
            continue;
        };
        if !known.insert(origin.to_string()) {
            warnings.add(SETTING, format!("{} is listed twice", shown(entry)));
        }
        let Ok(host) = Host::parse(origin.host()) else {
            continue;
        };
        let host = borrowed(&host);
        let reason = if development && is_loopback(&host) {
            None
        } else {
            unusual_host(&host)
        };
        if let Some(reason) = reason {
            warnings.add(SETTING, format!("{} {reason}", shown(entry)));
        }
    }
}

fn borrowed(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

/// Why a page that the operator's users can reach probably does not have this host.
fn unusual_host(host: &Host<&str>) -> Option<String> {
    if is_loopback(host) {
        return Some("is the computer of the person who uses the browser".to_owned());
    }
    let Host::Domain(name) = host else {
        return None;
    };
    let labels: Vec<&str> = name.split('.').collect();
    let top = labels.last().copied().unwrap_or(name);
    let unicode = domain_to_unicode(name);
    if let Some(label) = unicode.split('.').find(|label| !label.is_single_script()) {
        let label = shown(label);
        Some(format!(
            "mixes the letters of several scripts in {label}; is it a name that only looks like yours?"
        ))
    } else if RESERVED_NAMES.contains(&top) {
        Some(format!(
            "ends with .{top}, which is reserved for tests and documentation"
        ))
    } else if labels.len() == 1 {
        Some("has no dot, so that only computers in your own network can reach it".to_owned())
    } else if labels
        .iter()
        .any(|label| label.starts_with('-') || label.ends_with('-'))
        || name.contains('_')
    {
        Some(
            "has a hyphen at an end or an underscore, for which no certificate is issued"
                .to_owned(),
        )
    } else {
        None
    }
}

fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < SHORTEST_PREFIX_IPV4,
        IpNet::V6(network) => {
            let is_private = network.addr().octets()[0] & 0xfe == PRIVATE_IPV6;
            network.prefix_len() < SHORTEST_PREFIX_IPV6 && !is_private
        }
    }
}
