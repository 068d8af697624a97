//! How is a text shown that somebody else's program wrote? Its end, without secrets, each line marked.

use super::secrets::Opened;

/// How much of an output is kept in the journal.
pub(crate) const KEPT: usize = 4 * 1024;

/// Returns the end of what a program wrote, without secrets, each line marked as foreign.
pub(crate) fn foreign(output: &str, opened: &Opened) -> String {
    let hidden = opened.hide(output);
    let start = hidden.len().saturating_sub(KEPT);
    let start = (start..=hidden.len())
        .find(|place| hidden.is_char_boundary(*place))
        .unwrap_or(hidden.len());
    let end = &hidden[start..];
    let lines: Vec<String> = end
        .lines()
        .map(|line| {
            let clean: String = line
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            format!("| {}", clean.trim_end())
        })
        .collect();
    let cut = if start > 0 { "| …\n" } else { "" };
    format!("{cut}{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_output_keeps_its_end() {
        let long = format!("{}\nthe end", "ü".repeat(9000));
        let kept = foreign(&long, &Opened::default());
        assert!(kept.starts_with("| …\n| ü") && kept.ends_with("\n| the end"));
        assert!(kept.len() < KEPT + 40);
    }
}
