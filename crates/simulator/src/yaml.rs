//! How is YAML read? As JSON values; only `true` and `false` are booleans, so that `no` stays a word.

use serde_json::Value;

/// Reads YAML (or JSON, which is YAML) as a value.
pub(crate) fn value(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}
