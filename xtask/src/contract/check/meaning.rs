//! What a difference between two contracts means: one table for the history and for the comparison with the server.
//!
//! A keyword bounds values. A tighter bound breaks callers where they send the value, and leaves them at ease where
//! the service answers it; a looser one the other way round. What no row knows is breaking.

use billing_portal_tests::contract::{
    difference::{Difference, Place, Whole},
    kind::{Direction, Kind},
};
use serde_json::{Value, json};

/// How much a change means to callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Only what people read.
    Text,
    /// What worked still works.
    Additive,
    /// What worked may fail.
    Breaking,
}

impl Level {
    /// In words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text only",
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        }
    }
}

/// What one kind of change does.
#[derive(Clone, Copy)]
enum Effect {
    /// The same level for a value that is sent and for one that is answered.
    Always(Level),
    /// A level for what is sent, and one for what is answered.
    On(Level, Level),
    /// Fewer values are allowed than before.
    Tighter,
    /// More values are allowed than before.
    Looser,
    /// Tighter if the new thing is required, else additive.
    TighterIfRequired,
    /// Looser if the number became larger.
    LooserIfLarger,
    /// Looser if the number became smaller.
    LooserIfSmaller,
    /// `integer` and `number` contain one another.
    OfType,
    /// `false` allows less than any schema.
    OfMap,
    /// Breaking if the date became earlier.
    OfDate,
    /// A new success is breaking; a new error is not, since clients decide on codes that they know.
    OfStatus,
    /// Patch versions of `OpenAPI` differ in words only: what counts is `3.0` of `3.0.3`.
    OfOpenApi,
}

const TEXT: Effect = Effect::Always(Level::Text);
const ADDS: Effect = Effect::Always(Level::Additive);
const BREAKS: Effect = Effect::Always(Level::Breaking);

/// One row: where, which keyword, what it does when it is added, removed and changed, and the finding of the server
/// comparison; without one the server does not declare it.
struct Row(Holder, &'static str, [Effect; 3], Option<&'static str>);

/// Where a row applies.
#[derive(Clone, Copy)]
enum Holder {
    /// At nodes of this kind.
    Of(Kind),
    /// Wherever a key is a keyword and not a name.
    Any,
}

use Effect::{
    Looser, LooserIfLarger, LooserIfSmaller, OfDate, OfMap, OfOpenApi, OfStatus, OfType, On,
    Tighter, TighterIfRequired,
};
use Holder::{Any, Of};
use Level::{Additive, Breaking, Text};

/// The table. `*` is any name, `x-*` any extension that is not in a row above it, `[]` an item of a list.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Where                    keyword                  added              removed   changed          server
    Row(Of(Kind::Document),        "openapi",              [BREAKS,            BREAKS,   OfOpenApi],       None),
    Row(Of(Kind::Info),            "title",                [TEXT,              TEXT,     TEXT],            Some("SRV-INFO")),
    Row(Of(Kind::Info),            "version",              [TEXT,              TEXT,     TEXT],            Some("SRV-INFO")),
    Row(Of(Kind::Info),            "*",                    [TEXT,              TEXT,     TEXT],            None),
    Row(Of(Kind::Servers),         "*",                    [TEXT,              BREAKS,   BREAKS],          Some("SRV-SERVER")),
    Row(Of(Kind::Tags),            "*",                    [TEXT,              TEXT,     TEXT],            Some("SRV-TAG")),
    // What this product gives a meaning; all other extensions are text.
    Row(Any,                       "x-required-scopes[]",  [BREAKS,            ADDS,     BREAKS],          Some("POL-SCOPES")),
    Row(Any,                       "x-error-codes[]",      [ADDS,              BREAKS,   BREAKS],          Some("POL-CODES")),
    Row(Any,                       "x-extensible-enum[]",  [ADDS,              BREAKS,   BREAKS],          None),
    Row(Any,                       "x-sunset",             [ADDS,              ADDS,     OfDate],          Some("SRV-DEPRECATED")),
    Row(Any,                       "x-*",                  [TEXT,              TEXT,     TEXT],            None),
    // Texts and examples.
    Row(Any,                       "description",          [TEXT,              TEXT,     TEXT],            None),
    Row(Any,                       "summary",              [TEXT,              TEXT,     TEXT],            None),
    Row(Any,                       "externalDocs",         [TEXT,              TEXT,     TEXT],            None),
    Row(Any,                       "example",              [TEXT,              TEXT,     TEXT],            None),
    Row(Of(Kind::Examples),        "*",                    [TEXT,              TEXT,     TEXT],            None),
    Row(Of(Kind::Example),         "*",                    [TEXT,              TEXT,     TEXT],            None),
    Row(Of(Kind::Schema),          "title",                [TEXT,              TEXT,     TEXT],            None),
    Row(Of(Kind::Schema),          "xml",                  [TEXT,              TEXT,     TEXT],            None),
    Row(Any,                       "deprecated",           [ADDS,              ADDS,     ADDS],            Some("SRV-DEPRECATED")),
    // Operations.
    Row(Of(Kind::Paths),           "*",                    [ADDS,              BREAKS,   BREAKS],          Some("SRV-PATH")),
    Row(Of(Kind::PathItem),        "*",                    [ADDS,              BREAKS,   BREAKS],          Some("SRV-METHOD")),
    Row(Of(Kind::Operation),       "operationId",          [BREAKS,            BREAKS,   BREAKS],          Some("SRV-OPERATION-ID")),
    Row(Of(Kind::Operation),       "tags[]",               [TEXT,              TEXT,     TEXT],            Some("SRV-TAG")),
    Row(Of(Kind::Operation),       "security[]",           [ADDS,              BREAKS,   BREAKS],          Some("SRV-SECURITY")),
    Row(Of(Kind::Operation),       "requestBody",          [TighterIfRequired, BREAKS,   BREAKS],          Some("SRV-REQUEST-BODY")),
    Row(Of(Kind::RequestBody),     "required",             [Tighter,           Looser,   BREAKS],          Some("SRV-REQUEST-BODY")),
    Row(Of(Kind::Parameters),      "*",                    [TighterIfRequired, BREAKS,   BREAKS],          Some("SRV-PARAMETER")),
    Row(Of(Kind::Parameter),       "required",             [Tighter,           Looser,   BREAKS],          Some("SRV-PARAMETER")),
    Row(Of(Kind::Parameter),       "allowEmptyValue",      [Looser,            Tighter,  BREAKS],          Some("SRV-PARAMETER")),
    Row(Of(Kind::Responses),       "*",                    [OfStatus,          BREAKS,   BREAKS],          Some("SRV-STATUS")),
    Row(Of(Kind::Response),        "links",                [ADDS,              BREAKS,   BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Headers),         "*",                    [ADDS,              BREAKS,   BREAKS],          Some("SRV-HEADER")),
    Row(Of(Kind::Header),          "required",             [Tighter,           Looser,   BREAKS],          Some("SRV-HEADER")),
    Row(Of(Kind::Content),         "*",                    [On(Additive, Breaking), BREAKS, BREAKS],       Some("SRV-MEDIA-TYPE")),
    Row(Of(Kind::MediaType),       "schema",               [Tighter,           Looser,   BREAKS],          Some("SRV-MEDIA-TYPE")),
    Row(Of(Kind::SecuritySchemes), "*",                    [ADDS,              BREAKS,   BREAKS],          Some("SRV-SECURITY-SCHEME")),
    Row(Of(Kind::SecurityScheme),  "bearerFormat",         [TEXT,              TEXT,     TEXT],            Some("SRV-SECURITY-SCHEME")),
    // Schemas.
    Row(Of(Kind::Schema),          "type",                 [Tighter,           Looser,   OfType],          Some("SRV-TYPE")),
    Row(Of(Kind::Schema),          "format",               [Tighter,           Looser,   BREAKS],          Some("SRV-FORMAT")),
    Row(Of(Kind::Schema),          "pattern",              [Tighter,           Looser,   BREAKS],          Some("SRV-PATTERN")),
    Row(Of(Kind::Schema),          "minLength",            [Tighter,           Looser,   LooserIfSmaller], Some("SRV-LENGTH")),
    Row(Of(Kind::Schema),          "maxLength",            [Tighter,           Looser,   LooserIfLarger],  Some("SRV-LENGTH")),
    Row(Of(Kind::Schema),          "minimum",              [Tighter,           Looser,   LooserIfSmaller], Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "maximum",              [Tighter,           Looser,   LooserIfLarger],  Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "minItems",             [Tighter,           Looser,   LooserIfSmaller], Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "maxItems",             [Tighter,           Looser,   LooserIfLarger],  Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "minProperties",        [Tighter,           Looser,   LooserIfSmaller], Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "maxProperties",        [Tighter,           Looser,   LooserIfLarger],  Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "exclusiveMinimum",     [Tighter,           Looser,   BREAKS],          Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "exclusiveMaximum",     [Tighter,           Looser,   BREAKS],          Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "multipleOf",           [Tighter,           Looser,   BREAKS],          Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "uniqueItems",          [Tighter,           Looser,   BREAKS],          Some("SRV-BOUNDS")),
    Row(Of(Kind::Schema),          "enum",                 [Tighter,           Looser,   BREAKS],          Some("SRV-ENUM")),
    Row(Of(Kind::Schema),          "enum[]",               [Looser,            Tighter,  BREAKS],          Some("SRV-ENUM")),
    Row(Of(Kind::Schema),          "required[]",           [Tighter,           Looser,   BREAKS],          Some("SRV-REQUIRED")),
    Row(Of(Kind::Schema),          "nullable",             [Looser,            Tighter,  BREAKS],          Some("SRV-NULLABLE")),
    Row(Of(Kind::Properties),      "*",                    [ADDS,              BREAKS,   BREAKS],          Some("SRV-PROPERTY")),
    Row(Of(Kind::Schema),          "items",                [Tighter,           Looser,   BREAKS],          Some("SRV-PROPERTY")),
    Row(Of(Kind::Schema),          "additionalProperties", [Tighter,           Looser,   OfMap],           Some("SRV-MAP")),
    Row(Of(Kind::Schema),          "allOf",                [Tighter,           Looser,   BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "allOf[]",              [Tighter,           Looser,   BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "anyOf",                [Tighter,           Looser,   BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "anyOf[]",              [Looser,            Tighter,  BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "oneOf",                [Tighter,           Looser,   BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "oneOf[]",              [Looser,            Tighter,  BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "not",                  [Tighter,           Looser,   BREAKS],          Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "readOnly",             [On(Breaking, Text), On(Additive, Text), BREAKS], Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "writeOnly",            [On(Text, Breaking), On(Text, Additive), BREAKS], Some("SRV-OTHER")),
    Row(Of(Kind::Schema),          "default",              [BREAKS,            BREAKS,   BREAKS],          Some("SRV-DEFAULT")),
    // All else.
    Row(Any,                       "*",                    [BREAKS,            BREAKS,   BREAKS],          Some("SRV-OTHER")),
];

/// How much a difference means to callers; left is the released contract.
pub(crate) fn level(difference: &Difference) -> Level {
    let Row(_, _, [added, removed, changed], _) = row(&difference.place);
    let (effect, value) = match (&difference.left, &difference.right) {
        (None, value) => (added, value),
        (value, None) => (removed, value),
        (_, value) => (changed, value),
    };
    let value = value.as_ref().unwrap_or(&Value::Null);
    effect.level(difference, value)
}

/// The finding of the server comparison; none where the server does not declare such a thing.
pub(crate) fn server_finding(difference: &Difference) -> Option<&'static str> {
    let own = row(&difference.place).3?;
    Some(difference.place.within.map_or(own, |whole| match whole {
        Whole::Header => "SRV-HEADER",
        Whole::Parameter => "SRV-PARAMETER",
        Whole::SecurityScheme => "SRV-SECURITY-SCHEME",
        Whole::Map => "SRV-MAP",
    }))
}

fn row(place: &Place) -> &'static Row {
    let Place {
        holder, keyword, ..
    } = place;
    let lists = [Kind::Parameters, Kind::Tags, Kind::Servers];
    let has_names = holder.has_names() || lists.contains(holder);
    let is_it = |Row(of, wanted, ..): &&Row| {
        let is_here = matches!(of, Of(kind) if kind == holder) || matches!(of, Any if !has_names);
        let beginning = wanted.strip_suffix('*');
        is_here && beginning.map_or(wanted == keyword, |begins| keyword.starts_with(begins))
    };
    let last = TABLE.last().expect("the table has rows");
    TABLE.iter().find(is_it).unwrap_or(last)
}

impl Effect {
    fn level(self, difference: &Difference, value: &Value) -> Level {
        let (left, right) = (difference.left.as_ref(), difference.right.as_ref());
        let Place {
            keyword, direction, ..
        } = &difference.place;
        let is = |side: Option<&Value>, value: Value| side == Some(&value);
        let bound = |is_looser: bool| if is_looser { Looser } else { Tighter };
        let effect = match self {
            TighterIfRequired if value["required"] == true => Tighter,
            TighterIfRequired => ADDS,
            LooserIfLarger => bound(number(right) > number(left)),
            LooserIfSmaller => bound(number(right) < number(left)),
            OfType if is(left, json!("integer")) && is(right, json!("number")) => Looser,
            OfType if is(left, json!("number")) && is(right, json!("integer")) => Tighter,
            OfMap if is(left, json!(false)) => Looser,
            OfMap if is(right, json!(false)) => Tighter,
            OfDate if text(right) >= text(left) => ADDS,
            OfStatus if !keyword.starts_with('2') => ADDS,
            OfOpenApi if text(left).get(..3) == text(right).get(..3) => TEXT,
            OfType | OfMap | OfDate | OfStatus | OfOpenApi => BREAKS,
            decided => decided,
        };
        match (effect, direction) {
            (Effect::Always(level), _) => level,
            (On(sent, _), Some(Direction::Sent)) => sent,
            (On(_, answered), Some(Direction::Answered)) => answered,
            (Looser, Some(Direction::Sent)) | (Tighter, Some(Direction::Answered)) => Additive,
            _ => Breaking,
        }
    }
}

fn number(side: Option<&Value>) -> Option<f64> {
    side.and_then(Value::as_f64)
}

fn text(side: Option<&Value>) -> &str {
    side.and_then(Value::as_str).unwrap_or_default()
}
