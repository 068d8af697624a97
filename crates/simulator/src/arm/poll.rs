//! How is a long-running operation asked about?

use http::Method;

use super::{Answer, ArmRequest};
use crate::{
    provider::{Context, Provider, context::signed_text, same},
    world::{Operation, World},
};

/// Returns the operation whose URL a request goes to.
pub(crate) fn find<'a>(world: &'a World, request: &ArmRequest) -> Option<&'a Operation> {
    if request.method != Method::GET {
        return None;
    }
    let mut segments = request.path.raw.rsplit('/');
    let operation = segments.find_map(|segment| world.operations.get(&segment.to_lowercase()))?;
    let here = |path: &Option<String>| path.as_ref().is_some_and(|path| same(path, &request.path.raw));
    (here(&operation.status_path) || here(&operation.result_path)).then_some(operation)
}

/// Answers for an operation.
pub(crate) fn answer(
    providers: &[Box<dyn Provider>],
    context: &Context<'_>,
    request: &ArmRequest,
    operation: &Operation,
) -> Answer {
    if request.api_version().is_empty() {
        return Answer::gateway(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        );
    }
    // A URL that was taken apart and put together differently has lost its signature. The code is an inference.
    if let Some(ticks) = request.query("t") {
        let path = operation
            .status_path
            .iter()
            .chain(&operation.result_path)
            .find(|path| same(path, &request.path.raw));
        let right = path.map(|path| context.seed.letters(&signed_text(path, &ticks), 342));
        if request.query("s") != right {
            return Answer::gateway(
                403,
                "AuthorizationFailed",
                "The signature of the operation URL is not valid.",
            );
        }
    }
    let Some(provider) = providers.iter().find(|provider| {
        provider
            .serves()
            .iter()
            .any(|served| served.kind == operation.provider)
    }) else {
        return Answer::not_found(&request.path);
    };
    let status = operation
        .status_path
        .as_ref()
        .is_some_and(|path| same(path, &request.path.raw));
    // Two URLs of one path: the one that leads to the result says so.
    let monitor = operation.status_path == operation.result_path
        && request
            .query("monitor")
            .is_some_and(|word| word.eq_ignore_ascii_case("true"));
    match status && !monitor {
        true => {
            let answer = provider.status(context, operation);
            match operation.retry_after.filter(|_| !operation.progress.over()) {
                Some(seconds) if answer.header_value("retry-after").is_none() => {
                    answer.header("retry-after", seconds.to_string())
                }
                _ => answer,
            }
        }
        false => provider.result(context, operation),
    }
}
