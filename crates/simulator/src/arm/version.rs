//! Which api-versions does a provider take?
//!
//! A provider's table names the versions that were seen. Between the oldest and the newest of them Azure has others,
//! and clients that nobody here has met send them: every dated version in between will do.

/// Returns whether an api-version has the form of a date, `-preview` or not.
pub(crate) fn dated(version: &str) -> bool {
    let date = version.get(..10).unwrap_or_default();
    date.parse::<jiff::civil::Date>().is_ok()
        && matches!(
            version.get(10..),
            Some("") | Some("-preview") | Some("-privatepreview")
        )
}

/// Returns whether a table takes an api-version; an empty table takes every one of the right form.
pub(crate) fn taken(table: &[&str], version: &str) -> bool {
    // Dates that are written so are in the order of their letters.
    let date = |version: &str| version.get(..10).unwrap_or_default().to_owned();
    let oldest = table.iter().map(|version| date(version)).min();
    let newest = table.iter().map(|version| date(version)).max();
    dated(version)
        && oldest.is_none_or(|oldest| oldest <= date(version))
        && newest.is_none_or(|newest| date(version) <= newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_version_between_the_oldest_and_the_newest_is_taken_and_no_other() {
        let table = ["2024-01-01", "2022-05-01-preview", "2026-02-01"];
        for good in ["2022-05-01", "2024-01-01", "2025-07-02-preview", "2026-02-01"] {
            assert!(taken(&table, good), "{good}");
        }
        for bad in [
            "2022-04-30",
            "2026-02-02",
            "2025-13-01",
            "latest",
            "",
            "2024-01-01-beta",
        ] {
            assert!(!taken(&table, bad), "{bad}");
        }
        assert!(taken(&[], "1999-01-01") && !taken(&[], "latest"));
    }
}
