//! Each way to write that one file uses another, and what only looks like it.

use super::tree;
use crate::cycles::import_cycles;

/// Cycles of `a.rs` and `b.rs`, where `b.rs` uses `a.rs` by a plain import and `a.rs` has this text.
fn cycles_with(text: &str) -> Vec<String> {
    let tree = tree(&[
        (
            "src/lib.rs",
            "mod a;\nmod b;\nmod c;\npub use b::B as Renamed;",
        ),
        ("src/a.rs", text),
        ("src/a/child.rs", "pub struct Child;"),
        (
            "src/b.rs",
            "use crate::a::A;\npub struct B;\npub fn f() {}\npub mod inner { pub struct In; }",
        ),
        ("src/c.rs", "pub struct C;\npub struct B;"),
    ]);
    import_cycles(&tree)
}

#[test]
fn every_way_to_use_another_file_is_seen() {
    let ways = [
        ("use crate::b::B;", "crate::b::B"),
        ("use crate::{c::C, b::{B}};", "crate::b::B"),
        (
            "use crate::{\n  c::C};\nuse super::{b::{self, f}};",
            "super::b::f",
        ),
        ("use super::b::*;", "super::b"),
        ("use crate::b::B as Other;", "crate::b::B"),
        ("use crate::Renamed;", "crate::Renamed"),
        ("use crate::b::inner::In;", "crate::b::inner::In"),
        ("use crate::b as other;\nfn g() { other::f() }", "other::f"),
        ("use super::{b};\nstruct X(Vec<b::B>);", "b::B"),
        ("fn g() { use crate::b::B; }", "crate::b::B"),
        ("fn g() { crate::b::f() }", "crate::b::f"),
        ("fn g() -> Option<crate::b::B> { None }", "crate::b::B"),
        (
            "fn g(x: Option<u8>) { if let Some(_) = x { let _ = self::super::b::f; } }",
            "self::super::b::f",
        ),
        ("trait T: Into<crate::b::B> {}", "crate::b::B"),
        (
            "impl From<super::b::B> for A { fn from(_: super::b::B) -> Self { A } }",
            "super::b::B",
        ),
        (
            "fn g() { println!(\"{:?}\", vec![(1, crate::b::f())]) }",
            "crate::b::f",
        ),
        (
            "fn g() { assert!(matches!(1, _ if x(super::b::B))) }",
            "super::b::B",
        ),
        (
            "#[serde(default = \"crate::b::f\")]\nstruct X;",
            "crate::b::f",
        ),
        ("#[derive(crate::b::B)]\nstruct X;", "crate::b::B"),
        ("macro_rules! m { () => { $crate::b::f() } }", "crate::b::f"),
        (
            "mod inline { use super::super::b::B; }",
            "super::super::b::B",
        ),
        (
            "#[cfg(test)]\nmod tests { use crate::b::B; }",
            "crate::b::B",
        ),
        (
            "async fn g() { tokio::select! { x = crate::b::f() => x } }",
            "crate::b::f",
        ),
    ];
    for (text, written) in ways {
        let text = format!("{text}\npub struct A;");
        let cycles = cycles_with(&text);
        let [cycle] = cycles.as_slice() else {
            panic!("{text}: {cycles:?}");
        };
        assert!(
            cycle.contains(&format!("uses {written} -> src/b.rs:1 uses crate::a::A")),
            "{text}: {cycle}"
        );
    }
}

#[test]
fn what_only_looks_like_a_use_is_not_one() {
    let texts = [
        "use crate::c::B;",
        "use crate::{c::{B}};",
        "use crate::b;",
        "mod child;\nuse child::Child;",
        "mod b { pub fn f() {} }\nfn g() { b::f() }",
        "fn g(b: X) { b.f(); format!(\"{}\", b.f()) }",
        "// use crate::b::B;\n/// [`crate::b::B`]\nstruct X;",
        "fn g() { let b = \"crate::b::B\"; }",
        "use b::B;",
        "pub(crate) struct X;\npub(super) struct Y;\npub(in crate::a) struct Z;",
        "pub use crate::b::B;",
    ];
    for text in texts {
        let text = format!("{text}\npub struct A;");
        assert_eq!(cycles_with(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_file_may_be_named_by_a_path_attribute() {
    let tree = tree(&[
        (
            "tests/one/main.rs",
            "#[path = \"../common/help.rs\"]\nmod help;\npub fn f() {}",
        ),
        ("tests/common/help.rs", "mod more;\nfn g() { crate::f() }"),
        ("tests/common/more.rs", "use super::super::help;"),
    ]);
    assert_eq!(tree.files().len(), 3);
    assert_eq!(import_cycles(&tree), Vec::<String>::new());
}

#[test]
#[should_panic(expected = "src/lib.rs:2: no file contains mod missing")]
fn a_module_without_a_file_is_named() {
    tree(&[("src/lib.rs", "\nmod missing;")]);
}

#[test]
#[should_panic(expected = "src/lib.rs:2: expected identifier")]
fn a_file_that_does_not_parse_is_named() {
    tree(&[("src/lib.rs", "fn f() {}\nfn {}")]);
}
