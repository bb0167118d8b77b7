//! The database's shape and its history: the same migrations on SQLite and
//! PostgreSQL, portable DDL only, independent of the server's entities (a
//! migration must not change when an entity does).

#![forbid(unsafe_code)]

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::MigratorTrait;

mod m20261123_000001_walking_skeleton;
mod m20261124_000002_form_media;
mod m20261127_000003_sealing_key;
mod m20261128_000004_device_command;
mod m20261128_000005_upload;
mod m20261128_000006_examination;
mod m20261128_000009_evidence;
mod m20261128_000010_device_storage;
mod m20261128_000011_preview;
mod m20261128_000012_media_orphan;
mod m20261128_000013_sealed_upload;

/// Runs the migrations.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_walking_skeleton::Migration),
            Box::new(m20261124_000002_form_media::Migration),
            Box::new(m20261127_000003_sealing_key::Migration),
            Box::new(m20261128_000004_device_command::Migration),
            Box::new(m20261128_000005_upload::Migration),
            Box::new(m20261128_000006_examination::Migration),
            Box::new(m20261128_000009_evidence::Migration),
            Box::new(m20261128_000010_device_storage::Migration),
            Box::new(m20261128_000011_preview::Migration),
            Box::new(m20261128_000012_media_orphan::Migration),
            Box::new(m20261128_000013_sealed_upload::Migration),
        ]
    }
}
