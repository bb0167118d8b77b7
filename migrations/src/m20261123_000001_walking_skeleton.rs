//! The tables that one visit needs, from the area tree to the outbox.
//!
//! JSON is kept as text: phones may send any string, and PostgreSQL's `jsonb`
//! refuses some (`\u0000`). Every table that grows carries `county`, its
//! partition and shard key. Days are dates, instants are UTC.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, binary, boolean, date, date_null, integer, small_integer, string, string_null, text,
    text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(Alias::new(name)).to_owned()
}

fn key(columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.primary();
    for column in columns {
        index.col(Alias::new(*column));
    }
    index.to_owned()
}

struct Indexed {
    table: &'static str,
    columns: &'static [&'static str],
    unique: bool,
}

const fn index(table: &'static str, columns: &'static [&'static str]) -> Indexed {
    Indexed { table, columns, unique: false }
}

const fn unique(table: &'static str, columns: &'static [&'static str]) -> Indexed {
    Indexed { table, columns, unique: true }
}

const INDEXES: &[Indexed] = &[
    index("area", &["path"]),
    index("area", &["parent_id"]),
    index("area_code", &["code"]),
    unique("user", &["login_name"]),
    index("membership", &["user_id"]),
    index("membership", &["area_id"]),
    index("device", &["user_id"]),
    unique("session", &["refresh_token_hash"]),
    index("session", &["device_id"]),
    unique("form", &["county", "form_id"]),
    unique("form_version", &["form", "version"]),
    index("case", &["area_id", "kind"]),
    unique("case_event", &["case_id", "version"]),
    index("case_event", &["submission_id"]),
    unique("submission", &["root_id", "revision"]),
    index("submission", &["county", "state", "received_at"]),
    index("submission", &["case_id"]),
    index("submission", &["author_id"]),
    index("submission_comment", &["submission_id"]),
    index("submission_event", &["submission_id"]),
    index("submission_media", &["media_id"]),
    index("submission_media", &["sha256"]),
    index("task", &["case_id", "state"]),
    index("task", &["assignee", "state"]),
    unique("change", &["stream", "seq"]),
    unique("operation", &["device_id", "seq"]),
    index("operation", &["waits_for"]),
    unique("outbox", &["event_id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[expect(clippy::too_many_lines, reason = "a schema reads best on one page")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            // One row: which life of the database this is (restores begin a new one).
            table("server_state").col(integer("id").primary_key()).col(big_integer("epoch")).to_owned(),
            // Private keys of tokens, so that every copy of the server has them.
            table("signing_key")
                .col(string("id").primary_key())
                .col(text("private_key_pem"))
                .col(text("public_key_pem"))
                .col(timestamp_with_time_zone("created_at"))
                .to_owned(),
            table("area")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(uuid_null("parent_id"))
                .col(string("level"))
                .col(string("name"))
                .col(text("path"))
                .to_owned(),
            table("area_code")
                .col(uuid("area_id"))
                .col(string("code"))
                .col(date("valid_from"))
                .col(date_null("valid_to"))
                .primary_key(&mut key(&["area_id", "valid_from"]))
                .to_owned(),
            table("user")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(string("login_name"))
                .col(string("display_name"))
                .col(text("password_hash"))
                .col(integer("failed_logins"))
                .col(timestamp_with_time_zone_null("locked_until"))
                .col(timestamp_with_time_zone_null("disabled_at"))
                .col(timestamp_with_time_zone("created_at"))
                .to_owned(),
            table("membership")
                .col(uuid("id").primary_key())
                .col(uuid("user_id"))
                .col(string("role"))
                .col(uuid("area_id"))
                .col(string_null("programme"))
                .to_owned(),
            table("device")
                .col(uuid("id").primary_key())
                .col(uuid("user_id"))
                .col(string("name"))
                .col(text("public_key"))
                .col(big_integer("last_seq"))
                .col(timestamp_with_time_zone("registered_at"))
                .col(timestamp_with_time_zone("last_seen_at"))
                .col(timestamp_with_time_zone_null("revoked_at"))
                .to_owned(),
            table("session")
                .col(uuid("id").primary_key())
                .col(uuid("user_id"))
                .col(uuid("device_id"))
                .col(string("refresh_token_hash"))
                .col(string_null("previous_token_hash"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("refreshed_at"))
                .col(timestamp_with_time_zone("expires_at"))
                .col(timestamp_with_time_zone_null("revoked_at"))
                .to_owned(),
            table("form")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(string("form_id"))
                .to_owned(),
            table("form_version")
                .col(uuid("id").primary_key())
                .col(uuid("form"))
                .col(string("version"))
                .col(string("title_zh"))
                .col(string("title_en"))
                .col(binary("workbook"))
                .col(binary("bundle"))
                .col(string("sha256"))
                .col(boolean("current"))
                .col(timestamp_with_time_zone("published_at"))
                .to_owned(),
            table("form_media")
                .col(uuid("form_version_id"))
                .col(string("file_name"))
                .col(text("content"))
                .primary_key(&mut key(&["form_version_id", "file_name"]))
                .to_owned(),
            table("pack_version")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(string("version"))
                .col(binary("workbook"))
                .col(text("definition"))
                .col(boolean("current"))
                .col(timestamp_with_time_zone("published_at"))
                .to_owned(),
            table("case")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(string("kind"))
                .col(uuid_null("parent_id"))
                .col(uuid("area_id"))
                .col(string("label"))
                .col(string("status"))
                .col(text("properties"))
                .col(text("last_visits"))
                .col(big_integer("version"))
                .to_owned(),
            table("case_event")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(uuid("case_id"))
                .col(big_integer("version"))
                .col(uuid_null("submission_id"))
                .col(uuid("actor_id"))
                .col(timestamp_with_time_zone("at"))
                .col(text("action"))
                .col(text("changes"))
                .to_owned(),
            table("submission")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(uuid("root_id"))
                .col(integer("revision"))
                .col(uuid("form_version_id"))
                .col(string("form_id"))
                .col(uuid("case_id"))
                .col(uuid_null("task_id"))
                .col(big_integer("case_version"))
                .col(uuid("author_id"))
                .col(uuid("device_id"))
                .col(string("state"))
                .col(text("content"))
                .col(string("sha256"))
                // What the server's own evaluation made of it.
                .col(text("verified_instance"))
                .col(text("form_problems"))
                .col(text("differences"))
                .col(small_integer("alert_level"))
                .col(text("alert_codes"))
                .col(timestamp_with_time_zone("finished_at"))
                .col(timestamp_with_time_zone("received_at"))
                .col(timestamp_with_time_zone_null("decided_at"))
                .col(uuid_null("decided_by"))
                .to_owned(),
            table("submission_comment")
                .col(uuid("id").primary_key())
                .col(uuid("submission_id"))
                .col(text_null("path"))
                .col(text("text"))
                .col(uuid("author_id"))
                .col(timestamp_with_time_zone("at"))
                .to_owned(),
            table("submission_event")
                .col(uuid("id").primary_key())
                .col(uuid("submission_id"))
                .col(uuid("actor_id"))
                .col(string("state"))
                .col(timestamp_with_time_zone("at"))
                .to_owned(),
            table("media")
                .col(string("sha256").primary_key())
                .col(string("county"))
                .col(big_integer("size_bytes"))
                .col(string("content_type"))
                .col(integer("width_px"))
                .col(integer("height_px"))
                .col(text("store_key"))
                .col(text_null("thumbnail_key"))
                .col(timestamp_with_time_zone("stored_at"))
                .to_owned(),
            table("submission_media")
                .col(uuid("submission_id"))
                .col(uuid("media_id"))
                .col(text("path"))
                .col(string("file_name"))
                .col(string("sha256"))
                .col(big_integer("size_bytes"))
                .col(string("content_type"))
                .col(timestamp_with_time_zone_null("stored_at"))
                .primary_key(&mut key(&["submission_id", "media_id"]))
                .to_owned(),
            table("task")
                .col(uuid("id").primary_key())
                .col(string("county"))
                .col(uuid("case_id"))
                .col(string("form_id"))
                .col(uuid_null("assignee"))
                .col(string("role"))
                .col(date("opens_on"))
                .col(date("due_on"))
                .col(date("grace_until"))
                .col(text("origin"))
                .col(string("state"))
                .col(uuid_null("submission_id"))
                .to_owned(),
            // The counter of a stream is bumped last in the writing transaction.
            table("stream")
                .col(string("name").primary_key())
                .col(big_integer("last_seq"))
                .col(big_integer("hash"))
                .to_owned(),
            // One live row per object and stream: the log never outgrows the data.
            table("change")
                .col(string("stream"))
                .col(string("kind"))
                .col(uuid("object_id"))
                .col(big_integer("seq"))
                .col(boolean("gone"))
                .col(string("county"))
                .primary_key(&mut key(&["stream", "kind", "object_id"]))
                .to_owned(),
            table("operation")
                .col(uuid("op_id").primary_key())
                .col(string("county"))
                .col(uuid("device_id"))
                .col(big_integer("seq"))
                .col(uuid("user_id"))
                .col(string("kind"))
                .col(integer("v"))
                .col(string("at"))
                .col(ColumnDef::new(Alias::new("skew_ms")).big_integer().null())
                .col(text("body"))
                .col(string("sha256"))
                .col(timestamp_with_time_zone("received_at"))
                .col(string("outcome"))
                .col(string_null("park_reason"))
                // `case:{id}`, `form_version:{id}`, …: what a parked one waits for.
                .col(string_null("waits_for"))
                .col(uuid_null("submission_id"))
                .to_owned(),
            // Numbered per county, in commit order, like the streams.
            table("outbox")
                .col(string("county"))
                .col(big_integer("number"))
                .col(uuid("event_id"))
                .col(string("event_type"))
                .col(text("body"))
                .col(timestamp_with_time_zone("created_at"))
                .primary_key(&mut key(&["county", "number"]))
                .to_owned(),
            table("outbox_counter")
                .col(string("county").primary_key())
                .col(big_integer("last_number"))
                .to_owned(),
        ];
        for statement in tables {
            manager.create_table(statement).await?;
        }
        for indexed in INDEXES {
            let mut statement = Index::create();
            statement
                .name(format!("ix_{}_{}", indexed.table, indexed.columns.join("_")))
                .table(Alias::new(indexed.table));
            for column in indexed.columns {
                statement.col(Alias::new(*column));
            }
            if indexed.unique {
                statement.unique();
            }
            manager.create_index(statement.to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        // A migration never loses data (DESIGN §12).
        Err(DbErr::Migration("the first migration is not undone: restore a backup instead".to_owned()))
    }
}
