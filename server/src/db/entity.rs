//! The rows of the database, one file a table. Private to the server: what
//! leaves it is a wire type of `doorstep_core`. JSON columns are text, enums
//! their stable words, instants UTC.

pub mod area;
pub mod area_code;
pub mod case;
pub mod case_event;
pub mod change;
pub mod device;
pub mod device_command;
pub mod evidence;
pub mod form;
pub mod form_list;
pub mod form_media;
pub mod form_version;
pub mod media;
pub mod media_job;
pub mod media_orphan;
pub mod membership;
pub mod operation;
pub mod outbox;
pub mod outbox_counter;
pub mod pack_version;
pub mod sealing_key;
pub mod server_state;
pub mod session;
pub mod signing_key;
pub mod stream;
pub mod submission;
pub mod submission_comment;
pub mod submission_event;
pub mod submission_media;
pub mod task;
pub mod upload;
pub mod upload_day;
pub mod user;
