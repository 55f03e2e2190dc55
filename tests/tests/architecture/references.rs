//! Every use of a name that another file or another crate defines.

use crate::crate_tree::{CrateTree, Module};
use crate::resolve::Target;

/// One use of a name that is defined elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The path as it is written.
    pub(crate) written: String,
    pub(crate) defined: Defined,
    /// Whether the file needs the target for its own code. A re-export, or the import of a module alone, does not.
    pub(crate) is_dependency: bool,
}

/// Where the target of a reference is.
#[derive(Clone, Debug)]
pub(crate) enum Defined {
    /// In this file of the same crate.
    InFile(String),
    /// In another crate.
    InCrate {
        /// The path from that crate.
        path: Vec<String>,
        /// The file of this crate whose `use` names that crate.
        imported_by: String,
    },
}

impl CrateTree {
    /// All references of all modules.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        for (path, module) in &self.modules {
            for import in &module.code.imports {
                let target = self
                    .resolve(path, &import.path)
                    .unwrap_or(Target::External {
                        path: import.path.clone(),
                        imported_by: None,
                    });
                let is_module = matches!(target, Target::Module(_)) && !import.is_glob();
                let is_dependency = !import.is_reexport && !is_module;
                references.extend(self.reference(
                    module,
                    &import.path,
                    import.line,
                    target,
                    is_dependency,
                ));
            }
            for mention in &module.code.mentions {
                // Alone, a module can only be named as a visibility: `pub(crate)`, `pub(in super::store)`.
                let target = self.resolve(path, &mention.path);
                let target = target.filter(|target| !matches!(target, Target::Module(_)));
                references.extend(target.and_then(|target| {
                    self.reference(module, &mention.path, mention.line, target, true)
                }));
            }
        }
        references
    }

    /// `None` if the target is in the same file.
    fn reference(
        &self,
        module: &Module,
        path: &[String],
        line: usize,
        target: Target,
        is_dependency: bool,
    ) -> Option<Reference> {
        let defined = match target {
            Target::Module(of) | Target::ItemOf(of) => {
                Defined::InFile(self.modules[&of].file.clone())
            }
            Target::External { path, imported_by } => Defined::InCrate {
                path,
                imported_by: imported_by
                    .map_or_else(|| module.file.clone(), |by| self.modules[&by].file.clone()),
            },
        };
        let is_here = matches!(&defined, Defined::InFile(file) if *file == module.file);
        (!is_here).then(|| Reference {
            file: module.file.clone(),
            line,
            written: path.join("::"),
            defined,
            is_dependency,
        })
    }
}
