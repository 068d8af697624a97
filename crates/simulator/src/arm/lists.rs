//! How is a list cut into pages, and narrowed by `$filter`?

use serde_json::{Value, json};

use super::{Answer, ArmRequest, answer::Body};

/// What a page's link carries: how many items stand before it.
const TOKEN: &str = "$skiptoken";

/// Cuts a list into pages of a size, where the world says that lists have pages. What is no list stays as it is.
pub(crate) fn paged(size: Option<usize>, request: &ArmRequest, mut answer: Answer) -> Answer {
    let (Some(size), Body::Json(body), true) = (
        size.map(|size| size.max(1)),
        &mut answer.body,
        answer.status == 200,
    ) else {
        return answer;
    };
    let Some(list) = body.get_mut("value").and_then(Value::as_array_mut) else {
        return answer;
    };
    let before: usize = request
        .query(TOKEN)
        .and_then(|token| token.parse().ok())
        .unwrap_or_default();
    let more = list.len() > before.saturating_add(size);
    *list = list.drain(..).skip(before).take(size).collect();
    if more {
        let kept = request
            .query
            .split('&')
            .filter(|pair| !pair.to_lowercase().starts_with("$skiptoken=") && !pair.is_empty())
            .chain([format!("{TOKEN}={}", before.saturating_add(size)).as_str()])
            .collect::<Vec<_>>()
            .join("&");
        let path = request.path.raw.replace(' ', "%20");
        body["nextLink"] = json!(format!("{}{path}?{kept}", request.base));
    }
    answer
}

/// Leaves those items of a list that a `$filter` means, or says that it cannot be read. Known is what lists of
/// resources and of groups take: `name`, `resourceType`, `location`, `tagName` and `tagValue` with `eq`, and `and`.
pub(crate) fn filtered(request: &ArmRequest, items: Vec<Value>) -> Result<Vec<Value>, Answer> {
    let Some(filter) = request
        .query("$filter")
        .filter(|filter| !filter.trim().is_empty())
    else {
        return Ok(items);
    };
    let terms = terms(&filter).ok_or_else(|| {
        Answer::gateway(
            400,
            "InvalidFilterInQueryString",
            format!("Invalid $filter '{filter}' specified in the query string."),
        )
    })?;
    let tag = terms
        .iter()
        .find(|(name, _)| name == "tagname")
        .map(|(_, tag)| tag.clone());
    let fits = |item: &Value, name: &str, wanted: &str| {
        let alike = |found: &Value| {
            found
                .as_str()
                .is_some_and(|found| found.eq_ignore_ascii_case(wanted))
        };
        match name {
            "resourcetype" => alike(&item["type"]),
            "tagname" => item["tags"].get(wanted).is_some(),
            "tagvalue" => tag.as_ref().is_some_and(|tag| item["tags"][tag] == wanted),
            name => alike(&item[name]),
        }
    };
    let wanted = |item: &Value| terms.iter().all(|(name, value)| fits(item, name, value));
    Ok(items.into_iter().filter(wanted).collect())
}

/// Returns the names, folded, and the values of `name eq 'value' and …`.
fn terms(filter: &str) -> Option<Vec<(String, String)>> {
    const KNOWN: [&str; 5] = ["name", "resourcetype", "location", "tagname", "tagvalue"];
    let mut found = Vec::new();
    let mut rest = filter.trim();
    loop {
        let (name, after) = rest.split_once(char::is_whitespace)?;
        let name = name.to_lowercase();
        let (value, after) = after
            .trim_start()
            .strip_prefix("eq ")?
            .trim_start()
            .strip_prefix('\'')?
            .split_once('\'')?;
        if !KNOWN.contains(&name.as_str()) {
            return None;
        }
        found.push((name, value.to_owned()));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix("and ")?.trim_start();
    }
}
