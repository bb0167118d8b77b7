//! The API over real HTTP, on SQLite or on the PostgreSQL that
//! `TEST_DATABASE_URL` names, with files in folders or in the bucket that
//! `TEST_MEDIA_URL` names.

mod api {
    mod backup_file;
    mod bucket;
    mod devices;
    mod evidence;
    mod form_media;
    mod found;
    mod hygiene;
    mod ledger;
    mod left_behind;
    mod login;
    mod media;
    mod parked;
    mod permissions;
    mod pull;
    mod push;
    mod quarantine;
    mod review;
    mod sealed_files;
    mod sealed_key;
    mod sealed_push;
    mod served;
    mod start;
    mod uploads;
    mod uploads_broken;
    mod uploads_clients;
    mod uploads_together;
}
