//! One check of `doctor` and its result.

use std::borrow::Cow;

use serde::Serialize;

/// Something that must be so for portals to open, and whether it is.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: Cow<'static, str>,
    pub(super) ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    pub(super) fn passed(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: true,
            detail: detail.into(),
            fix: None,
        }
    }

    pub(super) fn failed(
        name: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            ok: false,
            ..Self::passed(name, detail).with_fix(fix)
        }
    }

    /// The check was skipped, because another one failed.
    pub(super) fn skipped(name: impl Into<Cow<'static, str>>, other: &str) -> Self {
        let detail = format!("skipped: {other} failed");
        Self::failed(name, detail, format!("fix {other} first"))
    }

    /// What a person might still want to do.
    pub(super) fn with_fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    pub(super) fn line(&self) -> String {
        let verdict = if self.ok { "ok" } else { "FAIL" };
        let line = format!("{verdict:<4}  {:<21}  {}", self.name, self.detail);
        match &self.fix {
            Some(fix) => format!("{line}\n      fix: {fix}"),
            None => line,
        }
    }
}
