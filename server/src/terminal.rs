//! What the command line says to people. A closed pipe is not an error.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};

/// Writes a line to standard output.
pub fn say(line: impl fmt::Display) {
    let mut out = io::stdout().lock();
    // Nobody is listening: there is nobody to tell, either.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Asks for a secret: typed unseen at a terminal, else the first line of
/// standard input, so that a script can hand it over. Never an argument:
/// arguments are in everybody's list of processes.
///
/// # Errors
/// When neither can be read.
pub fn ask_secret(question: &str) -> io::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{question}: "));
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Rows under headers, columns as wide as their widest cell. A Chinese
/// character is two columns wide.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headers.iter().map(|header| columns(header)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::from(" ");
        for (cell, width) in cells.zip(&widths) {
            line.push(' ');
            line.push_str(cell);
            line.push_str(&" ".repeat(width + 1 - columns(cell)));
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headers.iter().copied())];
    lines.push(line(
        &mut widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().iter().map(String::as_str),
    ));
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

fn columns(text: &str) -> usize {
    text.chars().map(|character| if character >= '\u{1100}' { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_both_scripts() {
        let text = table(
            &["角色", "name"],
            &[vec!["网格员".to_owned(), "a".to_owned()], vec!["x".to_owned(), "b".to_owned()]],
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, ["  角色    name", "  ------  ----", "  网格员  a", "  x       b"]);
    }
}
