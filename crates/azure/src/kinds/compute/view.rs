//! What does Azure say of a machine and of a script on it? Pure; what is missing or unknown proves nothing.

use serde_json::Value;

use crate::arm::reply::cut;

/// A machine, as far as a script needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Its region; a run command is made there.
    pub(super) location: String,
    /// Azure's word for whether it is switched on, without the part before the slash.
    pub(super) power: Option<String>,
}

impl Machine {
    /// Reads a machine with its instance view.
    pub(super) fn read(body: &Value) -> Option<Machine> {
        let location = body["location"].as_str().filter(|place| !place.is_empty())?;
        let statuses = body.pointer("/properties/instanceView/statuses");
        let codes = statuses.and_then(Value::as_array).into_iter().flatten();
        let power = codes
            .filter_map(|status| status["code"].as_str())
            .find_map(|code| {
                let (kind, word) = code.split_once('/')?;
                kind.eq_ignore_ascii_case("PowerState").then(|| cut(word))
            });
        Some(Machine {
            location: location.to_owned(),
            power,
        })
    }

    /// Returns whether it is known not to run.
    pub(super) fn is_off(&self) -> bool {
        let known = ["deallocated", "deallocating", "stopped", "stopping", "starting"];
        self.power
            .as_ref()
            .is_some_and(|word| known.iter().any(|known| word.eq_ignore_ascii_case(known)))
    }
}

/// Returns the name of a run command.
pub(super) fn name(body: &Value) -> Option<&str> {
    body["name"].as_str().filter(|name| !name.is_empty())
}

/// How a script stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not ended, or nobody says so: `Pending`, `Running`, `Unknown`, no word, and every word that is not known.
    Going(String),
    /// It ended as expected.
    Well(Ended),
    /// It ended otherwise.
    Badly(Ended),
    /// It ended, and nobody says with which exit code.
    Silent,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its exit code, where there is one.
    pub(super) code: Option<i64>,
    /// What became of it, in words.
    pub(super) how: String,
    /// What it wrote, then what it complained of; foreign, and not looked through for secrets yet.
    pub(super) output: String,
}

/// Reads a run command with its instance view. The exit code is the truth: a script that fails may well end as
/// `Succeeded`.
pub(super) fn standing(body: &Value, expect: &[i64]) -> Standing {
    let view = &body["properties"]["instanceView"];
    let word = view["executionState"].as_str().unwrap_or_default();
    let folded = word.to_ascii_lowercase();
    let code = view["exitCode"].as_i64();
    let ended = |how: String| Ended {
        code,
        how,
        output: output(view),
    };
    match (folded.as_str(), code) {
        // Whatever a script leaves behind that Azure has ended, it did not do its work.
        ("timedout", _) => Standing::Badly(ended("it ran longer than it may and was ended".to_owned())),
        ("canceled" | "cancelled", _) => Standing::Badly(ended("it was cancelled".to_owned())),
        ("succeeded", None) => Standing::Silent,
        ("failed", None) => Standing::Badly(ended(match message(view) {
            Some(why) => format!("Azure says that it failed: {why}"),
            None => "Azure says that it failed".to_owned(),
        })),
        // What failed before or after the script is none of the script's: its exit code says nothing then.
        ("failed", Some(0)) => Standing::Badly(ended(match message(view) {
            Some(why) => format!("Azure says that it failed, with exit code 0: {why}"),
            None => "Azure says that it failed, with exit code 0".to_owned(),
        })),
        ("succeeded" | "failed", Some(code)) => {
            let how = format!("it ended with exit code {code}");
            match expect.contains(&code) {
                true => Standing::Well(ended(how)),
                false => Standing::Badly(ended(how)),
            }
        }
        // It still runs, whatever has become of the operation around it.
        ("running", _) => Standing::Going(cut(word)),
        _ if given_up(body) => Standing::Badly(Ended {
            code: None,
            how: match message(view) {
                Some(why) => format!("Azure could not run it: {why}"),
                None => "Azure could not run it".to_owned(),
            },
            output: output(view),
        }),
        _ if word.is_empty() => Standing::Going("Pending".to_owned()),
        _ => Standing::Going(cut(word)),
    }
}

/// Returns whether Azure has ended its own work at it badly.
fn given_up(body: &Value) -> bool {
    let word = body["properties"]["provisioningState"]
        .as_str()
        .unwrap_or_default();
    ["failed", "canceled", "cancelled"].contains(&word.to_ascii_lowercase().as_str())
}

fn message(view: &Value) -> Option<&str> {
    view["executionMessage"]
        .as_str()
        .filter(|text| !text.trim().is_empty())
}

fn output(view: &Value) -> String {
    let part = |name: &str| view[name].as_str().unwrap_or_default();
    let (out, err) = (part("output"), part("error"));
    let gap = if out.is_empty() || out.ends_with('\n') || err.is_empty() {
        ""
    } else {
        "\n"
    };
    format!("{out}{gap}{err}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(view: Value) -> Standing {
        standing(
            &json!({"name": "n", "properties": {"instanceView": view}}),
            &[0, 3],
        )
    }

    #[test]
    fn the_exit_code_decides_and_not_the_word_success() {
        let well = |view| matches!(seen(view), Standing::Well(_));
        let badly = |view| matches!(seen(view), Standing::Badly(_));
        assert!(well(json!({"executionState": "Succeeded", "exitCode": 0})));
        assert!(badly(json!({"executionState": "Succeeded", "exitCode": 1})));
        // What the runbook expects is success, whatever Azure calls it.
        assert!(well(json!({"executionState": "Failed", "exitCode": 3})));
        assert!(badly(json!({"executionState": "Failed", "exitCode": 0})));
        assert!(badly(json!({"executionState": "Failed"})));
        for word in ["TimedOut", "Canceled", "cancelled"] {
            assert!(badly(json!({"executionState": word, "exitCode": 0})), "{word}");
        }
        assert_eq!(seen(json!({"executionState": "Succeeded"})), Standing::Silent);
        assert_eq!(
            seen(json!({"executionState": "succeeded", "exitCode": "0"})),
            Standing::Silent
        );
    }

    #[test]
    fn every_word_that_is_no_end_means_that_it_still_runs() {
        for word in ["Unknown", "Pending", "Running", "Preparing", ""] {
            let seen = seen(json!({"executionState": word, "exitCode": 0}));
            assert!(matches!(seen, Standing::Going(_)), "{word}");
        }
        for view in [
            Value::Null,
            json!({}),
            json!({"executionState": 7, "exitCode": 0}),
        ] {
            assert!(matches!(seen(view), Standing::Going(_)));
        }
    }

    #[test]
    fn a_script_that_azure_gave_up_on_has_ended_unless_it_says_that_it_runs() {
        let given_up = |word: &str| {
            let view = json!({"executionState": word});
            let body = json!({"properties": {"provisioningState": "Failed", "instanceView": view}});
            standing(&body, &[0])
        };
        assert!(matches!(given_up("Unknown"), Standing::Badly(_)));
        assert!(matches!(given_up(""), Standing::Badly(_)));
        assert!(matches!(given_up("Running"), Standing::Going(_)));
    }

    #[test]
    fn a_machine_is_off_only_where_it_says_so() {
        let machine = |code: &str| {
            let view = json!({"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": code}]});
            Machine::read(&json!({"location": "northeurope", "properties": {"instanceView": view}})).unwrap()
        };
        assert!(machine("PowerState/deallocated").is_off());
        assert!(machine("PowerState/Stopped").is_off());
        assert!(!machine("PowerState/running").is_off());
        assert!(!machine("PowerState/dreaming").is_off());
        assert!(!machine("OSState/generalized").is_off());
        assert_eq!(Machine::read(&json!({"properties": {}})), None);
    }
}
