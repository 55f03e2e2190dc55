//! The setting `portal_profiles`: what is refused, and with which words.

use std::fs;

use billing_portal_server::config::Config;
use tempfile::TempDir;

/// What is wrong with a configuration file that ends with these profiles.
fn problems(profiles: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("billing-portal.toml");
    let text = format!(
        "return_url_allow_list = [\"https://app.example.com\"]\nstripe_secret_key = \"sk_live_x\"\n{profiles}\n"
    );
    fs::write(&file, text).expect("the file is written");
    let variables = variables
        .iter()
        .map(|(name, value)| (format!("BILLING_PORTAL_{name}"), (*value).to_owned()));
    let loaded = Config::load_for_serving(Some(&file), variables);
    let problems = loaded.err().unwrap_or_default();
    let lines = problems.0.into_iter();
    lines
        .map(|one| format!("{}: {}", one.setting, one.problem))
        .collect()
}

#[test]
fn wrong_profile_is_refused_with_its_name_and_what_was_expected() {
    let long = "x".repeat(61);
    let headline = format!("[portal_profiles.a]\nheadline = \"{long}\"");
    let rows = [
        (
            "[portal_profiles.\"E M\"]",
            "E M: the name of a profile must be 1 to 32 of a-z 0-9 _ -",
        ),
        (
            "[portal_profiles.a]\nheadline = \"\"",
            "a: headline must have 1 to 60 characters",
        ),
        (&headline, "a: headline must have 1 to 60 characters"),
        (
            "[portal_profiles.a]\nprivacy_policy_url = \"http://example.com/\"",
            "a: privacy_policy_url must be an https URL without credentials, such as \
             https://example.com/privacy_policy_url, not \"http://example.com/\"",
        ),
        (
            "[portal_profiles.a]\nterms_of_service_url = \"example.com\"",
            "a: terms_of_service_url must be an https URL without credentials, such as \
             https://example.com/terms_of_service_url, not \"example.com\"",
        ),
        (
            "[portal_profiles.a]\ndefault_return_url = \"https://u:p@example.com/\"",
            "a: default_return_url must be an https URL",
        ),
        (
            "[portal_profiles.a]\ncustomer_updates = []",
            "a: customer_updates must have at least one item",
        ),
        (
            "[portal_profiles.a]\ncustomer_updates = [\"plan\"]",
            "a: unknown variant `plan`",
        ),
        (
            "[portal_profiles.a]\nsubscription_cancel = true",
            "a: unknown field `subscription_cancel`",
        ),
        (
            "[portal_profiles.a]\npayment_method_configuration = \"bpc_1\"",
            "a: payment_method_configuration must be the id of one, such as pmc_1MAhNDLkdIwHu7ix, not \"bpc_1\"",
        ),
        (
            "portal_profiles = \"emea\"",
            "must be tables in the configuration file",
        ),
    ];
    for (profiles, problem) in rows {
        let found = problems(profiles, &[]);
        let [one] = found.as_slice() else {
            panic!("{profiles}: {found:?}")
        };
        assert!(
            one.starts_with(&format!("portal_profiles: {problem}")),
            "{one}"
        );
    }
    assert_eq!(problems(super::PROFILES, &[]), Vec::<String>::new());
}

#[test]
fn profiles_are_not_set_by_a_variable_nor_beside_a_configuration_that_is_never_changed() {
    let by_variable = problems("", &[("PORTAL_PROFILES", "emea")]);
    assert_eq!(
        by_variable,
        [
            "portal_profiles: must be tables in the configuration file, such as [portal_profiles.emea]"
        ]
    );
    let named = [("STRIPE_PORTAL_CONFIGURATION", "bpc_1")];
    let both = problems("[portal_profiles.default]", &named);
    let [one] = both.as_slice() else {
        panic!("{both:?}")
    };
    assert!(one.contains("never changes the configuration"), "{one}");
    assert!(problems("[portal_profiles.emea]", &named).is_empty());
}
