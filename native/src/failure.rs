//! Where a rule failed, and of what. The engine's own message is not passed on: it quotes values.

/// Lines of a message that names a place: nothing, the place, three of source, and the sentence.
const LINES: usize = 6;

/// Bytes of a built-in's name.
const NAME_MAX: usize = 32;

/// `file:line: a rule failed: kind`; the place where the engine names one.
pub fn told(message: &str) -> String {
    let lines: Vec<&str> = message.splitn(LINES, '\n').collect();
    let place = lines.get(1).and_then(|line| line.strip_prefix("--> "));
    let place = place.and_then(|place| place.rsplit_once(':'));
    let sentence = lines.get(LINES - 1).copied().unwrap_or(message);
    let sentence = sentence.strip_prefix("error: ").unwrap_or(sentence);
    match place {
        Some((file_and_line, _column)) => {
            format!("{file_and_line}: a rule failed: {}", kind(sentence))
        }
        None => format!("a rule failed: {}", kind(sentence)),
    }
}

fn kind(sentence: &str) -> String {
    let many = ["rules", "complete rules", "functions", "function produced"];
    let is_many = many.iter().any(|start| sentence.starts_with(start));
    if sentence.starts_with("rule conflicts with ")
        || (is_many && sentence.contains("multiple outputs"))
    {
        return "two values for one name".to_owned();
    }
    format!("{} was given what it does not take", called(sentence))
}

/// The built-in that a sentence is about: it stands first in backticks, or before `takes`.
fn called(sentence: &str) -> &str {
    let quoted = sentence.strip_prefix('`');
    let quoted = quoted.and_then(|rest| rest.split_once('`'));
    let is_about = |rest: &str| rest.starts_with(" expects ") || rest.starts_with(" requires ");
    let quoted = quoted.filter(|(_, rest)| is_about(rest));
    let name = quoted.or_else(|| sentence.split_once(" takes "));
    let name = name.map_or("", |(name, _)| name);
    // Nothing but a name may leave: sentences quote values.
    let is_name = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
    if !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(is_name) {
        name
    } else {
        "a built-in"
    }
}
