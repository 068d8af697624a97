//! Whom does a request reach, and is it let in?
//!
//! The order is ARM's: route, api-version, token, subscription, what stands before all providers (`gate/`: role,
//! resource group, lock, the group's region), then the provider's own region, then the provider. What lies in a region
//! that is gone never answers.

use http::Method;
use serde_json::Value;

use super::{Answer, ArmRequest, answer::Body, groups, lists, poll, registration, version};
use crate::{
    authority,
    gate::{self, Stopped},
    provider::{self, Context, Provider},
    world::{Health, World},
};

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Reached {
    /// Somebody answered.
    Answered(Answer),
    /// Nobody will.
    Silent,
}

/// Returns the type that decides who serves a request: the resource's, or a collection's that is read.
fn kind(request: &ArmRequest) -> String {
    match (&request.method, request.path.collection()) {
        (&Method::GET | &Method::HEAD, Some(collection)) => collection,
        // A POST action on a whole provider: its last segment is all there is.
        (_, Some(collection)) if request.path.types.is_empty() => collection,
        _ => request.path.kind(),
    }
}

/// Returns the region that serves a request, as far as one can tell from outside.
pub(crate) fn region(providers: &[Box<dyn Provider>], world: &World, request: &ArmRequest) -> Option<String> {
    if let Some(operation) = poll::find(world, request) {
        return Some(operation.region.clone());
    }
    if request.path.namespace.is_none() {
        let group = request.path.group.as_ref()?;
        let subscription = request.path.subscription.as_ref()?;
        return match world.group_of(subscription, group) {
            Some(group) => Some(group.location.clone()),
            // One that is made now is made where its body says.
            None => request.json()["location"].as_str().map(str::to_owned),
        };
    }
    let (provider, _) = provider::find(providers, world, &kind(request))?;
    provider.region(world, request)
}

/// Carries a request out.
pub(crate) fn carry_out(
    providers: &[Box<dyn Provider>],
    context: &mut Context<'_>,
    request: &ArmRequest,
) -> Reached {
    match let_in(providers, context, request) {
        Ok(reached) => reached,
        Err(answer) => Reached::Answered(answer.accepted(false)),
    }
}

fn let_in(
    providers: &[Box<dyn Provider>],
    context: &mut Context<'_>,
    request: &ArmRequest,
) -> Result<Reached, Answer> {
    if let Some(answer) = authority::answer(context, request) {
        return Ok(Reached::Answered(answer));
    }
    if let Some(operation) = poll::find(context.world, request).cloned() {
        token(context, request)?;
        if context.health(&operation.region) == Health::Gone {
            return Ok(Reached::Silent);
        }
        return Ok(Reached::Answered(poll::answer(
            providers, context, request, &operation,
        )));
    }
    let served = served(providers, context.world, request)?;
    token(context, request)?;
    if let Some(id) = &request.path.subscription
        && !context.world.subscriptions.contains_key(&id.to_lowercase())
    {
        return Err(groups::missing_subscription(id));
    }
    match gate::pass(context, request) {
        Ok(()) => {}
        Err(Stopped::Refused(answer)) => return Err(answer),
        Err(Stopped::Silent) => return Ok(Reached::Silent),
    }
    let (provider, versions) = match served {
        ServedBy::Arm => {
            let region = region(providers, context.world, request);
            if region.is_some_and(|region| context.health(&region) == Health::Gone) {
                return Ok(Reached::Silent);
            }
            let answer = groups::answer(providers, context.world, request);
            return Ok(Reached::Answered(lists::paged(
                context.world.page_size,
                request,
                answer,
            )));
        }
        ServedBy::Registration => {
            return Ok(Reached::Answered(registration::answer(
                providers,
                context.world,
                request,
            )));
        }
        ServedBy::Provider(provider, versions) => (provider, versions),
    };
    tracing::trace!(path = %request.path.raw, ?versions, "served");
    let region = provider.region(context.world, request);
    if region.is_some_and(|region| context.health(&region) == Health::Gone) {
        return Ok(Reached::Silent);
    }
    if let Some(refused) = misshapen(request) {
        return Err(refused);
    }
    if request.method == Method::HEAD {
        return Ok(Reached::Answered(existence(provider, context, request)));
    }
    let answer = provider.answer(context, request);
    Ok(Reached::Answered(lists::paged(
        context.world.page_size,
        request,
        answer,
    )))
}

/// Who serves a request.
enum ServedBy<'a> {
    /// ARM itself.
    Arm,
    /// ARM, of its providers.
    Registration,
    /// A provider, in these api-versions.
    Provider(&'a dyn Provider, &'static [&'static str]),
}

/// Finds who serves a request, in an api-version that it knows.
fn served<'a>(
    providers: &'a [Box<dyn Provider>],
    world: &World,
    request: &ArmRequest,
) -> Result<ServedBy<'a>, Answer> {
    let version = request.api_version();
    if version.is_empty() {
        return Err(Answer::gateway(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    }
    if request.path.namespace.is_none() {
        return Ok(ServedBy::Arm);
    }
    if request.path.types.is_empty() && matches!(request.path.action().as_deref(), None | Some("register")) {
        return Ok(ServedBy::Registration);
    }
    let (provider, versions) = route(providers, world, request, &version)?;
    Ok(ServedBy::Provider(provider, versions))
}

/// Says whether something is there, without showing it.
fn existence(provider: &dyn Provider, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let read = ArmRequest {
        method: Method::GET,
        ..request.clone()
    };
    let answer = provider.answer(context, &read);
    match answer.succeeded() {
        true => Answer::empty(204),
        false => Answer {
            body: Body::Empty,
            ..answer
        },
    }
}

/// Refuses a body that is no object, or whose properties are none. That ARM refuses what it cannot read is well known,
/// the code too; that it looks so closely at all providers' bodies is an inference.
fn misshapen(request: &ArmRequest) -> Option<Answer> {
    let told =
        matches!(request.method, Method::PUT | Method::PATCH | Method::POST) && !request.body.is_empty();
    let shaped = match serde_json::from_slice::<Value>(&request.body) {
        Ok(Value::Null) => true,
        Ok(body) => body.is_object() && (body["properties"].is_null() || body["properties"].is_object()),
        Err(_) => false,
    };
    (told && !shaped).then(|| {
        Answer::gateway(
            400,
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized.",
        )
    })
}

/// Any bearer token will do, unless the world names those that do or has an authority that gives them out.
fn token(context: &Context<'_>, request: &ArmRequest) -> Result<(), Answer> {
    const CHALLENGE: &str = "Bearer authorization_uri=\"https://login.windows.net/\", error=\"invalid_token\", \
                             error_description=";
    let refused = |code: &str, why: &str| {
        Answer::gateway(401, code, why).header("www-authenticate", format!("{CHALLENGE}\"{why}\""))
    };
    let Some(header) = request.header("authorization") else {
        let why = "The authentication failed because of missing 'Authorization' header.";
        return Err(Answer::gateway(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
        .header("www-authenticate", format!("{CHALLENGE}\"{why}\"")));
    };
    let token = header
        .split_once(' ')
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
        .map(|(_, token)| token.trim());
    let invalid = || refused("InvalidAuthenticationToken", "The access token is invalid.");
    let Some(token) = token else { return Err(invalid()) };
    let world = &context.world;
    if world.tokens.iter().any(|known| known == token) {
        return Ok(());
    }
    match &world.directory {
        Some(_) => authority::judge(context, token).map_err(|no| refused(no.code(), &no.to_string())),
        None if world.tokens.is_empty() => Ok(()),
        None => Err(invalid()),
    }
}

fn route<'a>(
    providers: &'a [Box<dyn Provider>],
    world: &World,
    request: &ArmRequest,
    version: &str,
) -> Result<(&'a dyn Provider, &'static [&'static str]), Answer> {
    let kind = kind(request);
    let namespace = request.path.namespace.clone().unwrap_or_default();
    let short = kind.split_once('/').map(|(_, short)| short).unwrap_or_default();
    if !version::dated(version) {
        return Err(Answer::gateway(
            400,
            "InvalidApiVersionParameter",
            format!("The api-version '{version}' is invalid."),
        ));
    }
    let missing = |rest: String| {
        Answer::gateway(
            404,
            "InvalidResourceType",
            format!(
                "The resource type '{short}' could not be found in the namespace '{namespace}' for api version \
                 '{version}'.{rest}"
            ),
        )
    };
    let found = provider::find(providers, world, &kind).or_else(|| {
        // The list of a type that nobody has anything of is empty, and what takes its time in Azure says so itself.
        let empty = request.path.collection().is_some()
            && matches!(request.method, Method::GET | Method::HEAD)
            && registration::known(providers, world, &namespace);
        (empty || provider::plain::takes_its_time(&kind))
            .then(|| providers.last())
            .flatten()
            .map(|provider| (provider.as_ref(), provider::plain::ANY_VERSION))
    });
    match found {
        None if request.method == Method::GET && is_ticket(request) => {
            Err(unknown_ticket(request.path.name()))
        }
        None => Err(missing(String::new())),
        Some((_, versions)) if !version::taken(versions, version) => Err(missing(format!(
            " The supported api-versions are '{}'.",
            versions.join(",")
        ))),
        Some(found) => Ok(found),
    }
}

/// Returns whether a path has the form of an operation's URL.
fn is_ticket(request: &ArmRequest) -> bool {
    let last = request.path.types.last();
    request.path.tail.is_none() && last.is_some_and(|word| word.to_lowercase().contains("operation"))
}

/// Says that nobody knows of such an operation. The code is SQL's; that others have the same is an inference.
fn unknown_ticket(id: &str) -> Answer {
    Answer::error(
        404,
        "OperationIdNotFound",
        format!("The operation with Id {id} does not exist."),
    )
}
