//! Expressions as they are compared: without white space that means nothing,
//! with absolute paths.

/// An expression seen from a node; relative paths to other nodes of the form
/// become absolute.
pub(crate) fn normal(expression: &str, context: &str) -> String {
    let tokens = tokens(expression);
    let mut out: Vec<String> = Vec::new();
    let mut brackets = 0_usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let is = |ahead: usize, what: &str| tokens.get(at + ahead).is_some_and(|token| token == what);
        let before = out.last().map(String::as_str);
        let begins = before.is_none_or(|before| before != "/" && before != ")" && before != "]");
        let current = is(0, "current") && is(1, "(") && is(2, ")") && is(3, "/");
        if begins
            && (current || (brackets == 0 && is(0, "..") || (brackets == 0 && is(0, ".") && is(1, "/"))))
            && context.starts_with('/')
        {
            let mut place = context.to_owned();
            at += if current { 4 } else { 0 };
            loop {
                match tokens.get(at).map(String::as_str) {
                    Some("..") => place = parent_of(&place),
                    Some(".") => {}
                    _ => break,
                }
                at += 1;
                if tokens.get(at).is_some_and(|token| token == "/") {
                    at += 1;
                } else {
                    break;
                }
            }
            let goes_on = tokens.get(at.wrapping_sub(1)).is_some_and(|token| token == "/");
            out.push(if goes_on { format!("{place}/") } else { place });
            continue;
        }
        match token.as_str() {
            "[" => brackets += 1,
            "]" => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        out.push(token.clone());
        at += 1;
    }
    join(&out)
}

/// The path without its last step.
fn parent_of(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(above, _)| above.to_owned())
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '@' | '$' | '{' | '}' | '#')
}

fn tokens(expression: &str) -> Vec<String> {
    // The oracle escapes expressions within texts twice.
    let plain = expression.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let characters: Vec<char> = plain.replace(['‘', '’'], "'").replace(['“', '”'], "\"").chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let from = at;
        at += 1;
        if character.is_whitespace() {
            continue;
        }
        if matches!(character, '\'' | '"') {
            while characters.get(at).is_some_and(|next| *next != character) {
                at += 1;
            }
            at += 1;
            let inner: String = characters.get(from + 1..at - 1).unwrap_or_default().iter().collect();
            tokens.push(if inner.contains('\'') { format!("\"{inner}\"") } else { format!("'{inner}'") });
            continue;
        }
        if is_word(character) {
            while characters.get(at).is_some_and(|next| is_word(*next)) {
                at += 1;
            }
        } else if matches!(character, '<' | '>' | '!') && characters.get(at) == Some(&'=') {
            at += 1;
        }
        tokens.push(characters.get(from..at).unwrap_or_default().iter().collect());
    }
    tokens
}

fn join(tokens: &[String]) -> String {
    let mut text = String::new();
    for token in tokens {
        let words =
            text.chars().next_back().is_some_and(is_word) && token.chars().next().is_some_and(is_word);
        if words {
            text.push(' ');
        }
        text.push_str(token);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn paths_become_absolute_and_white_space_goes() {
        for (expression, context, expected) in [
            (" ../a  + 1", "/data/r/b", "/data/r/a+1"),
            (
                "instance('x')/root/item[name = current()/../a ]",
                "/data/b",
                "instance('x')/root/item[name=/data/a]",
            ),
            ("../../r[ ./q != '' ]", "/data/r/b", "/data/r[./q!='']"),
            (". > 1 and ../@id", "/d/e", ".>1 and/d/@id"),
            ("\"x\"", "", "'x'"),
        ] {
            assert_eq!(normal(expression, context), expected, "{expression}");
        }
    }
}
