//! What each node of an `OpenAPI` 3.0 document is, by its place: a schema, a name that a person chose, text, data.
//!
//! Nothing that reads the contract guesses by the name of a key: `example` is a keyword in a schema and a field's name
//! among `properties`, and `type` may be either.

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document itself.
    Document,
    /// Title, version and texts of the API.
    Info,
    /// Paths by name.
    Paths,
    /// A path, with its operations.
    PathItem,
    /// An operation.
    Operation,
    /// A list of parameters; the order means nothing.
    Parameters,
    /// A parameter.
    Parameter,
    /// A request's body.
    RequestBody,
    /// Responses by status.
    Responses,
    /// A response.
    Response,
    /// Response headers by name.
    Headers,
    /// A response header.
    Header,
    /// Media types by name.
    Content,
    /// The body of one media type.
    MediaType,
    /// Examples by name.
    Examples,
    /// A named example.
    Example,
    /// A schema.
    Schema,
    /// Schemas by the name of a field.
    Properties,
    /// A list of schemas: allOf, anyOf, oneOf.
    Schemas,
    /// What several operations share.
    Components,
    /// Security schemes by name.
    SecuritySchemes,
    /// A security scheme.
    SecurityScheme,
    /// A list of security requirements, each an alternative.
    Security,
    /// A list of declared tags.
    Tags,
    /// A declared tag.
    Tag,
    /// A list of servers.
    Servers,
    /// A server.
    Server,
    /// Components of a kind by name; they are read where they are used.
    Shared(SharedKind),
    /// What people read.
    Text,
    /// A value that is no part of the document's structure: an example, a default.
    Data,
    /// A keyword's value; a list of values is a set.
    Value,
    /// What is not looked into; every difference in it counts.
    Opaque,
}

/// The kinds of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedKind {
    /// `components.schemas`.
    Schemas,
    /// `components.responses`.
    Responses,
    /// `components.parameters`.
    Parameters,
    /// `components.requestBodies`.
    RequestBodies,
    /// `components.headers`.
    Headers,
    /// `components.examples`.
    Examples,
}

/// Who sends what a node describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A client sends it: a parameter, a request's body.
    Sent,
    /// The service answers it.
    Answered,
}

impl Kind {
    /// Whether the keys below a node of this kind are names that people chose.
    pub fn has_names(self) -> bool {
        matches!(
            self,
            Self::Headers | Self::Content | Self::Examples | Self::Properties
        ) || matches!(self, Self::SecuritySchemes | Self::Shared(_))
    }

    /// What the node at `key` is; for a list, what its items are.
    #[must_use]
    pub fn child(self, key: &str) -> Self {
        match key {
            _ if matches!(self, Self::Text | Self::Data | Self::Value | Self::Opaque) => self,
            _ if key.starts_with("x-") && !self.has_names() => Self::Value,
            "description" | "summary" | "externalDocs" if !self.has_names() => Self::Text,
            _ => self.own_child(key),
        }
    }

    #[rustfmt::skip]
    #[expect(clippy::match_same_arms, reason = "a table, in the order of a document")]
    fn own_child(self, key: &str) -> Self {
        match (self, key) {
            (Self::Document, "info") => Self::Info,
            (Self::Document, "paths") => Self::Paths,
            (Self::Document, "components") => Self::Components,
            (Self::Document, "tags") => Self::Tags,
            (Self::Document | Self::Operation, "security") => Self::Security,
            (Self::Document | Self::PathItem | Self::Operation, "servers") => Self::Servers,
            (Self::Paths, _) => Self::PathItem,
            (Self::PathItem | Self::Operation, "parameters") => Self::Parameters,
            (Self::PathItem, _) => Self::Operation,
            (Self::Operation, "requestBody") => Self::RequestBody,
            (Self::Operation, "responses") => Self::Responses,
            (Self::Operation, "callbacks") | (Self::Response, "links") => Self::Opaque,
            (Self::Parameters, _) => Self::Parameter,
            (Self::Responses, _) => Self::Response,
            (Self::Response, "headers") => Self::Headers,
            (Self::Headers, _) => Self::Header,
            (Self::Response | Self::RequestBody | Self::Parameter | Self::Header, "content") => Self::Content,
            (Self::Content, _) => Self::MediaType,
            (Self::MediaType | Self::Parameter | Self::Header, "schema") => Self::Schema,
            (Self::MediaType | Self::Parameter | Self::Header, "examples") => Self::Examples,
            (Self::MediaType | Self::Parameter | Self::Header | Self::Schema, "example") => Self::Data,
            (Self::MediaType, "encoding") => Self::Opaque,
            (Self::Examples, _) => Self::Example,
            (Self::Example, _) | (Self::Schema, "default") => Self::Data,
            (Self::Schema, "title" | "xml") => Self::Text,
            (Self::Schema, "properties") => Self::Properties,
            (Self::Schema, "allOf" | "anyOf" | "oneOf") => Self::Schemas,
            (Self::Schema, "items" | "additionalProperties" | "not") | (Self::Properties | Self::Schemas, _) => Self::Schema,
            (Self::Schema, "discriminator") => Self::Opaque,
            (Self::Components, "securitySchemes") => Self::SecuritySchemes,
            (Self::Components, "schemas") => Self::Shared(SharedKind::Schemas),
            (Self::Components, "responses") => Self::Shared(SharedKind::Responses),
            (Self::Components, "parameters") => Self::Shared(SharedKind::Parameters),
            (Self::Components, "requestBodies") => Self::Shared(SharedKind::RequestBodies),
            (Self::Components, "headers") => Self::Shared(SharedKind::Headers),
            (Self::Components, "examples") => Self::Shared(SharedKind::Examples),
            (Self::Components, _) => Self::Opaque,
            (Self::SecuritySchemes, _) => Self::SecurityScheme,
            (Self::SecurityScheme, "flows") | (Self::Server, "variables") => Self::Opaque,
            (Self::Shared(shared), _) => shared.item(),
            (Self::Tags, _) => Self::Tag,
            (Self::Servers, _) => Self::Server,
            (Self::Info, _) => Self::Text,
            (Self::Security, _) => Self::Opaque,
            _ => Self::Value,
        }
    }

    /// Who sends what is below a node of this kind.
    #[must_use]
    pub fn direction(self, around: Option<Direction>) -> Option<Direction> {
        match self {
            Self::Parameters | Self::RequestBody => Some(Direction::Sent),
            Self::Responses => Some(Direction::Answered),
            _ => around,
        }
    }
}

impl SharedKind {
    fn item(self) -> Kind {
        match self {
            Self::Schemas => Kind::Schema,
            Self::Responses => Kind::Response,
            Self::Parameters => Kind::Parameter,
            Self::RequestBodies => Kind::RequestBody,
            Self::Headers => Kind::Header,
            Self::Examples => Kind::Example,
        }
    }
}
