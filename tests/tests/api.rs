//! The API over real HTTP, on SQLite or on the PostgreSQL that
//! `TEST_DATABASE_URL` names.

mod api {
    mod hygiene;
    mod login;
    mod pull;
    mod push;
    mod start;
}
