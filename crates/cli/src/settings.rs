//! Which value a setting has and where it came from: flags, then environment, then the project's
//! `leeward.toml`, then the user's file, then the default.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::{Path, PathBuf},
};

use crate::{arguments::Globals, code::Code, failure::Failure, screen::nearest};

/// One setting that Leeward knows.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in a settings file.
    pub name: &'static str,
    /// Its flag, where it has one.
    pub flag: Option<&'static str>,
    /// Its environment variable.
    pub variable: &'static str,
    /// Its value when nobody says anything; nothing where it has none.
    pub default: Option<&'static str>,
    /// One line of documentation.
    pub summary: &'static str,
}

/// Every setting.
pub const KEYS: [Key; 14] = [
    Key {
        name: "journal",
        flag: Some("--journal"),
        variable: "LEEWARD_JOURNAL",
        default: None,
        summary: "the file where runs are recorded",
    },
    Key {
        name: "cloud",
        flag: None,
        variable: "LEEWARD_CLOUD",
        default: Some("public"),
        summary: "public, china, government or custom: where its Resource Manager and authority are",
    },
    Key {
        name: "endpoint",
        flag: Some("--endpoint"),
        variable: "LEEWARD_ENDPOINT",
        default: None,
        summary: "the Azure Resource Manager to speak to, that of the cloud when not said; plain http only to loopback",
    },
    Key {
        name: "authority",
        flag: None,
        variable: "LEEWARD_AUTHORITY",
        default: None,
        summary: "where tokens come from, that of the cloud when not said; https only",
    },
    Key {
        name: "audience",
        flag: None,
        variable: "LEEWARD_AUDIENCE",
        default: None,
        summary: "what a token is asked for, the endpoint when not said",
    },
    Key {
        name: "ca-bundle",
        flag: None,
        variable: "LEEWARD_CA_BUNDLE",
        default: None,
        summary: "a PEM file of certificates to trust beside the system's own",
    },
    Key {
        name: "credential",
        flag: Some("--credential"),
        variable: "LEEWARD_CREDENTIAL",
        default: None,
        summary: "the kind of credential, by name; never the secret itself",
    },
    Key {
        name: "tenant",
        flag: None,
        variable: "LEEWARD_TENANT",
        default: None,
        summary: "the tenant of the credential, where its kind needs one",
    },
    Key {
        name: "client",
        flag: None,
        variable: "LEEWARD_CLIENT",
        default: None,
        summary: "the client id of the application or of a user-assigned identity",
    },
    Key {
        name: "secret",
        flag: None,
        variable: "LEEWARD_SECRET",
        default: None,
        summary: "where the secret is: env:NAME or file:PATH; never the secret itself",
    },
    Key {
        name: "user",
        flag: Some("--user"),
        variable: "LEEWARD_USER",
        default: None,
        summary: "the name under which approvals and commands are recorded",
    },
    Key {
        name: "parallel",
        flag: Some("--parallel"),
        variable: "LEEWARD_PARALLEL",
        default: None,
        summary: "how many steps may be under way at once; as wide as the graph when not said",
    },
    Key {
        name: "marks",
        flag: None,
        variable: "LEEWARD_MARKS",
        default: Some("off"),
        summary: "on or off: whether accounts and traffic profiles that moved get the tags leeward-run and leeward-side",
    },
    Key {
        name: "color",
        flag: Some("--color"),
        variable: "LEEWARD_COLOR",
        default: Some("auto"),
        summary: "auto, always or never",
    },
];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(&'static str),
    /// The environment.
    Environment(&'static str),
    /// A settings file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(out, "flag {flag}"),
            Origin::Environment(name) => write!(out, "environment {name}"),
            Origin::File(path) => write!(out, "file {}", path.display()),
            Origin::Default => out.write_str("default"),
        }
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorWish {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// All settings with their origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// The files that were looked for, and whether each was there.
    pub files: Vec<(PathBuf, bool)>,
}

impl Settings {
    /// Reads all layers.
    pub fn read(globals: &Globals) -> Result<Settings, Failure> {
        let project = match &globals.config {
            Some(path) => Some(path.clone()),
            None => project_file(),
        };
        let mut files = Vec::new();
        let mut layers = Vec::new();
        for (path, demanded) in [(project, globals.config.is_some()), (user_file(), false)] {
            let Some(path) = path else { continue };
            let there = path.is_file();
            if there || demanded {
                layers.push((path.clone(), read_file(&path)?));
            }
            files.push((path, there));
        }
        let mut values = BTreeMap::new();
        for key in &KEYS {
            let flag = key
                .flag
                .and_then(|flag| Some((globals.flag(key.name)?, Origin::Flag(flag))));
            let found = flag
                .or_else(|| variable(key))
                .or_else(|| {
                    layers.iter().find_map(|(path, layer)| {
                        Some((layer.get(key.name)?.clone(), Origin::File(path.clone())))
                    })
                })
                .or_else(|| Some((key.default?.to_owned(), Origin::Default)));
            if let Some(found) = found {
                values.insert(key.name, found);
            }
        }
        let settings = Settings { values, files };
        settings.color()?;
        settings.parallel()?;
        Ok(settings)
    }

    /// Returns a value as text, with its origin.
    pub fn get(&self, name: &str) -> Option<(&str, &Origin)> {
        self.values
            .get(name)
            .map(|(value, origin)| (value.as_str(), origin))
    }

    /// Returns a value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|(value, _)| value)
    }

    /// Returns the wish for colour.
    pub fn color(&self) -> Result<ColorWish, Failure> {
        match self.get("color") {
            Some(("always", _)) => Ok(ColorWish::Always),
            Some(("never", _)) => Ok(ColorWish::Never),
            Some(("auto", _)) | None => Ok(ColorWish::Auto),
            Some((other, origin)) => Err(bad_value("color", other, origin, "`auto`, `always` or `never`")),
        }
    }

    /// Returns how many steps may be under way at once, where somebody said so.
    pub fn parallel(&self) -> Result<Option<usize>, Failure> {
        let Some((text, origin)) = self.get("parallel") else {
            return Ok(None);
        };
        match text.parse::<usize>() {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => Err(bad_value("parallel", text, origin, "a whole number from 1")),
        }
    }

    /// Returns what the environment alone says about colour, for errors that come before any setting.
    pub fn early_color() -> ColorWish {
        match env::var("LEEWARD_COLOR").as_deref() {
            Ok("always") => ColorWish::Always,
            Ok("never") => ColorWish::Never,
            _ if no_color() => ColorWish::Never,
            _ => ColorWish::Auto,
        }
    }
}

fn bad_value(name: &str, text: &str, origin: &Origin, expected: &str) -> Failure {
    Failure::new(
        Code::SettingValue,
        format!("the setting `{name}` cannot be `{text}`, it is {expected}"),
    )
    .at(origin.to_string())
    .hint("run `leeward config` to see every setting and where it came from")
}

fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn variable(key: &Key) -> Option<(String, Origin)> {
    let value = env::var(key.variable).ok().filter(|value| !value.is_empty());
    match value {
        Some(value) => Some((value, Origin::Environment(key.variable))),
        None if key.name == "color" && no_color() => {
            Some(("never".to_owned(), Origin::Environment("NO_COLOR")))
        }
        None => None,
    }
}

/// Finds the nearest `leeward.toml` from the present folder upwards.
fn project_file() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    let found = here
        .ancestors()
        .map(|folder| folder.join("leeward.toml"))
        .find(|path| path.is_file());
    Some(found.unwrap_or_else(|| here.join("leeward.toml")))
}

/// Returns where this user's own settings live on this system.
fn user_file() -> Option<PathBuf> {
    let folder = match env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None if cfg!(windows) => PathBuf::from(env::var_os("APPDATA")?),
        None if cfg!(target_os = "macos") => {
            PathBuf::from(env::var_os("HOME")?).join("Library/Application Support")
        }
        None => PathBuf::from(env::var_os("HOME")?).join(".config"),
    };
    Some(folder.join("leeward").join("leeward.toml"))
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let unusable = |why: String| {
        Failure::new(Code::SettingsFile, "cannot use the settings file")
            .at(path.display().to_string())
            .because(why)
    };
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let place = error.span().map(|span| line_of(&text, span.start));
        let place = place.map(|line| format!("{}:{line}", path.display()));
        let failure = unusable(error.message().to_owned());
        match place {
            Some(place) => failure.at(place),
            None => failure,
        }
    })?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if !KEYS.iter().any(|key| key.name == name) {
            let failure = unusable(format!("`{name}` is not a setting"));
            return Err(match nearest(&name, KEYS.iter().map(|key| key.name)) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("run `leeward config` to see every setting"),
            });
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            other => {
                return Err(unusable(format!(
                    "`{name}` holds {} where a text or a number belongs",
                    other.type_str()
                )));
            }
        };
        // A relative path in a file means a place beside that file, wherever the command is run.
        let text = match (name.as_str(), path.parent()) {
            ("journal" | "ca-bundle", Some(folder)) => folder.join(&text).display().to_string(),
            _ => text,
        };
        values.insert(name, text);
    }
    Ok(values)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<BTreeMap<String, String>, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("leeward.toml");
        fs::write(&path, text).expect("written");
        read_file(&path)
    }

    #[test]
    fn a_misspelt_setting_is_named_with_the_likeliest_one() {
        let failure = written("endpont = \"x\"\n").expect_err("refused");
        assert_eq!(failure.code, Code::SettingsFile);
        assert_eq!(failure.hints[0], "did you mean `endpoint`?");
    }

    #[test]
    fn a_broken_settings_file_is_named_with_its_line() {
        let failure = written("journal = \"a\"\nendpoint =\n").expect_err("refused");
        assert!(failure.place.expect("a place").ends_with("leeward.toml:2"));
    }

    #[test]
    fn a_journal_in_a_file_stands_beside_that_file() {
        let values = written("journal = \"runs.journal\"\nparallel = 4\n").expect("read");
        assert!(values["journal"].ends_with("/runs.journal") && values["journal"].len() > 13);
        assert_eq!(values["parallel"], "4");
    }
}
