//! What can go wrong, at every moment of a visit: afterwards everything that
//! was typed is on the server, once. A matrix of it is printed at the end.
//!
//! The short form strikes with each fault at one moment, so that each moment
//! is struck; `DOORSTEP_TEST_MATRIX=whole` strikes with each at every moment,
//! and the name of a fault with that one.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use doorstep::db::entity::{operation, submission};
use doorstep_core::api::FILES;
use doorstep_core::hash::ContentHash;
use doorstep_core::ids::SubmissionId;
use doorstep_core::pack::FormVersionRecord;
use doorstep_core::submission::versions;
use doorstep_core::text::Language;
use doorstep_tests::cdp::By;
use doorstep_tests::gate::{Line, Mode};
use doorstep_tests::office::Office;
use doorstep_tests::workbook::xlsx;
use doorstep_tests::{pictures, wait};
use sea_orm::EntityTrait;

use super::faults::{Fault, Trouble};
use super::forms::begin;
use super::handset::{Handset, PATIENCE, Screen, by_id};
use super::stage::{Stage, dist};

/// `whole` for every fault at every moment, or the name of one fault.
const VARIABLE: &str = "DOORSTEP_TEST_MATRIX";

const FORM: &str = "
    | survey   |             |      |            |
    |          | type        | name | label      |
    |          | begin_group | g    | 走访       |
    |          | text        | n    | 情况       |
    |          | text        | w    | 诉求       |
    |          | image       | p    | 照片       |
    |          | end_group   |      |            |
    | settings |             |      |            |
    |          | form_id     | form_title | version |
    |          | matrix      | 简表       | 1       |
";
const NOTE: &str = "/g/n";
const WISH: &str = "/g/w";
const PHOTO: &str = "/g/p";

/// Requests before the photo are smaller than this, and the photo is larger.
const BEFORE_THE_PHOTO_BYTES: u64 = 12_000;
/// The button that syncs is pressed again after so many looks.
const LOOKS: u32 = 80;

/// When it goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moment {
    /// One answer is typed, the next is not.
    Filling,
    /// The visit is finished, and nothing of it has left.
    Finished,
    /// The visit is on its way.
    Pushing,
    /// The visit is there, and half of its photo.
    Photo,
}

impl Moment {
    const ALL: [Self; 4] = [Self::Filling, Self::Finished, Self::Pushing, Self::Photo];
}

/// What was typed, and what became of it.
struct Cell {
    fault: Fault,
    moment: Moment,
    note: String,
    wish: String,
    photo: Vec<u8>,
}

/// What the server has of a visit.
#[derive(Debug, Default)]
struct Found {
    /// Answers that are not there as they were given, of three.
    lost: usize,
    duplicates: usize,
    id: Option<SubmissionId>,
}

impl Cell {
    fn new(number: usize, fault: Fault, moment: Moment) -> Result<Self> {
        Ok(Self {
            fault,
            moment,
            note: format!("第{number}次走访,情况{fault:?}"),
            wish: format!("第{number}次走访,诉求{moment:?}"),
            photo: pictures::photo(u32::try_from(number)?, 320, 240)?,
        })
    }

    /// Looks for it in the database and among the files.
    async fn find(&self, stage: &Stage, office: &Office) -> Result<Found> {
        let connection = stage.scene.server.components.database.read();
        let is_mine = |body: &str| body.contains(&self.note);
        let operations = operation::Entity::find().all(connection).await?;
        let operations = operations.iter().filter(|row| is_mine(&row.body)).count();
        let rows = submission::Entity::find().all(connection).await?;
        let rows: Vec<_> = rows.iter().filter(|row| is_mine(&row.content)).collect();
        let mut found = Found {
            lost: 3,
            duplicates: operations.max(rows.len()).saturating_sub(1),
            id: rows.first().map(|row| row.id),
        };
        let Some(row) = rows.first() else { return Ok(found) };
        let content = versions::read_any(&serde_json::from_str(&row.content)?)?;
        for (member, given) in [("n", &self.note), ("w", &self.wish)] {
            found.lost -= usize::from(content.instance["g"][member] == **given);
        }
        if let Some(file) = content.media.first() {
            let answer = office.caller.get(&format!("{FILES}/{}", file.media_id)).await?;
            found.lost -= usize::from(answer.status == 200 && ContentHash::of(&answer.bytes) == file.sha256);
        }
        Ok(found)
    }
}

/// Everything that a cell needs.
struct Matrix<'a> {
    stage: &'a Stage,
    office: Office,
    form: FormVersionRecord,
    trouble: Trouble<'a>,
}

impl Matrix<'_> {
    /// One visit with one fault; what is there once everything is well again.
    async fn strike(&self, mut worker: Handset, cell: &Cell) -> Result<(Handset, Found)> {
        let gate = &self.stage.gate;
        begin(&worker, self.stage, &self.form, Language::Zh).await?;
        let photo = worker.file("photo.jpg", &cell.photo)?;
        worker.write(NOTE, &cell.note).await?;
        if cell.moment == Moment::Filling {
            worker = self.strike_while_filling(worker, cell, &photo).await?;
        }
        if !is_answered(&worker, WISH, &cell.wish).await? {
            worker.write(WISH, &cell.wish).await?;
        }
        worker.photograph(PHOTO, &photo).await?;
        match cell.moment {
            Moment::Filling => {}
            Moment::Finished => gate.cut(),
            Moment::Pushing => gate.set(Mode::BlackHole),
            Moment::Photo => gate.set(Mode::BlackHoleAfter { request_bytes: BEFORE_THE_PHOTO_BYTES }),
        }
        worker.press_button("下一步").await?;
        worker.press_button("完成并提交").await?;
        worker.page.says("走访已完成,存进发件箱").await?;
        match cell.moment {
            Moment::Filling | Moment::Finished => {}
            Moment::Pushing => {
                self.trouble
                    .syncing(&worker, "the push", async || {
                        Ok(worker.page.text().await.unwrap_or_default().contains("正在上传走访"))
                    })
                    .await?;
            }
            Moment::Photo => {
                self.trouble
                    .syncing(&worker, "half of the photo", async || Ok(gate.mode() == Mode::BlackHole))
                    .await?;
                let found = cell.find(self.stage, &self.office).await?;
                ensure!(found.lost == 1, "the visit is there and its photo is not: {found:?}");
            }
        }
        if cell.moment != Moment::Filling {
            let arrived = async || Ok(cell.find(self.stage, &self.office).await?.id.is_some());
            worker = self.trouble.strike(cell.fault, worker, "/outbox", arrived).await?;
        }
        let found = self.recover(&worker, cell).await?;
        worker = self.trouble.mend(cell.fault, worker).await?;
        Ok((worker, found))
    }

    async fn strike_while_filling(&self, worker: Handset, cell: &Cell, photo: &Path) -> Result<Handset> {
        let draft = worker.page.address().await?;
        match cell.fault {
            Fault::SmallQuota => {
                self.trouble.limit_storage(&worker, Some(1)).await?;
                worker.try_write(WISH, &cell.wish).await?;
                worker.page.says("手机存储空间已满").await?;
                self.trouble.limit_storage(&worker, None).await?;
                return Ok(worker);
            }
            // In the middle of a photo.
            Fault::TabKilled | Fault::BrowserKilled => worker.choose_photo(PHOTO, photo).await?,
            _ => {}
        }
        let worker = self.trouble.strike(cell.fault, worker, &draft, async || Ok(true)).await?;
        worker.page.the(By::css(format!("[data-path='{NOTE}']"))).await?;
        assert_eq!(worker.written(NOTE).await?, cell.note, "{:?}: the answer is still there", cell.fault);
        Ok(worker)
    }

    /// Everything is well again: the visit arrives, and the phone knows it.
    async fn recover(&self, worker: &Handset, cell: &Cell) -> Result<Found> {
        // A slow network does not get better.
        if cell.fault == Fault::Slow {
            self.stage.gate.set(Mode::Line(Line::G2));
        } else {
            self.stage.gate.open();
        }
        let mut looks = 0;
        let arrived = wait::until_within(PATIENCE, "the visit to arrive", async || {
            let found = cell.find(self.stage, &self.office).await?;
            let is_known = match found.id {
                Some(id) if found.lost == 0 => {
                    let row = format!("document.querySelector(\"[data-id='{id}']\")?.innerText ?? ''");
                    worker.page.evaluate::<String>(&row).await.unwrap_or_default().contains("待审核")
                }
                _ => false,
            };
            if !is_known && looks % LOOKS == 0 {
                self.trouble.press_sync(worker).await;
            }
            looks += 1;
            Ok(is_known.then_some(()))
        })
        .await;
        let found = cell.find(self.stage, &self.office).await?;
        if let Err(cause) = arrived {
            let text = worker.page.text().await.unwrap_or_default();
            writeln!(std::io::stderr(), "{cause:#}: {found:?}; the page says: {text}")?;
            ensure!(found.lost > 0, "the visit arrived, and the phone does not know it: {text}");
        }
        self.stage.gate.open();
        Ok(found)
    }
}

/// Whether a text stands in its question, on a page that may be another one.
async fn is_answered(worker: &Handset, path: &str, text: &str) -> Result<bool> {
    Ok(worker.written(path).await? == text)
}

fn print(cells: &[(Cell, Found)]) -> Result<()> {
    let mut out = std::io::stderr();
    writeln!(out, "\nfault × moment → answers lost, duplicates")?;
    write!(out, "{:14}", "")?;
    for moment in Moment::ALL {
        write!(out, "{:>10}", format!("{moment:?}"))?;
    }
    writeln!(out)?;
    for fault in Fault::ALL {
        write!(out, "{:14}", format!("{fault:?}"))?;
        for moment in Moment::ALL {
            let cell = cells.iter().find(|(cell, _)| cell.fault == fault && cell.moment == moment);
            let words = cell
                .map_or_else(|| "·".to_owned(), |(_, found)| format!("{}, {}", found.lost, found.duplicates));
            write!(out, "{words:>10}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[tokio::test]
async fn whatever_goes_wrong_every_answer_arrives_once() -> Result<()> {
    let form = std::env::var(VARIABLE).unwrap_or_default();
    let only: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| format!("{fault:?}") == form).collect();
    let everywhere = form == "whole" || !only.is_empty();
    let pwa = tempfile::tempdir()?;
    copy(&dist(), pwa.path())?;
    let stage = Stage::set_with(pwa.path().to_owned()).await?;
    let forms = stage.scene.offer(&[xlsx(FORM)?]).await?;
    let matrix = Matrix {
        stage: &stage,
        office: stage.scene.office("supervisor").await?,
        form: forms.into_iter().next().context("the form")?,
        trouble: Trouble::new(&stage, pwa.path()),
    };
    let mut worker = Handset::unpack(&stage.gate.base_url(), Screen::Phone).await?;
    worker.log_in("grid_worker").await?;
    worker.ready_for_the_field(stage.elder).await?;
    let mut cells = Vec::new();
    for (row, fault) in Fault::ALL.into_iter().enumerate() {
        for (column, moment) in Moment::ALL.into_iter().enumerate() {
            let is_meant = only.is_empty() || only.contains(&fault);
            if !is_meant || (!everywhere && (row + column) % Moment::ALL.len() != 0) {
                continue;
            }
            let cell = Cell::new(cells.len() + 1, fault, moment)?;
            let struck =
                matrix.strike(worker, &cell).await.with_context(|| format!("{fault:?} × {moment:?}"))?;
            worker = struck.0;
            cells.push((cell, struck.1));
        }
    }
    print(&cells)?;
    for (cell, found) in &cells {
        assert_eq!((found.lost, found.duplicates), (0, 0), "{:?} × {:?}", cell.fault, cell.moment);
    }
    let rows = submission::Entity::find().all(stage.scene.server.components.database.read()).await?;
    assert_eq!(rows.len(), cells.len(), "as many visits as were made");
    worker.go_to("/outbox").await?;
    worker.page.gone(By::css(".strip")).await?;
    for (_, found) in &cells {
        worker.page.the(by_id(found.id.context("a visit")?)).await?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
