//! The server is ended with SIGKILL under load: nothing acknowledged is
//! missing. The long form: `cargo xtask sim --kill MINUTES`.

use std::path::Path;

use anyhow::Result;
use doorstep_sim::{killed, killed_uploads};

#[actix_web::test]
async fn nothing_acknowledged_is_missing_after_the_server_was_killed() -> Result<()> {
    let report = Box::pin(killed::run(Path::new(env!("CARGO_BIN_EXE_doorstep-sim")), 1, 8)).await?;
    assert_eq!(report.wrong, Vec::<String>::new());
    assert!(report.visits > 0, "{report:?}");
    Ok(())
}

#[actix_web::test]
async fn uploads_go_on_after_the_server_was_killed_and_leave_nothing_behind() -> Result<()> {
    let binary = Path::new(env!("CARGO_BIN_EXE_doorstep-sim"));
    let report = Box::pin(killed_uploads::run(binary, 1, 5)).await?;
    assert_eq!(report.wrong, Vec::<String>::new());
    assert!(report.resumed > 0, "{report:?}");
    Ok(())
}
