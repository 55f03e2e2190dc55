//! Layer rules, each broken once in a tree that keeps the others.

use super::tree;
use crate::layer_rules::RULES;
use crate::layers::broken_rules;

/// What the rules say of a server in which one file has this text.
fn broken_with(file: &str, text: &str) -> Vec<String> {
    let mut sources = vec![
        (
            "server/src/lib.rs",
            "mod app; mod auth; mod clock; mod config; mod http; mod metrics; mod portal; mod return_url; mod store; mod stripe;",
        ),
        (
            "server/src/app.rs",
            "use crate::{http::listener::bind, store::Store, stripe::Failed};\npub struct App;",
        ),
        (
            "server/src/auth.rs",
            "use std::net::IpAddr;\nuse crate::{clock, store::Store};\npub struct Caller;",
        ),
        (
            "server/src/clock.rs",
            "pub fn now() { chrono::Utc::now(); getrandom::fill(); std::time::Instant::now(); }",
        ),
        ("server/src/config.rs", "pub struct Settings;"),
        (
            "server/src/http.rs",
            "pub mod listener;\npub mod schema;\npub use poem::http::StatusCode;",
        ),
        (
            "server/src/http/listener.rs",
            "use super::schema::Name;\nuse poem::http::StatusCode;\npub fn bind() { StatusCode::OK; }",
        ),
        ("server/src/http/schema.rs", "pub struct Name;"),
        ("server/src/metrics.rs", "use prometheus::Registry;"),
        (
            "server/src/portal.rs",
            "use crate::{app::App, auth::Caller, http, return_url::check};",
        ),
        (
            "server/src/return_url.rs",
            "mod origin;\nuse std::fmt;\nuse url::Url;\npub fn check() -> u8 { u8::from(origin::f()) }",
        ),
        (
            "server/src/return_url/origin.rs",
            "#[expect(clippy::x)]\npub fn f() { String::new() }",
        ),
        (
            "server/src/store.rs",
            "use sqlx::SqlitePool;\npub struct Store;",
        ),
        (
            "server/src/stripe.rs",
            "use crate::clock::now;\npub use reqwest::Error as Failed;",
        ),
    ];
    if let Some(source) = sources.iter_mut().find(|(known, _)| *known == file) {
        source.1 = text;
    }
    broken_rules(&tree(&sources), RULES)
}

#[test]
fn a_tree_that_keeps_the_rules_breaks_none() {
    assert_eq!(broken_with("", ""), Vec::<String>::new());
}

#[test]
fn http_imports_nothing_but_http() {
    for module in [
        "app",
        "auth",
        "config",
        "metrics",
        "portal",
        "return_url",
        "store",
        "stripe",
    ] {
        let text = format!(
            "use crate::{{\n    http::schema::Name,\n    {module}::X,\n}};\npub fn bind() {{}}"
        );
        assert_eq!(
            broken_with("server/src/http/listener.rs", &text),
            [format!(
                "server/src/http/listener.rs:3 uses crate::{module}::X, but server/src/http may import only from server/src/http"
            )]
        );
    }
    let inline = "pub fn bind() {\n    super::super::store::open();\n}";
    assert_eq!(
        broken_with("server/src/http/listener.rs", inline),
        [
            "server/src/http/listener.rs:2 uses super::super::store::open, but server/src/http may import only from server/src/http"
        ]
    );
}

/// Breaks one rule with one line, and finds nothing else.
#[track_caller]
fn assert_broken(file: &str, line: &str, problem: &str) {
    let text = format!("// The first line.\n{line}");
    let broken = broken_with(file, &text);
    let uses = format!("{file}:2 uses ");
    let [found] = broken.as_slice() else {
        panic!("{file}: {line}: {broken:?}");
    };
    assert!(
        found.starts_with(&uses) && found.contains(problem),
        "{found}"
    );
}

#[test]
fn each_crate_is_used_in_its_own_layer_only() {
    let auth = "server/src/auth.rs";
    for line in [
        "use sqlx::SqlitePool;",
        "use {std::fmt, sqlx::{self}};",
        "fn f() { sqlx::query!(\"SELECT 1\") }",
        "#[derive(sqlx::FromRow)] struct X;",
    ] {
        assert_broken(auth, line, "but sqlx belongs only in [server/src/store]");
    }
    for line in [
        "use reqwest as http_client;",
        "fn f(x: &reqwest::Client) {}",
    ] {
        assert_broken(
            auth,
            line,
            "but reqwest belongs only in [server/src/stripe, server/src/traces/collector]",
        );
    }
    for line in [
        "use poem::{http::{Method, StatusCode}};",
        "fn f() -> crate::http::StatusCode {}",
        "use reqwest_like::StatusCode as Status;",
    ] {
        assert_broken(
            auth,
            line,
            "but *::StatusCode belongs only in [server/src/http]",
        );
    }
}

#[test]
fn the_environment_is_read_in_main_only() {
    for line in [
        "use std::env;",
        "fn f() { std::env::var(\"HOME\") }",
        "fn f() { use std::{env::vars}; }",
    ] {
        assert_broken(
            "server/src/config.rs",
            line,
            "but std::env belongs only in [server/src/main.rs]",
        );
    }
}

#[test]
fn the_time_and_randomness_come_from_the_clock_only() {
    for line in [
        "fn f() { chrono::Utc::now() }",
        "use std::time::SystemTime; fn f() { SystemTime::now() }",
        "use std::time as t; fn f() { t::Instant::now() }",
        "use {chrono::{Utc as Zone}}; fn f() { dbg!(Zone::now()) }",
        "fn f() { getrandom::fill(&mut [0]) }",
        "use rand::random;",
        "fn f() { tokio::time::Instant::now() }",
    ] {
        assert_broken(
            "server/src/store.rs",
            line,
            "belongs only in [server/src/clock",
        );
    }
}

#[test]
fn store_and_stripe_know_no_caller() {
    for module in ["app", "auth", "http", "portal"] {
        let line = format!("use crate::{{clock::now, {module}::X}};");
        assert_broken("server/src/store.rs", &line, "must not import server/src/");
        assert_broken("server/src/stripe.rs", &line, "must not import server/src/");
    }
    assert_broken(
        "server/src/store.rs",
        "use crate::stripe::X;",
        "must not import server/src/stripe.rs",
    );
    assert_broken(
        "server/src/metrics.rs",
        "use crate::store::Store;",
        "must not import server/src/store.rs",
    );
}

#[test]
fn the_policy_of_return_urls_uses_only_std_and_url() {
    let policy = "server/src/return_url.rs";
    assert_broken(
        policy,
        "use serde::{Deserialize};",
        "may use only the crates std, url",
    );
    assert_broken(
        policy,
        "fn f() { tracing::info!(\"x\") }",
        "may use only the crates std, url",
    );
    assert_broken(
        policy,
        "use crate::config::Settings;",
        "may import only from",
    );
    assert_broken(
        policy,
        "fn f() { crate::clock::now() }",
        "may import only from",
    );
}
