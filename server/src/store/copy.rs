//! Copies everything from one database into another, on the same engine or the other, and compares both row by row.
//!
//! While it runs, the target has a mark among its migrations, because of which nothing else opens it. Rows are copied in
//! the order of their keys, so a copy that was interrupted goes on after the last row of the target.

use super::{
    database::Store,
    error::StoreError,
    opening::COPY_MARK,
    statement::execute,
    tables::{TABLES, Table},
    value::{self, Value},
};

/// Rows that are read and compared at once.
const PAGE_ROWS: usize = 1_000;
/// Rows of one statement. With ten columns this is far below what the engines allow.
const INSERT_ROWS: usize = 250;

/// What a copy is doing, for who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyStep {
    /// These many rows were copied.
    Copied(usize),
    /// These many rows were compared.
    Compared(usize),
}

impl Store {
    /// Copies everything into `target`, which must be empty or the target of a copy that was interrupted. Returns the
    /// number of rows. `Conflict` if the target has data of its own, or if the two differ afterwards.
    pub(crate) async fn copy_to(
        &self,
        target: &Self,
        mut report: impl FnMut(CopyStep),
    ) -> Result<u64, StoreError> {
        if !target.has_copy_mark().await? {
            target.require_empty().await?;
            target.set_copy_mark().await?;
        }
        for table in &TABLES {
            self.copy_table(target, table, &mut report).await?;
        }
        let mut rows = 0;
        for table in &TABLES {
            rows += self.compare_table(target, table, &mut report).await?;
        }
        target.remove_copy_mark().await?;
        Ok(rows)
    }

    async fn copy_table(
        &self,
        target: &Self,
        table: &Table,
        report: &mut impl FnMut(CopyStep),
    ) -> Result<(), StoreError> {
        let mut last = target.last_key(table).await?;
        loop {
            let rows = self.page(table, last.as_deref()).await?;
            let Some(newest) = rows.last() else {
                return Ok(());
            };
            last = Some(newest[..table.key_columns].to_vec());
            let mut write = target.begin().await?;
            for rows in rows.chunks(INSERT_ROWS) {
                let values = rows.concat();
                let insert = table.insert(rows.len());
                value::execute(&mut write.connection, insert, &values).await?;
            }
            write.commit().await?;
            report(CopyStep::Copied(rows.len()));
        }
    }

    /// Compares the rows of both. Returns their number.
    async fn compare_table(
        &self,
        target: &Self,
        table: &Table,
        report: &mut impl FnMut(CopyStep),
    ) -> Result<u64, StoreError> {
        let (mut last, mut count) = (None::<Vec<Value>>, 0);
        loop {
            let ours = self.page(table, last.as_deref()).await?;
            let theirs = target.page(table, last.as_deref()).await?;
            if ours != theirs {
                return Err(StoreError::Conflict(format!(
                    "table {} differs in both databases after the copy; stop everything that writes to the one that is \
                     copied, empty the other one and copy again",
                    table.name
                )));
            }
            let Some(newest) = ours.last() else {
                return Ok(count);
            };
            last = Some(newest[..table.key_columns].to_vec());
            count += ours.len() as u64;
            report(CopyStep::Compared(ours.len()));
        }
    }

    /// The rows after the one with this key, or the first ones.
    async fn page(
        &self,
        table: &Table,
        after: Option<&[Value]>,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let mut connection = self.read().await?;
        let (key, kinds) = (after.unwrap_or_default(), table.kinds(table.columns.len()));
        let select = table.select(after.is_none(), PAGE_ROWS);
        Ok(value::fetch(&mut connection, select, key, &kinds).await?)
    }

    async fn last_key(&self, table: &Table) -> Result<Option<Vec<Value>>, StoreError> {
        let mut connection = self.read().await?;
        let kinds = table.kinds(table.key_columns);
        let select = table.select_last_key();
        let keys = value::fetch(&mut connection, select, &[], &kinds).await?;
        Ok(keys.into_iter().next())
    }

    async fn require_empty(&self) -> Result<(), StoreError> {
        for table in &TABLES {
            if self.last_key(table).await?.is_some() {
                return Err(StoreError::Conflict(format!(
                    "the target is not empty: table {} has rows; nothing was changed",
                    table.name
                )));
            }
        }
        Ok(())
    }

    async fn has_copy_mark(&self) -> Result<bool, StoreError> {
        let applied = self.engine.applied_migrations().await?;
        Ok(applied.iter().any(|(version, _)| *version == COPY_MARK))
    }

    async fn set_copy_mark(&self) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        execute!(
            &mut write.connection,
            self.engine.insert_migration(),
            COPY_MARK
        )?;
        write.commit().await
    }

    async fn remove_copy_mark(&self) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        execute!(
            &mut write.connection,
            "DELETE FROM _sqlx_migrations WHERE version = $1",
            COPY_MARK
        )?;
        write.commit().await
    }
}
