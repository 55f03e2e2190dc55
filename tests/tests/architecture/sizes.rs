//! How long files and functions are.

use std::fmt;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::crate_tree::Files;

/// Lengths in lines, with the limits that they are held to.
#[derive(Debug)]
pub(crate) struct Lengths {
    /// `file` or `function`.
    what: &'static str,
    max: usize,
    max_median: usize,
    /// Where each is, and its length.
    measured: Vec<(String, usize)>,
}

impl Lengths {
    /// The lengths of files. One of more than 300 lines is about two subjects.
    pub(crate) fn of_files(files: &Files) -> Self {
        let measured = files.iter().filter(|(_, text)| !is_generated(text));
        Self {
            what: "file",
            max: 300,
            max_median: 120,
            measured: measured
                .map(|(file, text)| (file.clone(), text.lines().count()))
                .collect(),
        }
    }

    /// The lengths of functions, from the signature to the closing brace. One of more than 40 lines does not fit on a
    /// screen. Tests inside a file do not count.
    pub(crate) fn of_functions(files: &Files) -> Self {
        let mut measured = Vec::new();
        for (file, text) in files.iter().filter(|(_, text)| !is_generated(text)) {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let found = &mut measured;
            Functions { file, found }.visit_file(&parsed);
        }
        Self {
            what: "function",
            max: 40,
            max_median: 10,
            measured,
        }
    }

    /// One line for each that is too long, and one if the median is.
    pub(crate) fn problems(&self) -> Vec<String> {
        let Self {
            what,
            max,
            max_median,
            ..
        } = self;
        let too_long = self.measured.iter().filter(|(_, lines)| lines > max);
        let mut problems: Vec<_> = too_long
            .map(|(place, lines)| format!("{place} has {lines} lines; a {what} has at most {max}"))
            .collect();
        let median = self.median();
        if median > *max_median {
            problems.push(format!(
                "the median {what} has {median} lines; at most {max_median} are allowed"
            ));
        }
        problems
    }

    fn median(&self) -> usize {
        let mut lengths: Vec<_> = self.measured.iter().map(|(_, lines)| *lines).collect();
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied().unwrap_or_default()
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.measured.iter().map(|(_, lines)| *lines).max();
        write!(
            formatter,
            "{} {}s, median {} lines, longest {}",
            self.measured.len(),
            self.what,
            self.median(),
            longest.unwrap_or_default(),
        )
    }
}

/// Whether a program wrote the file.
pub(crate) fn is_generated(text: &str) -> bool {
    text.starts_with("// @generated")
}

struct Functions<'a> {
    file: &'a str,
    found: &'a mut Vec<(String, usize)>,
}

impl Functions<'_> {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let last = block.brace_token.span.close().end().line;
        let place = format!("{}:{first} {}", self.file, signature.ident);
        self.found.push((place, last + 1 - first));
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| {
            let argument = attribute.parse_args::<syn::Path>();
            attribute.path().is_ident("cfg") && argument.is_ok_and(|path| path.is_ident("test"))
        });
        if !is_test {
            visit::visit_item_mod(self, item);
        }
    }
}
