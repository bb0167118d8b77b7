//! Files that a locked phone sends and cannot read: sealed, by tus, with a
//! token that can do nothing else.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use doorstep::auth::tokens::PUSH_TOKEN_LIFE;
use doorstep::media::{self, EXPIRES_AFTER};
use doorstep_core::api::{LOGOUT, LoginAnswer, ME, SYNC};
use doorstep_core::ids::UserId;
use doorstep_core::phone::synchronise::{FileAct, FileRequest, Pace, SealedStep, SealedUpload, Standing};
use doorstep_core::phone::{Failure, Reply};
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::{SEALED_FILE_EXTRA_BYTES, SealedFile, file_metadata};
use doorstep_core::text::Language;
use doorstep_tests::caller::{Answer, Caller};
use doorstep_tests::county;
use doorstep_tests::scene::Scene;
use doorstep_tests::sealing::seal_file;
use doorstep_tests::server::World;
use doorstep_tests::tus::Uploader;
use doorstep_tests::wait::until;
use reqwest::Method;

use super::uploads::{Announced, announced, announced_with, is_whole, originals, pieces};

/// A phone that was locked after a visit was finished; its visit has left.
struct Locked {
    scene: Scene,
    announced: Announced,
    login: LoginAnswer,
    /// Of the session whose token it has.
    caller: Caller,
    uploader: Uploader,
    file: SealedFile,
    /// The file as it lies on the phone.
    bytes: Vec<u8>,
}

impl Locked {
    async fn start() -> Result<Self> {
        let scene = Scene::start().await?;
        let announced = announced(&scene).await?;
        Self::with(scene, announced).await
    }

    async fn with(scene: Scene, announced: Announced) -> Result<Self> {
        let (_, caller, login) = county::log_in(&scene.server, "grid_worker").await?;
        let token = login.tokens.push_token.clone().context("a push token")?;
        let id = announced.uploader.id;
        let uploader = Uploader { caller: caller.with_token(token), id };
        let (file, bytes) = seal_file(&login.sealing_key, login.me.user_id, id, &announced.photo, 1)?;
        Ok(Self { scene, announced, login, caller, uploader, file, bytes })
    }

    /// What somebody seals of a file in the place of this one.
    fn sealed(&self, owner: UserId, file: &[u8], seed: u8) -> Result<(SealedFile, Vec<u8>)> {
        seal_file(&self.login.sealing_key, owner, self.uploader.id, file, seed)
    }

    fn me(&self) -> UserId {
        self.login.me.user_id
    }

    async fn begin(&self) -> Result<Answer> {
        self.begin_as(&self.file).await
    }

    async fn begin_as(&self, file: &SealedFile) -> Result<Answer> {
        let request = self.uploader.request(Method::POST).header("upload-length", file.sealed_bytes());
        self.uploader.caller.send(request.header("upload-metadata", file_metadata(&file.key))).await
    }

    /// Begins it and sends all of it.
    async fn send(&self, file: &SealedFile, bytes: &[u8]) -> Result<Answer> {
        assert_eq!(offset(&self.begin_as(file).await?), Some(0));
        self.uploader.send(0, bytes).await
    }

    /// The server has kept nothing, and the phone sends it after the PIN.
    async fn is_sent_plain(&self) -> Result<()> {
        assert_eq!((pieces(&self.scene).await?, originals(&self.scene).await?), (0, 0));
        assert_eq!(self.uploader.state().await?.status, 404);
        assert_eq!(self.announced.phone.sync().await?.files_sent, 3, "the photo and two signatures");
        is_whole(&self.scene, &self.announced).await
    }
}

fn offset(answer: &Answer) -> Option<usize> {
    answer.header("upload-offset")?.parse().ok()
}

#[tokio::test]
async fn a_sealed_file_arrives_as_what_was_announced_and_is_not_sent_again() -> Result<()> {
    let locked = Locked::start().await?;
    let (uploader, bytes) = (&locked.uploader, &locked.bytes);
    assert_eq!(bytes.len() as u64, locked.announced.photo.len() as u64 + SEALED_FILE_EXTRA_BYTES);
    assert_eq!(uploader.state().await?.status, 404, "nothing is under way");
    let begun = locked.begin().await?;
    assert_eq!((begun.status, offset(&begun)), (201, Some(0)), "{}", begun.text());
    assert_eq!(uploader.send(0, &bytes[..10_000]).await?.status, 204);

    // The line breaks in the middle of the next piece.
    let line = uploader.half_send(10_000, bytes.len() - 10_000, &bytes[10_000..15_000]).await?;
    drop(line);
    until("what arrived is durable", async || Ok((uploader.offset().await? == 15_000).then_some(()))).await?;
    let state = uploader.state().await?;
    assert_eq!(state.header("upload-length"), Some(bytes.len().to_string().as_str()));
    assert_eq!(offset(&locked.begin().await?), Some(15_000), "it goes on with the same key");
    let answer = uploader.send(15_000, &bytes[15_000..]).await?;
    assert_eq!((answer.status, offset(&answer)), (204, Some(bytes.len())), "{}", answer.text());
    is_whole(&locked.scene, &locked.announced).await?;
    locked.scene.all_examined().await?;
    let there = originals(&locked.scene).await?;

    // Once more, from a phone that did not hear the last answer.
    assert_eq!(offset(&locked.begin().await?), Some(bytes.len()));
    assert_eq!(uploader.offset().await?, bytes.len());
    assert_eq!(originals(&locked.scene).await?, there);
    // After the PIN.
    assert_eq!(locked.announced.phone.sync().await?.files_sent, 2, "the signatures");
    is_whole(&locked.scene, &locked.announced).await
}

#[tokio::test]
async fn a_large_sealed_file_is_opened_from_its_pieces_after_a_restart() -> Result<()> {
    let scene = Scene::start().await?;
    let large: Vec<u8> = (0..2_500_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let announced = announced_with(&scene, large, "audio/webm").await?;
    let mut locked = Locked::with(scene, announced).await?;
    assert_eq!(locked.begin().await?.status, 201);
    assert_eq!(locked.uploader.send(0, &locked.bytes[..1_400_000]).await?.status, 204);
    locked.scene.server = locked.scene.server.restart().await?;
    assert_eq!(offset(&locked.begin().await?), Some(1_400_000));
    assert_eq!(locked.uploader.send(1_400_000, &locked.bytes[1_400_000..]).await?.status, 204);
    is_whole(&locked.scene, &locked.announced).await
}

/// Core's steps, over real HTTP; every other piece is cut short.
#[tokio::test]
async fn the_phones_steps_bring_it_over_a_bad_line() -> Result<()> {
    let scene = Scene::start().await?;
    let large: Vec<u8> = (0..900_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let announced = announced_with(&scene, large, "audio/webm").await?;
    let locked = Locked::with(scene, announced).await?;
    let uploader = &locked.uploader;
    let (mut pace, mut pieces) = (Pace::default(), 0);
    let (mut upload, mut request) = SealedUpload::begin(locked.file.clone());
    loop {
        let piece = request.act.piece(&locked.bytes).context("a piece of the file")?;
        let is_piece = matches!(request.act, FileAct::Append { .. });
        pieces += usize::from(is_piece);
        let answer = if is_piece && pieces % 2 == 1 {
            let (from, _) = request.act.range();
            let from = usize::try_from(from)?;
            let before = uploader.offset().await?;
            drop(uploader.half_send(from, piece.len(), &piece[..piece.len() / 2]).await?);
            until("a part is durable", async || Ok((uploader.offset().await? > before).then_some(())))
                .await?;
            Err(Failure::NoConnection)
        } else {
            ask(uploader, &request, piece).await?
        };
        match upload.step(&request, answer, &mut pace, TimeDelta::seconds(1)) {
            SealedStep::Send(next) => request = next,
            SealedStep::Arrived => break,
            other => anyhow::bail!("{other:?}"),
        }
    }
    assert!(pieces > 3, "{pieces}");
    is_whole(&locked.scene, &locked.announced).await
}

async fn ask(uploader: &Uploader, request: &FileRequest, piece: &[u8]) -> Result<Result<Standing, Failure>> {
    let method = Method::from_bytes(request.act.method().as_bytes())?;
    let mut asked = uploader.caller.request(method, &request.path()).body(piece.to_vec());
    for (name, value) in request.headers(piece) {
        asked = asked.header(name, value);
    }
    let answer = uploader.caller.send(asked).await?;
    let reply = Reply {
        status: answer.status,
        content_type: answer.header("content-type").unwrap_or_default().to_owned(),
        upload_offset: offset(&answer).map(|offset| offset as u64),
        bytes: answer.bytes,
    };
    Ok(request.read(reply, Language::En))
}

#[tokio::test]
async fn an_altered_byte_keeps_nothing() -> Result<()> {
    let locked = Locked::start().await?;
    for place in [0, 20, locked.bytes.len() / 2, locked.bytes.len() - 1] {
        let mut altered = locked.bytes.clone();
        altered[place] ^= 1;
        locked.send(&locked.file, &altered).await?.refused(ProblemCode::SealedFileUnreadable)?;
    }
    locked.is_sent_plain().await
}

#[tokio::test]
async fn another_file_under_the_right_key_keeps_nothing() -> Result<()> {
    let locked = Locked::start().await?;
    let mut other = locked.announced.photo.clone();
    other[100] ^= 1;
    let (file, bytes) = locked.sealed(locked.me(), &other, 2)?;
    locked.send(&file, &bytes).await?.refused(ProblemCode::MediaHashMismatch)?;
    let (file, _) = locked.sealed(locked.me(), &other[1..], 2)?;
    locked.begin_as(&file).await?.refused(ProblemCode::UploadLengthDiffers)?;
    locked.is_sent_plain().await
}

#[tokio::test]
async fn a_key_that_was_sealed_for_something_else_begins_nothing() -> Result<()> {
    let locked = Locked::start().await?;
    let photo = &locked.announced.photo;
    let (theirs, _) = locked.sealed(locked.scene.county.user("next_worker")?, photo, 1)?;
    let elsewhere = uuid::Uuid::now_v7().into();
    let (renamed, _) = seal_file(&locked.login.sealing_key, locked.me(), elsewhere, photo, 1)?;
    let mut unknown = locked.file.clone();
    unknown.key.key_id = "another".to_owned();
    for file in [theirs, renamed, unknown] {
        let problem = locked.begin_as(&file).await?.refused(ProblemCode::SealedFileUnreadable)?;
        assert!(problem.message.en.contains("PIN"), "it says what to do");
    }
    let without = locked.uploader.create(locked.bytes.len()).await?;
    without.refused(ProblemCode::SealedFileUnreadable)?;
    // Bytes of another file's row under this one's key.
    let (_, swapped) = seal_file(&locked.login.sealing_key, locked.me(), elsewhere, photo, 1)?;
    locked.send(&locked.file, &swapped).await?.refused(ProblemCode::SealedFileUnreadable)?;
    locked.is_sent_plain().await
}

#[tokio::test]
async fn the_token_brings_sealed_files_of_its_person_and_nothing_else() -> Result<()> {
    let locked = Locked::start().await?;
    let (uploader, address) = (&locked.uploader, locked.uploader.address());
    assert_eq!(locked.begin().await?.status, 201);
    uploader.caller.send(uploader.request(Method::DELETE)).await?.refused(ProblemCode::NoPermission)?;
    for path in [&address, &format!("{address}/address"), &format!("{address}/similar"), ME, SYNC] {
        uploader.caller.get(path).await?.refused(ProblemCode::SessionExpired)?;
    }
    // Another person's file, with that person's own token.
    let (_, _, other) = county::log_in(&locked.scene.server, "next_worker").await?;
    let token = other.tokens.push_token.context("a push token")?;
    let stranger = Uploader { caller: uploader.caller.with_token(token), id: uploader.id };
    assert_eq!(stranger.state().await?.status, 404);
    stranger.send(0, &locked.bytes).await?.refused(ProblemCode::MediaNotExpected)?;
    // An access token brings the file as it is.
    let plain = Uploader { caller: locked.caller.clone(), id: uploader.id };
    plain.create(locked.bytes.len()).await?.refused(ProblemCode::UploadLengthDiffers)?;

    locked.scene.server.advance(PUSH_TOKEN_LIFE);
    assert_eq!(uploader.state().await?.status, 401, "after thirty days");
    Ok(())
}

#[tokio::test]
async fn the_token_ends_with_its_session() -> Result<()> {
    let locked = Locked::start().await?;
    assert_eq!(locked.begin().await?.status, 201);
    assert_eq!(locked.caller.post(LOGOUT, &()).await?.status, 204);
    locked.begin().await?.refused(ProblemCode::SessionExpired)?;
    locked.uploader.send(0, &locked.bytes).await?.refused(ProblemCode::SessionExpired)?;
    Ok(())
}

#[tokio::test]
async fn plain_and_sealed_bytes_of_a_file_never_mix() -> Result<()> {
    let locked = Locked::start().await?;
    let (sealed, plain) = (&locked.uploader, &locked.announced.uploader);
    let (photo, bytes) = (&locked.announced.photo, &locked.bytes);
    assert_eq!(plain.create_with(photo.len(), &photo[..10_000]).await?.status, 201);
    assert_eq!(sealed.state().await?.status, 404, "not of this kind");
    sealed.send(10_000, &bytes[10_000..]).await?.refused(ProblemCode::UploadUnknown)?;
    assert_eq!(plain.offset().await?, 10_000, "asking has changed nothing");

    assert_eq!(offset(&locked.begin().await?), Some(0));
    assert_eq!(pieces(&locked.scene).await?, 0, "what came plain is gone");
    assert_eq!(plain.state().await?.status, 404);
    plain.send(10_000, &photo[10_000..]).await?.refused(ProblemCode::UploadUnknown)?;
    assert_eq!(sealed.send(0, &bytes[..20_000]).await?.status, 204);

    // By another phone of the same person, which has another key.
    let (other, other_bytes) = locked.sealed(locked.me(), photo, 7)?;
    assert_eq!(offset(&locked.begin_as(&other).await?), Some(0));
    assert_eq!(sealed.send(0, &other_bytes[..30_000]).await?.status, 204);
    assert_eq!(offset(&locked.begin_as(&other).await?), Some(30_000));

    // The PIN is given.
    let answer = plain.create_with(photo.len(), &photo[..5000]).await?;
    assert_eq!((answer.status, offset(&answer)), (201, Some(5000)), "{}", answer.text());
    sealed.send(30_000, &other_bytes[30_000..]).await?.refused(ProblemCode::UploadUnknown)?;
    // And it is locked again.
    assert_eq!(locked.send(&other, &other_bytes).await?.status, 204);
    is_whole(&locked.scene, &locked.announced).await?;
    assert_eq!(offset(&plain.create(photo.len()).await?), Some(photo.len()));
    assert_eq!(locked.announced.phone.sync().await?.files_sent, 2, "the signatures");
    Ok(())
}

#[tokio::test]
async fn what_came_plain_ends_what_comes_sealed() -> Result<()> {
    let locked = Locked::start().await?;
    assert_eq!(locked.begin().await?.status, 201);
    assert_eq!(locked.uploader.send(0, &locked.bytes[..20_000]).await?.status, 204);
    // The phone's own machine, after the PIN.
    assert_eq!(locked.announced.phone.sync().await?.files_sent, 3);
    is_whole(&locked.scene, &locked.announced).await?;
    assert_eq!(locked.uploader.offset().await?, locked.bytes.len());
    Ok(())
}

#[tokio::test]
async fn it_expires_is_terminated_and_counted_like_any_upload() -> Result<()> {
    let mut world = World::create().await?;
    world.upload_megabytes_per_day = Some(1);
    let scene = Scene::start_in(world).await?;
    let large: Vec<u8> = (0..700_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let announced = announced_with(&scene, large, "audio/webm").await?;
    let locked = Locked::with(scene, announced).await?;
    let (uploader, bytes) = (&locked.uploader, &locked.bytes);
    assert_eq!(locked.begin().await?.status, 201);
    assert_eq!(uploader.send(0, &bytes[..600_000]).await?.status, 204);
    let plain = &locked.announced.uploader;
    let ended = plain.caller.send(plain.request(Method::DELETE)).await?;
    assert_eq!((ended.status, pieces(&locked.scene).await?), (204, 0), "its person may end it");

    assert_eq!(offset(&locked.begin().await?), Some(0));
    uploader.send(0, &bytes[..600_000]).await?.refused(ProblemCode::UploadQuotaReached)?;
    locked.scene.server.advance(TimeDelta::days(1));
    assert_eq!(uploader.send(0, &bytes[..600_000]).await?.status, 204);
    locked.scene.server.advance(EXPIRES_AFTER);
    media::sweep(&locked.scene.server.components).await?;
    assert_eq!((uploader.state().await?.status, pieces(&locked.scene).await?), (404, 0));
    Ok(())
}
