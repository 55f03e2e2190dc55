//! Import cycles, whole and as they are written.

use super::tree;
use crate::cycles::import_cycles;

#[test]
fn a_cycle_of_three_files_is_reported_once_with_each_step() {
    let tree = tree(&[
        ("lib.rs", "mod app; mod auth; mod portal;"),
        (
            "app.rs",
            "use crate::auth::Authenticator;\npub struct App(Authenticator);",
        ),
        (
            "auth.rs",
            "\nuse crate::portal;\npub struct Authenticator(portal::Portal);",
        ),
        (
            "portal.rs",
            "\n\n\npub struct Portal(Box<crate::app::App>);",
        ),
    ]);
    assert_eq!(
        import_cycles(&tree),
        [
            "import cycle: app.rs:1 uses crate::auth::Authenticator -> auth.rs:3 uses portal::Portal -> \
          portal.rs:4 uses crate::app::App"
        ]
    );
}

#[test]
fn two_cycles_are_both_reported() {
    let tree = tree(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B;\npub struct A;"),
        ("b.rs", "use crate::a::A;\npub struct B;"),
        ("c.rs", "use crate::d::D;\nuse crate::a::A;\npub struct C;"),
        ("d.rs", "use crate::c::C;\npub struct D;"),
    ]);
    assert_eq!(
        import_cycles(&tree),
        [
            "import cycle: a.rs:1 uses crate::b::B -> b.rs:1 uses crate::a::A",
            "import cycle: c.rs:1 uses crate::d::D -> d.rs:1 uses crate::c::C",
        ]
    );
}

#[test]
fn a_parent_that_uses_its_child_and_is_used_by_it_is_a_cycle() {
    let tree = tree(&[
        ("lib.rs", "mod store;"),
        (
            "store/mod.rs",
            "mod keys;\npub struct Store;\nfn all() { keys::read() }",
        ),
        ("store/keys.rs", "use super::Store;\npub fn read() {}"),
    ]);
    assert_eq!(
        import_cycles(&tree),
        ["import cycle: store/keys.rs:1 uses super::Store -> store/mod.rs:3 uses keys::read"]
    );
}

#[test]
fn a_parent_that_declares_and_reexports_its_child_is_not_in_a_cycle() {
    let tree = tree(&[
        ("lib.rs", "mod store;\npub use store::Key;"),
        (
            "store.rs",
            "mod keys;\npub use keys::Key;\npub struct Store;",
        ),
        (
            "store/keys.rs",
            "use super::Store;\nuse crate::store;\npub struct Key(store::Store);",
        ),
    ]);
    assert_eq!(import_cycles(&tree), Vec::<String>::new());
}

#[test]
fn a_parent_that_also_uses_what_it_reexports_is_in_a_cycle() {
    let tree = tree(&[
        ("lib.rs", "mod store;"),
        (
            "store.rs",
            "mod keys;\npub use keys::Key;\npub struct Store(Key);",
        ),
        ("store/keys.rs", "use super::Store;\npub struct Key;"),
    ]);
    assert_eq!(
        import_cycles(&tree),
        ["import cycle: store.rs:3 uses Key -> store/keys.rs:1 uses super::Store"]
    );
}

#[test]
fn a_name_that_the_parent_reexports_leads_to_the_file_that_defines_it() {
    let tree = tree(&[
        (
            "lib.rs",
            "mod store;\nmod face { pub use crate::store::*; }",
        ),
        (
            "store.rs",
            "mod bulk;\nmod sync;\npub use bulk::Mapping;\npub use sync::Failure as SyncFailure;",
        ),
        (
            "store/bulk.rs",
            "use crate::face::SyncFailure;\npub struct Mapping;",
        ),
        ("store/sync.rs", "use super::Mapping;\npub struct Failure;"),
    ]);
    assert_eq!(
        import_cycles(&tree),
        [
            "import cycle: store/bulk.rs:1 uses crate::face::SyncFailure -> store/sync.rs:1 uses super::Mapping"
        ]
    );
}
