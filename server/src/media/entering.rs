//! Files that have come whole are entered together. A transaction waits for
//! the disk once, however many files are in it, and asks about sixty rows
//! almost as quickly as about one: so whoever has a file joins those that wait,
//! and whoever gets the turn enters everything that waits by then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use doorstep_core::ids::UserId;
use tokio::sync::{Mutex as Turn, oneshot};
use uuid::Uuid;

use super::keep::{self, Kept};
use crate::app::Components;
use crate::error::Result;

/// Files of one transaction.
const TOGETHER_MAX: usize = 64;
/// So many files in [`RUSH`] are a rush.
const RUSH_FILES: usize = 25;
const RUSH: Duration = Duration::from_millis(500);

/// A file that is in the store, and who sent it.
#[derive(Clone)]
pub(super) struct Arrived {
    pub(super) file: Kept,
    pub(super) author: UserId,
    /// What counts for their day and was not counted.
    pub(super) received_bytes: u64,
}

struct Waiting {
    arrived: Arrived,
    answer: oneshot::Sender<Result<Vec<Uuid>>>,
}

/// Files that wait to be entered.
#[derive(Clone, Default)]
pub struct Entering {
    waiting: Arc<Mutex<Vec<Waiting>>>,
    turn: Arc<Turn<()>>,
    /// When the last ones were entered.
    lately: Arc<Mutex<Vec<Instant>>>,
}

impl Entering {
    /// Enters a file. Answers which uploads had pieces that are of no use any
    /// more.
    pub(super) async fn enter(&self, components: &Components, arrived: Arrived) -> Result<Vec<Uuid>> {
        loop {
            let (sender, mut receiver) = oneshot::channel();
            open(&self.waiting).push(Waiting { arrived: arrived.clone(), answer: sender });
            let answer = tokio::select! {
                biased;
                answer = &mut receiver => answer,
                _turn = self.turn.lock() => {
                    // Those that came first, until this one is among them.
                    while receiver.is_empty() {
                        let together = self.next();
                        if together.is_empty() {
                            break;
                        }
                        enter_all(components, together).await;
                    }
                    receiver.await
                }
            };
            // Whoever had the turn may be gone before it was done: once more.
            if let Ok(answer) = answer {
                open(&self.lately).push(Instant::now());
                return answer;
            }
        }
    }

    /// What is entered next.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = open(&self.waiting);
        let count = waiting.len().min(TOGETHER_MAX);
        waiting.drain(..count).collect()
    }

    /// Whether many files are arriving just now.
    pub(super) fn is_rush(&self) -> bool {
        let mut lately = open(&self.lately);
        lately.retain(|at| at.elapsed() < RUSH);
        lately.len() >= RUSH_FILES
    }
}

/// What is behind it is whole whatever happened to whoever held it.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn enter_all(components: &Components, together: Vec<Waiting>) {
    let now = components.clock.now();
    let arrived: Vec<Arrived> = together.iter().map(|waiting| waiting.arrived.clone()).collect();
    let entered =
        components.database.write(async |transaction| keep::enter(transaction, &arrived, now).await).await;
    // Whoever does not wait any more needs no answer.
    match entered {
        Ok(ended) => {
            for (waiting, ended) in together.into_iter().zip(ended) {
                let _ = waiting.answer.send(Ok(ended));
            }
        }
        Err(error) => {
            // One of them may be to blame: each on its own.
            tracing::warn!(%error, files = together.len(), "files could not be entered together");
            for waiting in together {
                let one = std::slice::from_ref(&waiting.arrived);
                let entered =
                    components.database.write(async |transaction| keep::enter(transaction, one, now).await);
                let _ = waiting.answer.send(entered.await.map(|ended| ended.into_iter().flatten().collect()));
            }
        }
    }
}
