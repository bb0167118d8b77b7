//! Photos, signatures, recordings and other files: received, looked at, kept
//! by content, shown.
//!
//! A file is taken only from the author of a submission that announced it,
//! and only if its bytes have the announced hash. It is an image by what it
//! holds, never by its name: `jobs` looks into it afterwards, under limits
//! (`picture`, `inside`), and what is not what it should be is kept in
//! quarantine. Sound, film and other files are kept unseen, and a browser gets
//! them under a type that it plays or saves, never one that it runs. The bytes
//! are stored as they came, under their hash, before the database says that
//! they are there: a failure in between leaves a file that nobody asks for,
//! never a promise without a file.
//!
//! * `place`: where files are kept. `announced`: what is known of one before it
//!   comes. `tus`: how files arrive. `upload`: what is under way. `writer`: a
//!   body becomes durable. `sealed`: what a locked phone sends is opened.
//!   `keep`: a whole file is kept and entered, by `entering` with others at
//!   once.
//! * `show`: how they are given out. `signed`: addresses that need no token.
//! * `orphans`: files that a server left behind. `similar`: photos that look
//!   alike.

use std::sync::Arc;

use actix_web::web;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::{MediaId, UserId};
use doorstep_core::problem::ProblemCode;
use sea_orm::{EntityTrait, RelationDef};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::Components;
use crate::db::entity::{submission, submission_media};
use crate::error::{Error, Result};

mod announced;
mod entering;
mod inside;
pub(crate) mod jobs;
mod keep;
mod orphans;
mod picture;
pub mod place;
mod sealed;
mod show;
mod signed;
mod similar;
pub(crate) mod tus;
mod upload;
mod writer;

use announced::{Announced, announced};
use entering::Arrived;
pub use entering::Entering;
pub use jobs::{Examining, next as examine_next};
pub(crate) use keep::put_object;
pub use orphans::Search as OrphanSearch;
pub(crate) use show::{address, get, stream};
pub(crate) use signed::address_of;
pub(crate) use similar::similar;
pub use similar::{Index as SimilarIndex, Similar};
pub use upload::{EXPIRES_AFTER, HEARD_OF_WITHIN, UNFINISHED_MAX, sweep};

pub use doorstep_core::submission::FILE_BYTES_MAX;
pub use picture::{PIXELS_MAX, PREVIEW_SIDE_PX, THUMBNAIL_SIDE_PX};

/// Room for whole files in memory, while each is verified and kept.
#[derive(Clone, Debug)]
pub struct Assembling(Arc<Semaphore>);

/// Two of the largest files, or a hundred photos.
const ASSEMBLING_KILOBYTES: usize = 2 * (FILE_BYTES_MAX / 1024 + 1);

impl Default for Assembling {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ASSEMBLING_KILOBYTES)))
    }
}

impl Assembling {
    async fn acquire(&self, size_bytes: u64) -> Result<OwnedSemaphorePermit> {
        let kilobytes = u32::try_from(size_bytes / 1024 + 1).map_err(Error::internal)?;
        Arc::clone(&self.0).acquire_many_owned(kilobytes).await.map_err(Error::internal)
    }
}

/// Takes in the bytes of a file that this person's submission announced, from
/// elsewhere than a request. Returns whether they were new.
///
/// # Errors
/// `media_not_expected`, `media_hash_mismatch`, or what is wrong with the file.
pub(crate) async fn take_in(
    components: &Components,
    author: UserId,
    id: MediaId,
    bytes: web::Bytes,
) -> Result<bool> {
    let announced = announced(components, author, id).await?;
    let expected = &announced.expected;
    if ContentHash::of(&bytes) != expected.sha256 {
        return Err(ProblemCode::MediaHashMismatch.into());
    }
    if expected.stored_at.is_some() && keep::stored(components, &expected.sha256).await? {
        return Ok(false);
    }
    keep_and_enter(components, &announced, author, bytes).await?;
    Ok(true)
}

async fn keep_and_enter(
    components: &Components,
    announced: &Announced,
    author: UserId,
    bytes: web::Bytes,
) -> Result<()> {
    let file = keep::keep(components, announced, bytes.into()).await?;
    let ended = components.entering.enter(components, Arrived { file, author, received_bytes: 0 }).await?;
    upload::remove_all_pieces(components, ended).await;
    Ok(())
}

/// From what a submission announces to the submission.
fn of_submission() -> RelationDef {
    submission_media::Entity::belongs_to(submission::Entity)
        .from(submission_media::Column::SubmissionId)
        .to(submission::Column::Id)
        .into()
}

fn too_large() -> Error {
    Error::problem(ProblemCode::TooLarge).detail(
        format!("文件不能超过 {} MB。", FILE_BYTES_MAX / (1024 * 1024)),
        format!("A file has at most {} MB.", FILE_BYTES_MAX / (1024 * 1024)),
    )
}
