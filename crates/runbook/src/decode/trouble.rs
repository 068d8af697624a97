//! What is wrong with the text as YAML, told as findings.

use crate::{
    finding::{Finding, Findings, code_list as code},
    yaml::{self, Bad, Trouble},
};

/// Tells of one trouble.
pub(super) fn add(trouble: &Trouble, findings: &mut Findings) {
    let finding = match &trouble.bad {
        Bad::TooLarge { bytes } => Finding::error(
            code::OVER_BOUNDS,
            format!("the file has {bytes} bytes, {} is the most", yaml::MOST_BYTES),
        )
        .because("a larger file is no runbook that a person could check; it was not read")
        .fix("look whether this is the right file"),
        Bad::TooDeep => Finding::error(
            code::OVER_BOUNDS,
            format!("the file is nested more than {} levels deep", yaml::MOST_DEPTH),
        )
        .because("no setting of any kind lies that deep")
        .fix("look whether this is the right file, and whether a bracket is missing before this place"),
        Bad::TooMany => Finding::error(
            code::OVER_BOUNDS,
            format!("the file has more than {} values", yaml::MOST_NODES),
        )
        .because("memory and time are bounded on purpose")
        .fix("look whether this is the right file"),
        Bad::AliasBomb => Finding::error(
            code::OVER_BOUNDS,
            format!("aliases add more than {} values", yaml::MOST_BY_ALIAS),
        )
        .because("aliases of aliases multiply: a small file becomes larger than memory")
        .fix("write the values out where they are needed"),
        Bad::NotText => Finding::error(code::NOT_YAML, "the file is not UTF-8 text")
            .because("a runbook is YAML in UTF-8")
            .fix("look whether this is the right file")
            .fix("save it as UTF-8"),
        Bad::Syntax(message) => {
            let message: String = message.chars().take(160).collect();
            let tab = findings
                .source
                .text
                .get(..trouble.span.end as usize)
                .is_some_and(|before| {
                    before
                        .rsplit('\n')
                        .next()
                        .is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'))
                });
            let mut finding = Finding::error(
                code::NOT_YAML,
                format!("the file cannot be read as YAML: {message}"),
            )
            .because("until this is mended nothing else of the file is looked at: there may be more to tell");
            if tab {
                finding = finding.fix("indent with spaces, not with tabs");
            }
            finding.fix(
                "look at this line and the one before: an indent, a quote, a colon or a bracket is wrong",
            )
        }
        Bad::BadAlias(what) => Finding::error(code::NOT_YAML, format!("the alias {what}"))
            .because("an alias `*name` repeats the value that was marked `&name` before it")
            .fix("write the value out")
            .fix("put quotes around a text that starts with `*`"),
        Bad::DuplicateKey { key, first } => {
            let message = format!("`{}` is written twice", key.escape_debug());
            let finding = Finding::error(code::DUPLICATE_KEY, message)
                .because(format!(
                    "the first one, on line {}, is taken; the second would silently win elsewhere",
                    first.line
                ))
                .fix("remove one of the two")
                .fix("give one of them another name");
            findings.add_with(trouble.span, finding, *first, "the first one");
            return;
        }
        Bad::KeyNotText => Finding::error(code::NOT_IN_LANGUAGE, "a list or a map is used as a key")
            .because("keys are words")
            .fix("put quotes around a key that starts with `[` or `{`"),
        Bad::Tag(tag) => Finding::error(
            code::NOT_IN_LANGUAGE,
            format!("`{}` is a tag", tag.escape_debug()),
        )
        .because("the language knows the sort of every value by its key; tags could only contradict")
        .fix("remove the tag"),
        Bad::MergeKey => Finding::error(code::NOT_IN_LANGUAGE, "`<<` merges one map into another")
            .because("who reads a step at night must see all its settings in one place")
            .fix("write the keys out"),
        Bad::SecondDocument => Finding::error(code::NOT_IN_LANGUAGE, "a second document begins here")
            .because("one file holds one runbook")
            .fix("move it to a file of its own")
            .fix("remove the `---`"),
    };
    findings.add(trouble.span, finding);
}
