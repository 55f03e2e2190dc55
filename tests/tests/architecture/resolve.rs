//! What a path means: the module that defines the item, however many re-exports are on the way.

use crate::crate_tree::{CrateTree, Module, ModulePath};

/// A chain of imports longer than this is a loop.
const MAX_DEPTH: usize = 32;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A module itself.
    Module(ModulePath),
    /// An item that this module defines.
    ItemOf(ModulePath),
    /// Something of another crate.
    External {
        /// Its path from that crate.
        path: Vec<String>,
        /// The module of this crate whose `use` names that crate; `None` if the path itself does.
        imported_by: Option<ModulePath>,
    },
}

impl CrateTree {
    /// What a path means inside a module; `None` for a local variable, a generic parameter or the prelude.
    pub(crate) fn resolve(&self, module: &ModulePath, path: &[String]) -> Option<Target> {
        self.follow(module, path, 0)
    }

    fn follow(&self, module: &ModulePath, path: &[String], depth: usize) -> Option<Target> {
        let (head, mut rest) = path.split_first()?;
        if head == "self" && rest.first().is_some_and(|next| next == "super") {
            return self.follow(module, rest, depth);
        }
        let mut target = match head.as_str() {
            "crate" => Target::Module(Vec::new()),
            "self" => Target::Module(module.clone()),
            "super" => {
                let supers = path
                    .iter()
                    .take_while(|segment| *segment == "super")
                    .count();
                rest = &path[supers..];
                Target::Module(module[..module.len().checked_sub(supers)?].to_vec())
            }
            name => match self.find(module, name, !rest.is_empty(), depth) {
                Some(target) => target,
                None if rest.is_empty() => return None,
                None => external(&[name.to_owned()]),
            },
        };
        for (index, name) in rest.iter().enumerate() {
            target = self.step(target, name, index + 1 < rest.len(), depth);
        }
        Some(target)
    }

    /// One segment further.
    fn step(&self, target: Target, name: &str, is_followed: bool, depth: usize) -> Target {
        match target {
            // What is not found may have been written by a macro.
            Target::Module(of) => self
                .find(&of, name, is_followed, depth)
                .unwrap_or(Target::ItemOf(of)),
            Target::ItemOf(of) => Target::ItemOf(of),
            Target::External {
                mut path,
                imported_by,
            } => {
                path.push(name.to_owned());
                Target::External { path, imported_by }
            }
        }
    }

    /// What a name means in a module. A function may have the name of a child module; `is_followed` by `::` decides.
    fn find(
        &self,
        path: &ModulePath,
        name: &str,
        is_followed: bool,
        depth: usize,
    ) -> Option<Target> {
        let module = self.modules.get(path).filter(|_| depth < MAX_DEPTH)?;
        let is_item = module.items.contains(name);
        if module.children.contains(name) && (is_followed || !is_item) {
            let child = [path.clone(), vec![name.to_owned()]].concat();
            return Some(Target::Module(child));
        }
        if is_item {
            return Some(Target::ItemOf(path.clone()));
        }
        let target = match module.code.import(name) {
            // `use url::{self}` and `use semver::semver`: the head cannot be this import itself.
            Some(import) if import.path.first().is_some_and(|head| head == name) => {
                external(&import.path)
            }
            Some(import) => self.follow(path, &import.path, depth + 1)?,
            None => self.find_in_globs(module, path, name, is_followed, depth)?,
        };
        Some(match target {
            Target::External {
                path: external,
                imported_by,
            } => Target::External {
                path: external,
                imported_by: imported_by.or_else(|| Some(path.clone())),
            },
            target => target,
        })
    }

    fn find_in_globs(
        &self,
        module: &Module,
        path: &ModulePath,
        name: &str,
        is_followed: bool,
        depth: usize,
    ) -> Option<Target> {
        let mut globs = module.code.imports.iter().filter(|import| import.is_glob());
        globs.find_map(|glob| match self.follow(path, &glob.path, depth + 1)? {
            Target::Module(of) if of != *path => self.find(&of, name, is_followed, depth + 1),
            _ => None,
        })
    }
}

fn external(path: &[String]) -> Target {
    Target::External {
        path: path.to_vec(),
        imported_by: None,
    }
}
