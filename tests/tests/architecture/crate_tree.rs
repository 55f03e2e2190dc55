//! A crate as a tree of modules, read from its root file along the `mod` declarations.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;

use crate::collect::Collected;

/// File paths, relative to the workspace, with their texts.
pub(crate) type Files = BTreeMap<String, String>;
/// The names of the modules from the crate's root to this one; empty for the root itself.
pub(crate) type ModulePath = Vec<String>;

/// One module, in a file of its own or inline.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file that contains it.
    pub(crate) file: String,
    pub(crate) children: BTreeSet<String>,
    /// The names of what it defines.
    pub(crate) items: BTreeSet<String>,
    pub(crate) code: Collected,
}

impl Place {
    /// The place of a child module in a file of its own.
    fn file_of(&self, declared: &syn::ItemMod, files: &Files) -> Option<Self> {
        let name = declared.ident.to_string();
        let path = [self.path.clone(), vec![name.clone()]].concat();
        if let Some(written) = declared.attrs.iter().find_map(path_attribute) {
            let (folder, _) = self.file.rsplit_once('/').unwrap_or_default();
            let file = join(folder, &written);
            let (directory, _) = file.rsplit_once('/').unwrap_or_default();
            let directory = directory.to_owned();
            return files.contains_key(&file).then_some(Self {
                file,
                directory,
                path,
            });
        }
        let directory = join(&self.directory, &name);
        let candidates = [format!("{directory}.rs"), format!("{directory}/mod.rs")];
        let file = candidates
            .into_iter()
            .find(|file| files.contains_key(file))?;
        Some(Self {
            file,
            directory,
            path,
        })
    }
}

/// One library, program, test, example or bench.
#[derive(Debug, Default)]
pub(crate) struct CrateTree {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
}

/// Where a module's code stands, and where the files of its child modules are looked for.
struct Place {
    file: String,
    directory: String,
    path: ModulePath,
}

impl CrateTree {
    /// Reads the crate whose root is this file.
    ///
    /// # Panics
    /// If a file does not parse, or a declared module has no file; the message names file and line.
    pub(crate) fn read(root: &str, files: &Files) -> Self {
        let (directory, _) = root.rsplit_once('/').unwrap_or_default();
        let mut tree = Self::default();
        let place = Place {
            file: root.to_owned(),
            directory: directory.to_owned(),
            path: Vec::new(),
        };
        tree.add_file(&place, files);
        tree
    }

    fn add_file(&mut self, place: &Place, files: &Files) {
        let text = &files[&place.file];
        let parsed = syn::parse_file(text).unwrap_or_else(|error| {
            let line = error.span().start().line;
            panic!("{}:{line}: {error}", place.file)
        });
        self.add(place, &parsed.items, files);
    }

    fn add(&mut self, place: &Place, items: &[syn::Item], files: &Files) {
        let mut module = Module {
            file: place.file.clone(),
            ..Module::default()
        };
        for item in items {
            if let syn::Item::Mod(declared) = item {
                module.children.insert(declared.ident.to_string());
                self.add_child(place, declared, files);
            } else {
                module.items.extend(item_name(item));
                module.code.visit_item(item);
            }
        }
        self.modules.insert(place.path.clone(), module);
    }

    fn add_child(&mut self, parent: &Place, declared: &syn::ItemMod, files: &Files) {
        let name = declared.ident.to_string();
        let directory = join(&parent.directory, &name);
        let path = [parent.path.clone(), vec![name.clone()]].concat();
        if let Some((_, items)) = &declared.content {
            let file = parent.file.clone();
            let place = Place {
                file,
                directory,
                path,
            };
            return self.add(&place, items, files);
        }
        let place = parent.file_of(declared, files).unwrap_or_else(|| {
            let line = declared.ident.span().start().line;
            panic!("{}:{line}: no file contains mod {name}", parent.file)
        });
        self.add_file(&place, files);
    }

    /// The files that the crate consists of.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        let modules = self.modules.values();
        modules.map(|module| module.file.as_str()).collect()
    }
}

/// A path below a folder; `..` leads to the folder's parent.
fn join(folder: &str, path: &str) -> String {
    let mut joined: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(joined.pop()),
            part => joined.push(part),
        }
    }
    joined.join("/")
}

/// The value of `#[path = "…"]`.
fn path_attribute(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value:
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(value),
                    ..
                }),
            ..
        }) if path.is_ident("path") => Some(value.value()),
        _ => None,
    }
}

fn item_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::TraitAlias(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
