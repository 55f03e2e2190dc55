//! Prepares the files of the documentation: each with its hash and compressed, so that the running service does neither.

use std::{env, fmt::Write as _, fs, io::Write as _, path::Path, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::{Config, serve};

/// Swagger UI's own files.
const SWAGGER_UI: [&str; 5] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// The scripts that start Swagger UI, then the pages, which refer to all files before them.
const OWN: [&str; 5] = [
    "start.js",
    "operations.js",
    "index.html",
    "operations.html",
    "reference.html",
];
const OWN_FOLDER: &str = "src/http/docs";

/// The contract, and the generated file that has it as JSON after a head of comments and an empty line.
const CONTRACT: &str = "../openapi/billing-portal.yaml";
const CONTRACT_JSON: &str = "src/http/docs/contract.jsonc";

/// A file as it is served.
struct File {
    name: &'static str,
    content_type: &'static str,
    bytes: Vec<u8>,
    /// Of the content, so that a new content has another one.
    hash: String,
}

impl File {
    fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes);
        let hash = digest
            .iter()
            .take(8)
            .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
        let (_, extension) = name.rsplit_once('.').expect("each name has an extension");
        let content_type = match extension {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "png" => "image/png",
            "yaml" => "application/yaml",
            _ => "application/json",
        };
        Self {
            name,
            content_type,
            bytes,
            hash,
        }
    }

    /// Compressed, if that makes it smaller.
    fn gzip(&self) -> Option<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&self.bytes).expect("memory takes all");
        let compressed = encoder.finish().expect("memory takes all");
        (compressed.len() < self.bytes.len()).then_some(compressed)
    }
}

/// Writes `files.rs`, the list `FILES`, and sets `DOCS_FILES` to its folder.
pub(crate) fn prepare() {
    for read in [OWN_FOLDER, CONTRACT, "build"] {
        println!("cargo::rerun-if-changed={read}");
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this is how cargo names the folder"
    )]
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let folder = Path::new(&out).join("docs");
    fs::create_dir_all(&folder).expect("cargo has made its parent");
    let files = files();
    let mut list = format!("static FILES: [StaticFile; {}] = [\n", files.len());
    for file in &files {
        let File {
            name,
            content_type,
            bytes,
            hash,
        } = file;
        let gzip = file.gzip();
        let form = if gzip.is_some() { "gzip" } else { "plain" };
        write(&folder, name, gzip.as_ref().unwrap_or(bytes));
        _ = writeln!(
            list,
            "StaticFile {{ name: {name:?}, content_type: {content_type:?}, hash: {hash:?}, \
             content: Content::{form}(include_bytes!({name:?})) }},"
        );
    }
    write(&folder, "files.rs", (list + "];").as_bytes());
    println!("cargo::rustc-env=DOCS_FILES={}", folder.display());
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("cargo's folder can be written");
}

fn files() -> Vec<File> {
    let mut files: Vec<File> = SWAGGER_UI
        .into_iter()
        .map(|name| File::new(name, swagger_ui(name)))
        .collect();
    let read = |path: &str| fs::read_to_string(path).expect("the file is a part of the workspace");
    files.push(File::new("openapi.yaml", read(CONTRACT).into_bytes()));
    files.push(File::new(
        "openapi.json",
        without_head(&read(CONTRACT_JSON)),
    ));
    for name in OWN {
        let text = read(&format!("{OWN_FOLDER}/{name}"));
        files.push(File::new(name, with_versions(text, &files).into_bytes()));
    }
    files
}

/// A file of Swagger UI, which the library has in this build.
fn swagger_ui(name: &str) -> Vec<u8> {
    let file = serve(name, Arc::new(Config::default()));
    let file = file.expect("the library reads its own files");
    file.expect("the library has the file").bytes.into_owned()
}

fn without_head(text: &str) -> Vec<u8> {
    let (_, json) = text.split_once("\n\n").expect("a head");
    json.trim_end().as_bytes().to_vec()
}

/// Writes the hash of each file where a page refers to it as `name?v=`: browsers may keep it for ever.
fn with_versions(text: String, files: &[File]) -> String {
    files.iter().fold(text, |text, file| {
        let reference = format!("{}?v=", file.name);
        text.replace(&reference, &format!("{reference}{}", file.hash))
    })
}
