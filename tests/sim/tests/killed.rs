//! The server is ended with SIGKILL under load: nothing acknowledged is
//! missing. The long form: `cargo xtask sim --kill MINUTES`.

use std::path::Path;

use anyhow::Result;
use doorstep_sim::killed;

#[actix_web::test]
async fn nothing_acknowledged_is_missing_after_the_server_was_killed() -> Result<()> {
    let report = Box::pin(killed::run(Path::new(env!("CARGO_BIN_EXE_doorstep-sim")), 1, 8)).await?;
    assert_eq!(report.wrong, Vec::<String>::new());
    assert!(report.visits > 0, "{report:?}");
    Ok(())
}
