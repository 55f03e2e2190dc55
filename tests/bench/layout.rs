//! Writes `server/layout.ld`, the order of functions in the released binary.
//!
//! The system maps a program's code in blocks of 64 KB. Functions that a start runs would otherwise be in nearly all of
//! them, so that nearly all code were in memory for the quarter that runs.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path, process::ExitCode, time::Duration};

use billing_portal_tests::workspace;
use tokio::{runtime::Builder, time::sleep};

use crate::{
    load::Connection,
    process::{Running, Service},
    requests::Ending,
    result::Result,
};

const HEAD: &str = "\
/* Made by `cargo xtask bench --layout`; do not edit. The functions that a start runs stand together, then those that
   requests run, so that the rest is not in memory. A function that is not listed, or no longer there, does no harm. */
";
/// Crates whose functions run in some deployments: with Stripe behind TLS, which is every one in production, and with
/// PostgreSQL.
const SOMETIMES: [(&str, &[&str]); 2] = [
    ("TLS", &["6rustls", "6webpki"]),
    ("PostgreSQL", &["13sqlx_postgres"]),
];
/// How long the service runs before it is ended, so that what it repeats is listed too.
const REST: Duration = Duration::from_secs(3);
/// Requests of each kind, so that caches are filled and used.
const REQUESTS: u16 = 20;

/// Runs the service twice under callgrind, at rest and with requests, and writes the functions that ran.
pub(crate) fn run() -> Result<ExitCode> {
    let service = Service::set_up()?;
    let stripe = Running::stand_in(0)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let start = runtime.block_on(functions(&service, &stripe, 0))?;
    let mut requests = runtime.block_on(functions(&service, &stripe, REQUESTS))?;
    requests.retain(|function| !start.contains(function));
    let file = workspace::root().join("server/layout.ld");
    fs::write(&file, script(&start, &requests)?)?;
    println!(
        "{} functions of a start and {} of requests are in {}",
        start.len(),
        requests.len(),
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The functions that a service runs from its start to its end, with so many requests of each kind.
async fn functions(service: &Service, stripe: &Running, requests: u16) -> Result<BTreeSet<String>> {
    let profile = service.file("layout.out");
    let server = service.serve_counted(stripe.address, &profile, &[])?;
    let mut connection = Connection::open(server.address).await?;
    for ending in Ending::ALL {
        let request = ending.request(&service.keys);
        for _ in 0..requests {
            connection.exchange(&request, ending.status()).await?;
        }
    }
    sleep(REST).await;
    drop(connection);
    server.stop()?;
    Ok(in_profile(&fs::read_to_string(&profile)?, service.binary()))
}

/// The functions of this program in what callgrind wrote: a line for each file, then for each of its functions.
fn in_profile(profile: &str, program: &Path) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    let mut is_program = false;
    for line in profile.lines() {
        match line.split_once('=') {
            Some(("ob", file)) => is_program = Path::new(file) == program,
            Some(("fn", name)) if is_program && is_symbol(name) => {
                functions.insert(without_hashes(name));
            }
            _ => {}
        }
    }
    functions
}

/// Whether this is a function's name, instead of an address or a line of another kind.
fn is_symbol(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte);
    !name.starts_with("0x") && name.bytes().all(is_part)
}

/// The name with `*` for what depends on the compiler and on versions: the hash of a function, that of a crate, and what
/// a compiler adds to the name of a copy.
fn without_hashes(name: &str) -> String {
    if let Some((path, _)) = name
        .strip_prefix("_ZN")
        .and_then(|it| it.rsplit_once("17h"))
    {
        return format!("_ZN{path}17h*");
    }
    if let Some((of, _)) = name.split_once('.') {
        return format!("{}.*", without_hashes(of));
    }
    let Some(path) = name.strip_prefix("_R") else {
        return name.to_owned();
    };
    let mut pattern = "_R".to_owned();
    let mut crates = path.split("Cs");
    pattern.extend(crates.next());
    for part in crates {
        let hashed = part.split_once('_').filter(|(hash, _)| is_hash(hash));
        let rest = hashed.map_or(part, |(_, rest)| rest);
        pattern.push_str(if hashed.is_some() { "Cs*_" } else { "Cs" });
        pattern.push_str(rest);
    }
    pattern
}

/// A hash in base 62, which is longer than most words.
fn is_hash(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What the linker reads. One section, as in every program: valgrind knows the names of no other.
fn script(start: &BTreeSet<String>, requests: &BTreeSet<String>) -> Result<String> {
    let mut script = format!("{HEAD}SECTIONS\n{{\n  .text : {{\n");
    for (when, functions) in [("A start", start), ("Requests", requests)] {
        writeln!(script, "    /* {when} */")?;
        for function in functions {
            writeln!(script, "    *(.text*.{function})")?;
        }
    }
    for (when, crates) in SOMETIMES {
        writeln!(script, "    /* {when} */")?;
        for name in crates {
            writeln!(script, "    *(.text*{name}*)")?;
        }
    }
    script.push_str("    /* The rest */\n    *(.text .text.*)\n  }\n}\nINSERT AFTER .init;\n");
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_leaves_out_what_another_compiler_names_otherwise() {
        for (name, pattern) in [
            (
                "_ZN5tokio4task5spawn17h0123456789abcdefE",
                "_ZN5tokio4task5spawn17h*",
            ),
            (
                "_ZN5tokio4task5spawn17h0123456789abcdefE.llvm.42",
                "_ZN5tokio4task5spawn17h*",
            ),
            (
                "_RNvNtCsjrHSEGnQ3l9_3std2io4readCslNYArtu3iFV_5alloc",
                "_RNvNtCs*_3std2io4readCs*_5alloc",
            ),
            (
                "_RNvNtCsjrHSEGnQ3l9_3std2io4read.117",
                "_RNvNtCs*_3std2io4read.*",
            ),
            ("_RNv3Css_3std", "_RNv3Css_3std"),
            ("sqlite3_step", "sqlite3_step"),
            ("sqlite3Update.constprop.0", "sqlite3Update.*"),
        ] {
            assert_eq!(without_hashes(name), pattern);
        }
    }

    #[test]
    fn only_functions_of_the_program_are_listed() {
        let profile = "ob=/lib/libc.so.6\nfn=malloc\n1 2\nob=/bin/portal\nfn=main\n1 2\ncob=/lib/libc.so.6\ncfn=free\n\
            calls=1 0\n1 2\nfn=0x00000000000102f0\nfn=(below main)\nfl=main.rs\nfn=listed\n";
        let found = in_profile(profile, Path::new("/bin/portal"));
        assert_eq!(found, BTreeSet::from(["listed".into(), "main".into()]));
    }
}
