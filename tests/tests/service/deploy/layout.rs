//! The linker's script of the released binary, which no other test links with.

use std::{fs, process::Command};

use billing_portal_tests::workspace;

#[test]
fn a_program_links_with_the_layout_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("main.rs"), folder.path().join("program"));
    fs::write(&source, "fn main() { println!(\"it runs\"); }").unwrap();
    let script = workspace::root().join("server/layout.ld");
    let linked = Command::new("rustc")
        .arg(format!("-Clink-arg=-Wl,-T,{}", script.display()))
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(linked.status.success(), "{linked:?}");
    let ran = Command::new(&program).output().unwrap();
    assert_eq!(ran.stdout, b"it runs\n");
}
