//! What one module defines, imports and mentions, collected from its syntax tree.

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// One name that a `use` brings into a module. Grouped imports are flattened: one import for each leaf.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The name in this module; `*` if everything is imported.
    pub(crate) name: String,
    /// The whole path, as it is written.
    pub(crate) path: Vec<String>,
    /// Whether other modules can import the name from here (`pub use`).
    pub(crate) is_reexport: bool,
    pub(crate) line: usize,
}

impl Import {
    pub(crate) fn is_glob(&self) -> bool {
        self.name == "*"
    }
}

/// A path in code, in a type, in an attribute or in the tokens of a macro call.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// All imports and mentions of one module.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) imports: Vec<Import>,
    pub(crate) mentions: Vec<Mention>,
}

impl Collected {
    /// The import that brings this name into the module.
    pub(crate) fn import(&self, name: &str) -> Option<&Import> {
        self.imports.iter().find(|import| import.name == name)
    }

    fn mention(&mut self, segments: &[&Ident]) {
        if let Some(first) = segments.first() {
            self.mentions.push(Mention {
                path: segments.iter().map(|segment| name(segment)).collect(),
                line: first.span().start().line,
            });
        }
    }

    fn flatten(&mut self, tree: &syn::UseTree, path: &[String], is_reexport: bool) {
        let mut leaf = |ident: &Ident, binding: String, path: Vec<String>| {
            self.imports.push(Import {
                name: binding,
                path,
                is_reexport,
                line: ident.span().start().line,
            });
        };
        match tree {
            syn::UseTree::Path(inner) => {
                let path = [path, &[name(&inner.ident)]].concat();
                self.flatten(&inner.tree, &path, is_reexport);
            }
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.flatten(item, path, is_reexport);
                }
            }
            syn::UseTree::Name(leaf_name) => {
                let path = with_leaf(path, &leaf_name.ident);
                let binding = path.last().cloned().unwrap_or_default();
                leaf(&leaf_name.ident, binding, path);
            }
            syn::UseTree::Rename(renamed) => {
                let path = with_leaf(path, &renamed.ident);
                leaf(&renamed.ident, name(&renamed.rename), path);
            }
            syn::UseTree::Glob(glob) => self.imports.push(Import {
                name: "*".to_owned(),
                path: path.to_vec(),
                is_reexport,
                line: glob.star_token.spans[0].start().line,
            }),
        }
    }

    /// Paths in tokens that are not parsed: the arguments of macros and attributes.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut index = 0;
        while index < tokens.len() {
            match &tokens[index] {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Literal(literal) => self.scan_literal(literal),
                // A name behind a dot is a field or a method.
                TokenTree::Ident(_) if index > 0 && is_punct(&tokens[index - 1], '.') => {}
                TokenTree::Ident(first) => {
                    let mut segments = vec![first];
                    while let Some(next) = next_segment(&tokens[index + 1..]) {
                        segments.push(next);
                        index += 3;
                    }
                    self.mention(&segments);
                }
                TokenTree::Punct(_) => {}
            }
            index += 1;
        }
    }

    /// Attributes name functions in strings: `#[serde(default = "crate::config::port")]`.
    fn scan_literal(&mut self, literal: &proc_macro2::Literal) {
        let text = literal.to_string();
        let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"')) else {
            return;
        };
        if path.segments.len() > 1 {
            let segments = path.segments.iter();
            self.mentions.push(Mention {
                path: segments.map(|segment| name(&segment.ident)).collect(),
                line: literal.span().start().line,
            });
        }
    }
}

impl<'ast> Visit<'ast> for Collected {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
        self.flatten(&item.tree, &[], is_reexport);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| &segment.ident).collect();
        self.mention(&segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.scan(call.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.visit_path(&list.path);
        self.scan(list.tokens.clone());
    }
}

/// A name without the `r#` of a raw identifier.
fn name(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// `use a::{self}` names `a` itself.
fn with_leaf(path: &[String], leaf: &Ident) -> Vec<String> {
    match leaf {
        leaf if leaf == "self" && !path.is_empty() => path.to_vec(),
        leaf => [path, &[name(leaf)]].concat(),
    }
}

fn is_punct(token: &TokenTree, expected: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == expected)
}

/// The identifier behind `::`, if the tokens begin so.
fn next_segment(tokens: &[TokenTree]) -> Option<&Ident> {
    match tokens {
        [TokenTree::Punct(first), second, TokenTree::Ident(ident), ..]
            if first.as_char() == ':'
                && first.spacing() == Spacing::Joint
                && is_punct(second, ':') =>
        {
            Some(ident)
        }
        _ => None,
    }
}
