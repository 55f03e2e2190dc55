//! Every finding that there is: its stable id, what it means, what to do, and why the rule is there.

/// One kind of finding.
#[derive(Debug)]
pub struct Entry {
    /// The stable id: family and subject.
    pub id: &'static str,
    /// What it means, in one sentence.
    pub means: &'static str,
    /// What to do.
    pub cure: &'static str,
}

/// Stands in for an id that is not in the table; the self-test fails on it.
pub const UNKNOWN: Entry = entry_of(
    "",
    "A finding without an entry.",
    "Add it to xtask/src/check/catalogue.rs.",
);

/// The entry of an id.
pub fn entry(id: &str) -> Option<&'static Entry> {
    FAMILIES
        .iter()
        .flat_map(|family| family.entries)
        .find(|entry| entry.id == id)
}

/// The family of an id.
pub fn family(id: &str) -> Option<&'static Family> {
    FAMILIES
        .iter()
        .find(|family| family.entries.iter().any(|entry| entry.id == id))
}

/// Findings with one purpose.
#[derive(Debug)]
pub struct Family {
    /// What is compared, and why.
    pub about: &'static str,
    /// Its findings.
    pub entries: &'static [Entry],
}

const fn entry_of(id: &'static str, means: &'static str, cure: &'static str) -> Entry {
    Entry { id, means, cure }
}

/// Where a server and the contract differ a person decides which is right; this says so once.
const DECIDE: &str = "Change the server's code; or, if the contract is wrong, the contract, its version and CHANGELOG.md.";

/// All findings.
pub const FAMILIES: &[Family] = &[
    Family {
        about: "DOC: the contract alone. It must be valid OpenAPI 3.0 and keep the rules that let both sides grow.",
        entries: &[
            entry_of(
                "DOC-YAML",
                "The contract cannot be read; a key written twice counts.",
                "Mend the YAML at this line.",
            ),
            entry_of(
                "DOC-OPENAPI",
                "The contract is not valid OpenAPI 3.0.",
                "Follow the reason; 3.1 keywords are not in 3.0.",
            ),
            entry_of(
                "DOC-REF",
                "A reference leads nowhere, to itself or to another file.",
                "Name a component of this file.",
            ),
            entry_of(
                "DOC-SECURITY",
                "An operation can be called without a declared security scheme.",
                "Require a scheme of components.securitySchemes.",
            ),
            entry_of(
                "DOC-SCOPE-LIST",
                "A bearer requirement lists scopes, which OpenAPI 3.0 allows for oauth2 only.",
                "Leave the list empty; scopes go to x-required-scopes.",
            ),
            entry_of(
                "DOC-SCOPE-PROSE",
                "The scopes in the description are not those of x-required-scopes.",
                "Make both name the same scopes, each in backquotes.",
            ),
            entry_of(
                "DOC-TAG",
                "An operation has a tag that the document does not declare.",
                "Declare it under tags, or correct it.",
            ),
            entry_of(
                "DOC-DEPRECATED",
                "Something is deprecated and nobody says until when it works.",
                "Add x-sunset with a date beside it.",
            ),
            entry_of(
                "DOC-CLOSED",
                "A request's object accepts fields that it does not name.",
                "Set additionalProperties: false, so that a misspelt field is refused.",
            ),
            entry_of(
                "DOC-OPEN",
                "A response's object refuses new fields, so no field could ever be added.",
                "Remove additionalProperties: false.",
            ),
            entry_of(
                "DOC-CODES",
                "A response's codes are missing, not listed, or of two statuses.",
                "Bring x-error-codes and x-extensible-enum in line; a code has one status.",
            ),
            entry_of(
                "DOC-HEADERS",
                "A response lacks a header that every answer of its status has.",
                "Document it, required, by reference to components.headers.",
            ),
        ],
    },
    Family {
        about: "PG: what progenitor, the SDK's generator, cannot take. It panics or writes poor code; this says why.",
        entries: &[
            entry_of(
                "PG-VERSION",
                "The document's version is not one that the generator reads.",
                "Write OpenAPI 3.0.x.",
            ),
            entry_of(
                "PG-HEADER",
                "info.version cannot be sent in a header.",
                "Use a plain version such as 1.2.0.",
            ),
            entry_of(
                "PG-OPERATION-ID",
                "An operationId is missing, repeated or not snake_case.",
                "Give each operation its own snake_case name.",
            ),
            entry_of(
                "PG-PATH",
                "A path is a reference.",
                "Write the path item in place.",
            ),
            entry_of(
                "PG-PARAMETER",
                "A parameter is a cookie or has content.",
                "Use a path, query or header parameter with a schema.",
            ),
            entry_of(
                "PG-MEDIA-TYPE",
                "A request body has not exactly one media type that can be sent, with a schema.",
                "Keep application/json alone.",
            ),
            entry_of(
                "PG-DEFAULT",
                "A default response counts as success and as error at once.",
                "List the statuses.",
            ),
            entry_of(
                "PG-RANGE",
                "A status range shadows explicit statuses.",
                "List the statuses.",
            ),
            entry_of(
                "PG-SCHEMA",
                "A response's body has no schema.",
                "Refer to one of components.schemas.",
            ),
            entry_of(
                "PG-SHARED-SCHEMA",
                "An operation has two schemas for success or for errors; an SDK method has one type for each.",
                "Let all refer to one component.",
            ),
            entry_of(
                "PG-ENUM",
                "A closed list of texts in a response: an SDK in the field cannot read a new one.",
                "Use a plain string with x-extensible-enum.",
            ),
            entry_of(
                "PG-PATTERN",
                "A pattern in a response: an SDK would refuse an answer that it could use.",
                "Describe the form in words.",
            ),
            entry_of(
                "PG-REFUSED",
                "The generator refuses the contract.",
                "Follow its reason; add a rule to xtask/src/check/generator.rs.",
            ),
        ],
    },
    Family {
        about: "EX, README: examples and samples are what people copy, so they are held to the contract like code.",
        entries: &[
            entry_of(
                "EX-SCHEMA",
                "An example is not valid against its schema.",
                "Correct the example, or the schema.",
            ),
            entry_of(
                "EX-CODE",
                "An error example does not have the code it stands under, or the code is not of its status.",
                "Name the example by its code, one of x-error-codes.",
            ),
            entry_of(
                "EX-FIELD",
                "An example's details name a field that the request does not have.",
                "Name fields of this operation's request.",
            ),
            entry_of(
                "EX-MISSING",
                "A response, or one of its codes, has no example.",
                "Add one, named by the code.",
            ),
            entry_of(
                "EX-SECRET",
                "Something looks like a real secret.",
                "Revoke it if it is real; write `am_live_…`.",
            ),
            entry_of(
                "README-CURL",
                "A curl sample does not work as documented.",
                "Correct method, path, key, content type or body.",
            ),
            entry_of(
                "README-ANSWER",
                "A sample answer is none of the contract's examples.",
                "Copy one of them.",
            ),
        ],
    },
    Family {
        about: "SRV: the document that the server's code declares. After normalisation both must be equal.",
        entries: &[
            entry_of("SRV-PATH", "A path is on one side only.", DECIDE),
            entry_of("SRV-METHOD", "A path's method is on one side only.", DECIDE),
            entry_of(
                "SRV-OPERATION-ID",
                "The operation's name differs; the SDK's method is named after it.",
                DECIDE,
            ),
            entry_of("SRV-TAG", "The tags differ.", DECIDE),
            entry_of("SRV-SECURITY", "The security requirement differs.", DECIDE),
            entry_of("SRV-SECURITY-SCHEME", "A security scheme differs.", DECIDE),
            entry_of("SRV-PARAMETER", "A parameter differs.", DECIDE),
            entry_of(
                "SRV-REQUEST-BODY",
                "The request's body is on one side only, or required on one side only.",
                DECIDE,
            ),
            entry_of("SRV-STATUS", "A status is on one side only.", DECIDE),
            entry_of("SRV-HEADER", "A response header differs.", DECIDE),
            entry_of(
                "SRV-MEDIA-TYPE",
                "A media type is on one side only.",
                DECIDE,
            ),
            entry_of("SRV-PROPERTY", "A field is on one side only.", DECIDE),
            entry_of(
                "SRV-REQUIRED",
                "A field is required on one side only.",
                DECIDE,
            ),
            entry_of("SRV-TYPE", "A type differs.", DECIDE),
            entry_of("SRV-FORMAT", "A format differs.", DECIDE),
            entry_of("SRV-LENGTH", "A length limit differs.", DECIDE),
            entry_of("SRV-PATTERN", "A pattern differs.", DECIDE),
            entry_of(
                "SRV-BOUNDS",
                "A bound of a number, list or object differs.",
                DECIDE,
            ),
            entry_of("SRV-ENUM", "The allowed values differ.", DECIDE),
            entry_of("SRV-NULLABLE", "null is allowed on one side only.", DECIDE),
            entry_of("SRV-MAP", "What a map's values may be differs.", DECIDE),
            entry_of("SRV-DEFAULT", "A default differs.", DECIDE),
            entry_of(
                "SRV-DEPRECATED",
                "Something is deprecated on one side only.",
                DECIDE,
            ),
            entry_of("SRV-SERVER", "The servers' URLs differ.", DECIDE),
            entry_of("SRV-INFO", "Title or version differ.", DECIDE),
            entry_of(
                "SRV-OTHER",
                "The two differ in a place that has no id of its own.",
                DECIDE,
            ),
        ],
    },
    Family {
        about: "POL: the tables by which the server decides at run time, as `billing-portal openapi` prints them.",
        entries: &[
            entry_of(
                "POL-SCOPES",
                "The scopes that the server asks for are not those of the contract.",
                DECIDE,
            ),
            entry_of(
                "POL-CODES",
                "The codes that the server answers with a status are not those of the contract.",
                DECIDE,
            ),
            entry_of(
                "POL-CODE-LIST",
                "The server's table of codes is not the contract's list.",
                DECIDE,
            ),
            entry_of(
                "POL-MESSAGE",
                "An example's message is not the one that the server sends.",
                DECIDE,
            ),
            entry_of(
                "POL-OUTSIDE",
                "A code of no operation is not described as the server answers it.",
                "Write it in info.description as: STATUS `CODE` (`message`).",
            ),
        ],
    },
    Family {
        about: "GEN: files made from the contract. Their first lines say from what, by whom and with which body.",
        entries: &[
            entry_of(
                "GEN-MISSING",
                "A generated file is missing.",
                "Run `cargo xtask generate`.",
            ),
            entry_of(
                "GEN-STALE",
                "The contract changed since this file was generated.",
                "Run `cargo xtask generate` and review the difference.",
            ),
            entry_of(
                "GEN-EDITED",
                "A generated file was edited by hand.",
                "Move the edit to where it belongs, then run `cargo xtask generate`.",
            ),
            entry_of(
                "GEN-TOOL",
                "Another version of the generator is pinned than wrote this file.",
                "Run `cargo xtask generate` and review the difference.",
            ),
        ],
    },
    Family {
        about: "VER: the last released contract. Callers rely on it, so a change says how large it is.",
        entries: &[
            entry_of(
                "VER-RELEASED",
                "A released contract was edited, is missing or is not listed.",
                "Restore it from the history; a release is never edited.",
            ),
            entry_of(
                "VER-NUMBER",
                "info.version is no version, or lower than the last released one.",
                "Write the next version, such as 1.2.0.",
            ),
            entry_of(
                "VER-UNRELEASED",
                "The contract changed while info.version is that of a release.",
                "Undo it, or raise info.version and the packages, and say it in CHANGELOG.md.",
            ),
            entry_of(
                "VER-TOO-SMALL",
                "The change asks for a larger version.",
                "Breaking: next major. Additive: next minor. Text only: next patch.",
            ),
            entry_of(
                "VER-AGREE",
                "A package has another version than the contract.",
                "Write info.version there too.",
            ),
            entry_of(
                "VER-CHANGELOG",
                "CHANGELOG.md does not say what the contract says.",
                "Add what the rule asks for, as callers feel it.",
            ),
        ],
    },
    Family {
        about: "LIVE: what the tests saw the server do, recorded as they ran (`cargo xtask coverage`).",
        entries: &[
            entry_of(
                "LIVE-UNSEEN",
                "Something is documented that no test ever saw.",
                "Add a test that produces it; or it cannot happen: remove it.",
            ),
            entry_of(
                "LIVE-UNDOCUMENTED",
                "The server answered what the contract does not document.",
                DECIDE,
            ),
            entry_of(
                "LIVE-HEADER",
                "A documented header is missing, or the answer has one that is not documented.",
                DECIDE,
            ),
            entry_of(
                "LIVE-MEDIA-TYPE",
                "The answer's content type is not the documented one.",
                DECIDE,
            ),
            entry_of(
                "LIVE-BODY",
                "The answer's body is not valid against its schema.",
                DECIDE,
            ),
            entry_of(
                "LIVE-REQUEST-ID",
                "The request id of body and header differ, or one was seen twice.",
                "The server mints one id for each answer and writes it in both places.",
            ),
            entry_of(
                "LIVE-DETAILS",
                "The answer's details name what the request neither has nor needs.",
                DECIDE,
            ),
            entry_of(
                "LIVE-AUTH",
                "A request without a key was served.",
                "The operation must authenticate first.",
            ),
            entry_of("LIVE-ACCEPTED", "An invalid request was served.", DECIDE),
            entry_of(
                "LIVE-REFUSED",
                "A valid request was called malformed.",
                DECIDE,
            ),
            entry_of(
                "LIVE-REQUEST",
                "The SDK sent what the contract does not document.",
                "Mend client/src; nothing undocumented leaves the SDK.",
            ),
        ],
    },
    Family {
        about: "META: the check itself. A proof that does not run proves nothing.",
        entries: &[
            entry_of(
                "META-PROOF",
                "The test that proves what the server cannot declare is not there.",
                "Restore it, or name the test that took over.",
            ),
            entry_of(
                "META-SERVER",
                "The server's document could not be had.",
                "Run `cargo run -p billing-portal-server -- openapi` and see.",
            ),
            entry_of(
                "META-RECORD",
                "There is no record of what the tests saw.",
                "Run the tests first: `cargo nextest run`.",
            ),
        ],
    },
];
