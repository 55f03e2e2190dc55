//! Reads the public interface from the crate's sources: the compiler lists it only with a nightly toolchain.
//!
//! It knows the kinds of items that this crate exports, and panics on any other kind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{
    Attribute, Field, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemConst, ItemEnum, ItemImpl,
    ItemStruct, Signature, UseTree, Visibility, parse_quote,
};

/// Lines, each of which a caller may rely on.
pub(crate) type Interface = BTreeSet<String>;

/// The folder of the crate, as cargo names it to the tests that it runs.
pub(crate) fn package() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR");
    PathBuf::from(folder.expect("cargo runs the tests"))
}

/// Every line of the crate's public interface.
pub(crate) fn interface() -> Interface {
    let mut lines = features();
    let root = package().join("src/lib.rs");
    module(&root, "", None, &mut lines);
    // A type's methods may stand in another file than the type.
    let exported: BTreeSet<String> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in module_names(&root) {
        implementations(&source(&name), &exported, &mut lines);
    }
    lines
}

/// The modules that the crate's root declares and does not publish.
fn module_names(root: &Path) -> Vec<Ident> {
    let text = fs::read_to_string(root).expect("the crate's root");
    let items = syn::parse_file(&text).expect("Rust").items;
    let private = items.into_iter().filter_map(|item| match item {
        Item::Mod(item) if !is_public(&item.vis) => Some(item.ident),
        _ => None,
    });
    private.filter(|name| name != "generated").collect()
}

/// Adds the methods that a private module gives to exported types.
fn implementations(file: &Path, exported: &BTreeSet<String>, lines: &mut Interface) {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let items = syn::parse_file(&text).expect("Rust").items;
    for item in items {
        match item {
            Item::Impl(item) if exported.contains(&item.self_ty.to_token_stream().to_string()) => {
                implementation("", item, lines);
            }
            _ => {}
        }
    }
}

/// The features, which callers name in their manifests.
fn features() -> Interface {
    let manifest = fs::read_to_string(package().join("Cargo.toml")).expect("a manifest");
    let section = manifest
        .split("[features]\n")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .expect("features");
    let names = section.lines().filter_map(|line| line.split_once(" = "));
    names
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, _)| format!("feature {name}"))
        .collect()
}

/// Adds the public items of a file under `path`: all of them, or with `names` those that another file exports.
fn module(file: &Path, path: &str, names: Option<&BTreeSet<String>>, lines: &mut Interface) {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let syntax =
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let is_exported =
        |name: &dyn ToString| names.is_none_or(|names| names.contains(&name.to_string()));
    for item in syntax.items {
        match item {
            Item::Mod(item) if is_public(&item.vis) => {
                let (attributes, name) = (relied_on(&item.attrs), &item.ident);
                lines.insert(format!(
                    "{path}{name}: {}",
                    code(parse_quote!(#(#attributes)* pub mod #name {}))
                ));
                module(&source(name), &format!("{path}{name}::"), None, lines);
            }
            Item::Use(item) if is_public(&item.vis) => export(&item.tree, path, lines),
            Item::Struct(item) if is_public(&item.vis) && is_exported(&item.ident) => {
                structure(path, &item, lines);
            }
            Item::Enum(item) if is_public(&item.vis) && is_exported(&item.ident) => {
                enumeration(path, item, lines);
            }
            Item::Const(ItemConst { vis, ident, ty, .. })
                if is_public(&vis) && is_exported(&ident) =>
            {
                lines.insert(format!(
                    "{path}{ident}: {}",
                    inner(parse_quote!(pub const #ident: #ty = ();), "", " = ()")
                ));
            }
            Item::Impl(item) if is_exported(&item.self_ty.to_token_stream()) => {
                implementation(path, item, lines);
            }
            // These kinds are not read, so none may be public.
            Item::Fn(item) => assert!(!is_public(&item.vis), "{}", item.sig.ident),
            Item::Trait(item) => assert!(!is_public(&item.vis), "{}", item.ident),
            Item::Type(item) => assert!(!is_public(&item.vis), "{}", item.ident),
            Item::Macro(item) => panic!(
                "{}: items written by a macro are not read",
                item.mac.path.to_token_stream()
            ),
            _ => {}
        }
    }
}

fn source(module: &Ident) -> PathBuf {
    package()
        .join("src")
        .join(module.to_string())
        .with_extension("rs")
}

/// `pub use module::{A, B}`, or a whole crate.
fn export(tree: &UseTree, path: &str, lines: &mut Interface) {
    match tree {
        UseTree::Path(tree) => {
            let names = tree.tree.to_token_stream().to_string();
            let names = names
                .split(|c: char| !c.is_alphanumeric())
                .map(str::to_owned)
                .collect();
            module(&source(&tree.ident), path, Some(&names), lines);
        }
        UseTree::Group(tree) => tree.items.iter().for_each(|tree| export(tree, path, lines)),
        tree => {
            let name = tree.to_token_stream();
            lines.insert(format!(
                "{path}{name}: {}",
                code(parse_quote!(pub use #tree;))
            ));
        }
    }
}

fn structure(path: &str, item: &ItemStruct, lines: &mut Interface) {
    let (attributes, name) = (relied_on(&item.attrs), &item.ident);
    lines.insert(format!(
        "{path}{name}: {}",
        code(parse_quote!(#(#attributes)* pub struct #name;))
    ));
    for Field { ident, ty, .. } in item.fields.iter().filter(|field| is_public(&field.vis)) {
        let ty = inner(parse_quote!(type Field = #ty;), "type Field = ", "");
        lines.insert(format!("{path}{name}.{}: {ty}", ident.to_token_stream()));
    }
}

fn enumeration(path: &str, mut item: ItemEnum, lines: &mut Interface) {
    let name = item.ident.clone();
    let is_open = item
        .attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("non_exhaustive"));
    item.attrs = relied_on(&item.attrs);
    for case in &mut item.variants {
        case.attrs = relied_on(&case.attrs);
        case.fields.iter_mut().for_each(|field| field.attrs.clear());
    }
    // A new variant breaks a match on all variants, unless the enum is non-exhaustive.
    if is_open {
        for case in std::mem::take(&mut item.variants) {
            let case = inner(parse_quote!(enum Case { #case }), "enum Case { ", ", }");
            lines.insert(format!("{path}{name}: {case}"));
        }
    }
    lines.insert(format!("{path}{name}: {}", code(Item::Enum(item))));
}

fn implementation(path: &str, item: ItemImpl, lines: &mut Interface) {
    let (owner, name) = (&item.self_ty, item.self_ty.to_token_stream());
    if let Some((_, of, _)) = item.trait_ {
        lines.insert(format!(
            "{path}{name}: {}",
            code(parse_quote!(impl #of for #owner {}))
        ));
        return;
    }
    for item in item.items {
        match item {
            ImplItem::Fn(ImplItemFn { vis, sig, .. }) if is_public(&vis) => {
                let signature = without_names(sig);
                lines.insert(format!(
                    "{path}{name}: {}",
                    code(parse_quote!(#vis #signature {}))
                ));
            }
            ImplItem::Const(item) => assert!(!is_public(&item.vis), "{}: not read", item.ident),
            _ => {}
        }
    }
}

/// A function as its callers see it: the names of its arguments do not matter to them.
fn without_names(mut signature: Signature) -> Signature {
    for argument in &mut signature.inputs {
        match argument {
            FnArg::Receiver(receiver) if receiver.reference.is_none() => receiver.mutability = None,
            FnArg::Receiver(_) => {}
            FnArg::Typed(argument) => argument.pat = parse_quote!(_),
        }
    }
    signature
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The attributes on which a caller relies: derived traits, `non_exhaustive`, the feature that is needed.
fn relied_on(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_relied_on = |attribute: &&Attribute| {
        ["derive", "non_exhaustive", "cfg"]
            .iter()
            .any(|name| attribute.path().is_ident(name))
    };
    attributes.iter().filter(is_relied_on).cloned().collect()
}

/// An item as one line of Rust.
fn code(item: Item) -> String {
    let code = prettyplease::unparse(&syn::File {
        shebang: None,
        attrs: Vec::new(),
        items: vec![item],
    });
    let code = code
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("( ", "(")
        .replace(", )", ")");
    code.trim_end_matches(" {}")
        .trim_end_matches(';')
        .to_owned()
}

/// The part of an item's one line between `start` and `end`.
fn inner(item: Item, start: &str, end: &str) -> String {
    let code = code(item);
    let inner = code
        .strip_prefix(start)
        .and_then(|rest| rest.strip_suffix(end));
    inner
        .unwrap_or_else(|| panic!("{code} is not {start}…{end}"))
        .to_owned()
}
