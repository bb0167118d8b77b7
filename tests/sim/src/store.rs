//! A phone's disk that can be full, and that the phone can leave at any write.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use doorstep_core::store::{Batch, Durability, Entry, LocalStore, MemoryStore, StoreError, Table};

/// On which side of a write the phone goes off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    Before,
    After,
}

/// A disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimStore(Rc<Disk>);

#[derive(Debug, Default)]
struct Disk {
    /// What the page reads.
    now: MemoryStore,
    /// What a power cut leaves.
    flushed: RefCell<MemoryStore>,
    /// Writes since then, which the system still holds in memory.
    unflushed: RefCell<Vec<Batch>>,
    /// How many more writes there are before the phone goes off.
    fuse: Cell<Option<(usize, Side)>>,
    /// The phone is off: nothing is read or written.
    off: Cell<bool>,
}

impl SimStore {
    /// A copy of what is on it, on a disk of its own.
    pub fn copied(&self) -> Self {
        let copy = Self::default();
        copy.0.now.put_back(&self.0.now);
        copy.0.flushed.borrow().put_back(&self.0.now);
        copy
    }

    /// Whether it is full from now on.
    pub fn set_full(&self, full: bool) {
        self.0.now.full.set(full);
    }

    /// Whether it is full.
    pub fn is_full(&self) -> bool {
        self.0.now.full.get()
    }

    /// The phone goes off at one of the next writes.
    pub fn go_off_at(&self, writes: usize, side: Side) {
        self.0.fuse.set(Some((writes, side)));
    }

    /// Whether the phone went off.
    pub fn is_off(&self) -> bool {
        self.0.off.get()
    }

    /// The phone starts again: after the page was killed, with everything that
    /// was written; after a power cut, with what was on the disk.
    pub fn start_again(&self, power_was_cut: bool) {
        self.0.off.set(false);
        self.0.fuse.set(None);
        if power_was_cut {
            self.0.now.put_back(&self.0.flushed.borrow());
            self.0.unflushed.take();
        }
    }

    fn awake(&self) -> Result<&MemoryStore, StoreError> {
        if self.0.off.get() { Err(went_off()) } else { Ok(&self.0.now) }
    }

    /// Whether the phone goes off at this write, and on which side.
    fn burn(&self) -> Option<Side> {
        let (left, side) = self.0.fuse.get()?;
        self.0.fuse.set((left > 0).then(|| (left - 1, side)));
        (left == 0).then_some(side)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let flushed = self.0.flushed.take();
        for batch in self.0.unflushed.take() {
            flushed.commit(batch, Durability::Strict).await?;
        }
        self.0.flushed.replace(flushed);
        Ok(())
    }
}

fn went_off() -> StoreError {
    StoreError::Lost("the phone went off".to_owned())
}

impl LocalStore for SimStore {
    async fn get(&self, table: Table, key: &str) -> Result<Option<Entry>, StoreError> {
        self.awake()?.get(table, key).await
    }

    async fn scan(&self, table: Table, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.awake()?.scan(table, prefix).await
    }

    async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        self.awake()?.keys(table, prefix).await
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let now = self.awake()?;
        if self.is_full() {
            return Err(StoreError::Full);
        }
        let side = self.burn();
        if side == Some(Side::Before) {
            self.0.off.set(true);
            return Err(went_off());
        }
        now.commit(batch.clone(), durability).await?;
        self.0.unflushed.borrow_mut().push(batch);
        if durability == Durability::Strict {
            self.flush().await?;
        }
        if side == Some(Side::After) {
            self.0.off.set(true);
            return Err(went_off());
        }
        Ok(())
    }
}
