//! What the tasks say: progress goes to the standard error, results to the
//! standard output.

use std::fmt::Display;
use std::io::Write;

/// What is being done now.
pub(crate) fn step(what: impl Display) {
    say(&mut std::io::stderr(), &format_args!("==> {what}"));
}

/// Why something was not done, and what to do.
pub(crate) fn failed(why: impl Display) {
    say(&mut std::io::stderr(), &format_args!("error: {why}"));
}

/// A line of the result.
pub(crate) fn line(text: impl Display) {
    say(&mut std::io::stdout(), &text);
}

/// A reader that went away is no reason to stop.
fn say(to: &mut impl Write, text: &impl Display) {
    let written = writeln!(to, "{text}").and_then(|()| to.flush());
    drop(written);
}
