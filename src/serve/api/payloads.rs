//! Payloads: made from a seed or taken from the app's sample, checked, and brought into form.

use axum::extract::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::Shared;
use super::super::fire::{PAYLOAD, Parameters, mismatch};
use super::{Answer, ApiError, Server, aside, ok, read};
use crate::app::App;
use crate::history::Users;
use crate::model::{Finding, Findings, Platform};
use crate::payload::life::{self, Change, NoChange};
use crate::payload::{ActorKind, Changes, Generator, Locale, Recipe, Variant, load};
use crate::schema::{LARGEST_PAYLOAD, Schemas};
use crate::text::json::{self as json_text, Node};
use crate::text::{Source, shell_word};

/// How a payload was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Made {
    pub(in super::super) seed: u64,
    pub(in super::super) now: Timestamp,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    changes: Option<String>,
    #[serde(default)]
    actor: Option<String>,
    /// The user, known from before, whom it tells of.
    #[serde(default)]
    user: Option<String>,
}

impl Made {
    /// Makes it.
    pub(in super::super) fn payload(
        &self,
        schemas: &Schemas,
        event: &str,
        app: &App,
        iparams: Parameters,
    ) -> Result<Value, ApiError> {
        let recipe = Recipe {
            seed: self.seed,
            now: self.now,
            locale: parsed::<Locale>(self.locale.as_ref())?.unwrap_or_default(),
            variant: parsed::<Variant>(self.variant.as_ref())?.unwrap_or_default(),
            platform: app.manifest.platform,
            changes: parsed::<Changes>(self.changes.as_ref())?.unwrap_or_default(),
            actor: parsed::<ActorKind>(self.actor.as_ref())?,
            iparams,
        };
        let Some(id) = self.user.as_deref().filter(|id| !id.is_empty()) else {
            let generator = Generator::new(schemas, event, &recipe).map_err(ApiError::findings)?;
            return Ok(generator.value(0));
        };
        let known = Users::open(&app.root).get(id).map_err(|error| super::history::broken(&error))?;
        let known = known.ok_or_else(|| ApiError::missing("nothing is known of this user any more"))?;
        let made = match event {
            life::UPDATED => {
                life::update(schemas, &recipe, &known.user, &Change::default(), 0).map(|(payload, _)| payload)
            }
            _ => life::create(schemas, &recipe, event, &known.user, 0).map_err(NoChange::Findings),
        };
        made.map_err(|why| match why {
            NoChange::Findings(findings) => ApiError::findings(findings),
            NoChange::Same { field, .. } => ApiError::bad(format!("`{field}` of this user is that already")),
        })
    }

    /// Whether it tells of a user who is known from before.
    pub(in super::super) fn is_of_known_user(&self) -> bool {
        self.user.as_ref().is_some_and(|user| !user.is_empty())
    }

    /// The flags of `trigger` that make the same.
    pub(in super::super) fn flags(&self) -> Vec<String> {
        let named = [
            ("--locale", &self.locale),
            ("--variant", &self.variant),
            ("--changes", &self.changes),
            ("--actor", &self.actor),
        ];
        // The page sends what is not chosen as an empty text.
        let given =
            named.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref().filter(|it| !it.is_empty())?)));
        let mut flags: Vec<String> = given.map(|(flag, value)| format!("{flag} {}", shell_word(value))).collect();
        flags.push(format!("--seed {}", self.seed));
        flags.push(format!("--now {}", self.now));
        flags
    }
}

fn parsed<T: std::str::FromStr<Err = String>>(text: Option<&String>) -> Result<Option<T>, ApiError> {
    text.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(ApiError::bad)).transpose()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    event: String,
    #[serde(default)]
    module: Option<String>,
    /// `generated` or `sample`
    #[serde(default)]
    source: From,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    now: Option<Timestamp>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    changes: Option<String>,
    #[serde(default)]
    actor: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum From {
    #[default]
    Generated,
    Sample,
}

/// Makes a payload. Secrets in it are masked; firing it puts them back.
pub(super) async fn make(shared: Server, request: Request) -> Answer {
    let wanted: Wanted = read(request).await?;
    let answer = aside(&shared, move |shared| match wanted.source {
        From::Generated => generated(shared, wanted),
        From::Sample => sample(shared, &wanted),
    });
    ok(&answer.await?)
}

fn generated(shared: &Shared, wanted: Wanted) -> Result<serde_json::Value, ApiError> {
    let settings = &shared.settings;
    let app = App::open(&settings.locate).map_err(ApiError::findings)?;
    let iparams = app.iparams(settings.iparams.as_deref(), &settings.secrets).map_err(ApiError::findings)?;
    let made = Made {
        seed: wanted.seed.unwrap_or_else(settings.seed),
        now: wanted.now.unwrap_or_else(settings.clock),
        locale: wanted.locale,
        variant: wanted.variant,
        changes: wanted.changes,
        actor: wanted.actor,
        user: wanted.user,
    };
    let mut value = made.payload(&settings.schemas, &wanted.event, &app, iparams.values)?;
    iparams.secrets.mask_value(&mut value);
    Ok(json!({ "text": pretty(&value), "made": made }))
}

fn sample(shared: &Shared, wanted: &Wanted) -> Result<serde_json::Value, ApiError> {
    let settings = &shared.settings;
    let app = App::open(&settings.locate).map_err(ApiError::findings)?;
    let iparams = app.iparams(settings.iparams.as_deref(), &settings.secrets).map_err(ApiError::findings)?;
    let subscription = app.subscription(&wanted.event, wanted.module.as_deref()).map_err(ApiError::findings)?;
    let file = app.sample(&wanted.event, subscription).map_err(ApiError::findings)?;
    let shown = app.shown_path(&file);
    let source = Source::read_as(&file, &shown).map_err(|finding| ApiError::findings(vec![finding]))?;
    let text = iparams.secrets.mask(source.text());
    Ok(json!({ "text": text, "file": shown.to_string_lossy() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    event: String,
    text: String,
}

/// Checks a payload's text as it is typed, and tells how it may be kept: with its secrets masked. Where nobody can say which
/// they are, it may not.
pub(super) async fn check_text(shared: Server, request: Request) -> Answer {
    let Text { event, text } = read(request).await?;
    let answer = aside(&shared, move |shared| {
        let settings = &shared.settings;
        let app = App::open(&settings.locate).ok();
        let iparams = app.as_ref().and_then(|app| app.iparams(settings.iparams.as_deref(), &settings.secrets).ok());
        let masked = iparams.map(|iparams| iparams.secrets.mask(&text));
        let findings = faults(&settings.schemas, &event, app.map(|app| app.manifest.platform), text);
        let mut answer = json!({ "findings": findings });
        if let Some(masked) = masked {
            answer["masked"] = masked.into();
        }
        Ok(answer)
    });
    ok(&answer.await?)
}

/// What is wrong with a payload's text.
fn faults(schemas: &Schemas, event: &str, platform: Option<Platform>, text: String) -> Findings {
    let limit = schemas.event(event).map_or(LARGEST_PAYLOAD, |event| event.limit_bytes());
    let source = match Source::new(PAYLOAD, text.into_bytes()) {
        Ok(source) => source,
        Err(finding) => return vec![finding],
    };
    match load(&source, limit) {
        Ok(loaded) => {
            let mut findings = loaded.findings;
            findings.extend(check(schemas, event, platform, &loaded.node, &source));
            findings
        }
        Err(findings) => findings,
    }
}

/// What does not fit: the schema of the event, and that it is one of this event at all.
pub(in super::super) fn check(
    schemas: &Schemas,
    event: &str,
    platform: Option<Platform>,
    node: &Node,
    source: &Source,
) -> Findings {
    // Parameters belong to the app, which adds them: an absent one is no fault.
    let mut findings = schemas.check_payload(event, platform, node, source);
    if let Some(finding) = mismatch(event, node, source) {
        findings.retain(|other| other.place.pointer.as_deref() != Some("/event"));
        findings.insert(0, finding);
    }
    findings
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unformed {
    text: String,
}

/// Brings JSON into form; what is plainly meant, such as a comma too many, is mended.
pub(super) async fn format_text(request: Request) -> Answer {
    let Unformed { text } = read(request).await?;
    let source = Source::new(PAYLOAD, text.into_bytes()).map_err(|finding| ApiError::findings(vec![finding]))?;
    let (node, findings) = json_text::read(&source);
    let loses = |finding: &Finding| finding.code == crate::model::Code::DuplicateKey;
    match node {
        // Of doubled keys one would be lost.
        Some(node) if !findings.iter().any(loses) => ok(&json!({ "text": pretty(&node.value()) })),
        _ => Err(ApiError::findings(findings)),
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
