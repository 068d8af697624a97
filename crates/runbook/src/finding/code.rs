//! The registry of codes. Each has a page under `docs/errors/`, kept in the binary so that
//! `leeward explain` needs no network.
//!
//! LW01xx the language, LW02xx plans, LW03xx settings and the command line, LW04xx runs,
//! LW05xx journals, LW06xx Azure. To add one: a line below and a page.

use std::fmt;

use serde::Serialize;

/// The code of a finding or an error, such as `LW0102`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(&'static str);

impl Code {
    /// Returns the text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

macro_rules! registry {
    ($($name:ident $code:literal $title:literal;)*) => {
        /// Every code by name.
        pub mod list {
            use super::Code;
            $(
                #[doc = concat!($code, ": ", $title, ".")]
                pub const $name: Code = Code($code);
            )*
        }

        static PAGES: &[(Code, &str, &str)] = &[
            $((list::$name, $title, include_str!(concat!("../../../../docs/errors/", $code, ".md"))),)*
        ];
    };
}

registry! {
    NOT_YAML "LW0101" "the file cannot be read";
    UNKNOWN_STEP "LW0102" "a step waits for a name that no step has";
    OVER_BOUNDS "LW0103" "the file is too large, too deep or multiplies itself";
    DUPLICATE_KEY "LW0104" "a key is written twice";
    UNKNOWN_KEY "LW0105" "a key is not known here";
    MISSING_KEY "LW0106" "a key is missing";
    WRONG_VALUE "LW0107" "a value is of the wrong sort";
    WRONG_UNIT "LW0108" "a duration or percentage has no unit";
    WRONG_VERSION "LW0109" "the version of the language is not known";
    WRONG_NAME "LW0110" "a name is not one that can be used";
    UNKNOWN_KIND "LW0111" "a step uses a kind that does not exist";
    CYCLE "LW0112" "steps wait for each other in a circle";
    WAITS_FOR_ITSELF "LW0113" "a step waits for itself";
    BAD_EXPRESSION "LW0114" "an expression cannot be read";
    UNKNOWN_IN_EXPRESSION "LW0115" "an expression reads a name that nothing has";
    UNKNOWN_OUTPUT "LW0116" "an expression reads an output that the step does not make";
    OUTPUT_NEVER_MADE "LW0117" "an expression reads an output of a step that takes no part";
    SIDE_MISSING "LW0118" "a direction's side is missing under at";
    LOSS_UNSAID "LW0119" "a step can lose data and does not say how much may be lost";
    WRONG_LADDER "LW0120" "a ladder has a rung that the kind does not know, or the wrong order";
    BUDGET_OVER_OBJECTIVE "LW0121" "a step may lose more than the platform's objective";
    NO_GOAL "LW0122" "nothing tells whether a step is done";
    WRONG_JOURNEY "LW0123" "a step is to take part in a journey that its kind cannot do";
    NO_CLEAN_UP "LW0124" "a drill would leave something behind";
    NEEDS_BURNING_REGION "LW0125" "the path to recovery needs the region that failed";
    AT_LEAST_TOO_LARGE "LW0126" "at-least asks for more than is selected";
    SAME_TARGET "LW0127" "two steps change the same thing";
    NO_END_OF_RECOVERY "LW0128" "no step ends recovery";
    NO_DRILL_NETWORK "LW0129" "a drill has no isolated network";
    UNUSED_PARAMETER "LW0130" "a parameter is never read";
    SECRET_STAYS_BEHIND "LW0131" "a secret does not travel with the run";
    SECOND_PERSON "LW0132" "a gate for two persons needs a shared journal";
    WRONG_PLACE "LW0133" "a setting stands in the wrong place";
    NOT_IN_LANGUAGE "LW0134" "a part of YAML that the language does not use";
    NOT_DRIVEN "LW0135" "a part of the language is not carried out yet";
    TOO_MANY_FINDINGS "LW0136" "there are more findings than are shown";
    WRONG_REGION "LW0137" "a region is not one that can be used";
    REAL_DRILL "LW0138" "a drill switches the databases for real";
    LAG_IN_AN_OUTAGE "LW0139" "a check of the lag cannot pass in an outage";
    BAD_MANIFEST "LW0140" "a manifest cannot be applied as it is written";
    NO_VALUE "LW0201" "a parameter has no value";
    WRONG_PARAMETER "LW0202" "a parameter's value is of the wrong sort";
    UNKNOWN_PARAMETER "LW0203" "a value is given to a parameter that does not exist";
    BAD_PARAMETERS_FILE "LW0204" "the file of parameters cannot be read";
    ONLY_NOT_CLOSED "LW0205" "the chosen part depends on steps outside it";
    FILE_MISSING "LW0206" "a file that the run needs is missing";
    NO_ANSWER "LW0207" "an expression has no value in this plan";
    NOTHING_TO_DO "LW0208" "no step takes part in the journey";
    NOT_CONFIRMED "LW0301" "a changing verb was not confirmed";
    SETTINGS_FILE "LW0302" "a settings file cannot be used";
    SETTING_VALUE "LW0303" "a setting has a value that it cannot have";
    OTHER_PLAN "LW0304" "this is not the plan that was named";
    DECLINED "LW0305" "nobody agreed";
    LOCAL_JOURNAL "LW0306" "a journal on this machine alone must be asked for";
    FILE "LW0307" "a file cannot be read or written";
    PARAMETER "LW0308" "a parameter on the command line cannot be read";
    INCOMPLETE "LW0309" "something that belongs to the command is missing";
    NO_SUCH_WORD "LW0310" "there is no such kind or code";
    SIMULATOR "LW0311" "the simulator cannot be started as asked";
    WORLD "LW0312" "a world or a fault cannot be read";
    DEFECT "LW0399" "Leeward has a defect";
    NOTHING_TO_RESUME "LW0401" "there is no run to speak of";
    NO_SUCH_RUN "LW0402" "there is no such run in this journal";
    NO_SUCH_STEP "LW0403" "the run has no such step or operation";
    RUN_OVER "LW0404" "the run is over";
    RUN_HELD "LW0405" "the run is held by a process that looks alive";
    TARGETS_HELD "LW0406" "another run holds targets of this plan";
    NOT_RESUMABLE "LW0407" "the run's journal cannot be gone on with";
    LEASE_LOST "LW0501" "the lease was lost to somebody else";
    JOURNAL_UNAVAILABLE "LW0502" "the journal is not available";
    JOURNAL_AMBIGUOUS "LW0503" "nobody knows whether the journal took the last write";
    JOURNAL_DAMAGED "LW0504" "the journal is damaged";
    CREDENTIAL "LW0601" "the credential cannot be used";
    ENDPOINT "LW0602" "the endpoint cannot be used";
    NETWORK "LW0603" "the proxy or the certificates cannot be used";
}

/// Returns every code, in order.
pub fn codes() -> impl Iterator<Item = Code> {
    PAGES.iter().map(|(code, _, _)| *code)
}

/// Returns the one-line title of a code, however it is written: `LW0102`, `lw0102`, `102`.
pub fn title(code: &str) -> Option<&'static str> {
    find(code).map(|(_, title, _)| *title)
}

/// Returns the page of a code, in Markdown.
pub fn explain(code: &str) -> Option<&'static str> {
    find(code).map(|(_, _, page)| *page)
}

fn find(code: &str) -> Option<&'static (Code, &'static str, &'static str)> {
    let digits = code.trim().trim_start_matches(['L', 'l', 'W', 'w']);
    let number: u32 = digits.parse().ok()?;
    let whole = format!("LW{number:04}");
    PAGES.iter().find(|(known, _, _)| known.as_str() == whole)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let pages: BTreeSet<String> = fs::read_dir(folder)
            .expect("docs/errors")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .collect();
        let known: BTreeSet<String> = codes().map(|code| code.to_string()).collect();
        assert_eq!(pages, known);
    }

    #[test]
    fn every_page_opens_with_its_code_and_title() {
        for (code, title, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: {title}\n")), "{code}");
            assert!(page.contains("\n## What to do\n"), "{code}");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for text in ["LW0102", "lw0102", "102", " LW102 "] {
            assert!(explain(text).is_some(), "{text}");
        }
        for text in ["LW9999", "", "LW", "x"] {
            assert!(explain(text).is_none(), "{text}");
        }
    }
}
