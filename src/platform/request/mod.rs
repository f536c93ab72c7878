//! `$request`: a call becomes a request, and a request is answered from the app's mocks or, where the user asked for it,
//! by whom it is for.

use std::collections::{HashMap, HashSet};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::limits::Meter;
use super::{Answer, Fault, Reply, Shared};
use crate::app::App;
use crate::model::Finding;
use crate::text::{Source, json};

use self::live::Line;
use self::mock::Mocks;
use self::outgoing::{Outgoing, Sent, refused};
use self::substitute::Names;

mod live;
mod mock;
mod outgoing;
mod record;
mod substitute;
mod template;

/// Its methods.
pub(super) const METHODS: [&str; 6] = ["invokeTemplate", "get", "post", "put", "patch", "delete"];

/// How many answers are kept before those that are too old are looked for.
const MOST_KEPT: usize = 256;

/// What stands for an access token while nothing leaves the machine.
const MOCK_TOKEN: &str = "simctl-access-token";

/// Where requests go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// Nowhere: mocks answer them.
    #[default]
    Mock,
    /// Where they are for, once each; the answers are kept as mocks.
    Record,
    /// Where they are for.
    Live,
}

#[derive(Debug)]
pub(super) struct Requests {
    meter: Meter,
    /// What `config/requests.json` holds, read when first needed; nothing where it cannot be read.
    templates: Option<Option<Map<String, Value>>>,
    /// `currentHost` of the payload at hand, read when first needed.
    current_host: Option<Option<Value>>,
    /// The app's mocks, taken up when first needed.
    mocks: Option<Mocks>,
    /// Answers that the app asked to be kept, until when.
    kept: HashMap<Outgoing, (Instant, Answer)>,
    /// Requests that mocks answer, later.
    mocked: Vec<Mocked>,
    line: Option<Line>,
    /// Requests that are under way, by the call's number.
    sent: HashMap<u64, (Outgoing, Option<Duration>)>,
    /// What of the event at hand was told, and mocks of which was told that they answer in a recording.
    told: HashSet<String>,
    answered: HashSet<String>,
    recorded: HashSet<Outgoing>,
    /// What failed and was not recorded, and was told.
    unrecorded: HashSet<Outgoing>,
    /// What the app has asked to be sent since [`Requests::take_made`].
    made: Vec<MadeRequest>,
}

/// A request that the app asked to be sent, its substitutions made.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeRequest {
    /// The request template's name.
    pub template: Option<String>,
    /// What the template was given as its context.
    pub context: Option<Value>,
    /// The HTTP method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The body: what it holds where it is JSON, else its text; null where there is none.
    pub body: Value,
}

impl MadeRequest {
    fn new(request: &Outgoing, args: &[Value]) -> Self {
        let text = request.body.as_deref();
        let body = text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
        Self {
            template: request.template.clone(),
            context: request.template.as_ref().and(args.get(1)).and_then(|options| options.get("context")).cloned(),
            method: request.method.clone(),
            url: request.url.clone(),
            body,
        }
    }
}

/// A request on its way through its mock.
#[derive(Debug)]
struct Mocked {
    number: u64,
    request: Outgoing,
    keep: Option<Duration>,
    attempt: u64,
    /// What comes of this attempt; none before it is sent.
    sent: Option<Sent>,
    due: Instant,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            meter: Meter::new("$request"),
            templates: None,
            current_host: None,
            mocks: None,
            kept: HashMap::new(),
            mocked: Vec::new(),
            line: None,
            sent: HashMap::new(),
            told: HashSet::new(),
            answered: HashSet::new(),
            recorded: HashSet::new(),
            unrecorded: HashSet::new(),
            made: Vec::new(),
        }
    }

    /// The requests that the app has asked for since the last time.
    pub(super) fn take_made(&mut self) -> Vec<MadeRequest> {
        std::mem::take(&mut self.made)
    }

    pub(super) fn call(
        &mut self,
        shared: &mut Shared<'_>,
        number: u64,
        method: &str,
        args: &[Value],
    ) -> Result<Reply, Fault> {
        if let Err(refusal) = self.meter.count(shared) {
            let why = refusal.get("message").and_then(Value::as_str).unwrap_or_default();
            return Ok(Reply::Now(refused(429, why)));
        }
        let (request, keep) = match self.make(shared, method, args) {
            Ok(made) => made,
            Err((status, why)) => return Ok(Reply::Now(refused(status, &why))),
        };
        self.made.push(MadeRequest::new(&request, args));
        if let Some((until, answer)) = self.kept.get(&request)
            && keep.is_some()
            && Instant::now() < *until
        {
            return Ok(Reply::Now(answer.clone()));
        }
        if self.leaves(shared, &request) {
            let line = match &mut self.line {
                Some(line) => line,
                None => self.line.insert(Line::open()?),
            };
            line.send(number, request.clone())?;
            self.sent.insert(number, (request, keep));
            return Ok(Reply::Later);
        }
        let mocked = Mocked { number, request, keep, attempt: 0, sent: None, due: Instant::now() };
        Ok(match self.advance(shared, mocked) {
            Ok(answer) => Reply::Now(answer),
            Err(later) => {
                self.mocked.push(later);
                Reply::Later
            }
        })
    }

    fn make(&mut self, shared: &mut Shared<'_>, method: &str, args: &[Value]) -> template::Made {
        let app = shared.setup.app;
        let host = self.current_host.get_or_insert_with(|| {
            let payload: Value = serde_json::from_str(&shared.payload).unwrap_or_default();
            payload.get("currentHost").cloned()
        });
        let own_token = shared.setup.iparams.and_then(|all| all.get("access_token")).and_then(Value::as_str);
        let usual_token = (shared.setup.network == Network::Mock).then_some(MOCK_TOKEN);
        let names = Names {
            iparams: shared.setup.iparams,
            context: None,
            current_host: host.as_ref(),
            access_token: own_token.or(usual_token),
        };
        if method != "invokeTemplate" {
            return template::older(app, method, args, names);
        }
        let findings = &mut shared.findings;
        let templates = self.templates.get_or_insert_with(|| read_templates(app, findings));
        match templates {
            Some(templates) => template::invoke(app, templates, args, names),
            None => Err((400, "config/requests.json cannot be read".to_owned())),
        }
    }

    /// Whether a request is to leave the machine.
    fn leaves(&mut self, shared: &mut Shared<'_>, request: &Outgoing) -> bool {
        match shared.setup.network {
            Network::Mock => false,
            Network::Live => true,
            Network::Record => {
                let is_other = self.is_other(request);
                let mocks = self.mocks.get_or_insert_with(|| Mocks::new(shared.setup.mocks, shared.setup.secrets));
                let Some(file) = mocks.file(request).filter(|_| !is_other) else { return true };
                let file = file.display().to_string();
                if !self.recorded.contains(request) && self.answered.insert(file.clone()) {
                    shared.notices.push(format!("`{file}` answers {}: it is not sent again", request.name()));
                }
                false
            }
        }
    }

    /// Whether this run has recorded another request of the same template, whose mock would answer this one too.
    fn is_other(&self, request: &Outgoing) -> bool {
        let is_same_template = |other: &Outgoing| other.template.is_some() && other.template == request.template;
        !self.recorded.contains(request) && self.recorded.iter().any(is_same_template)
    }

    /// Takes a request through its mock as far as the time allows.
    fn advance(&mut self, shared: &mut Shared<'_>, mut mocked: Mocked) -> Result<Answer, Mocked> {
        let mocks = self.mocks.get_or_insert_with(|| Mocks::new(shared.setup.mocks, shared.setup.secrets));
        while mocked.due <= Instant::now() {
            let request = &mocked.request;
            match mocked.sent.take() {
                None => {
                    mocked.attempt += 1;
                    let Some((sent, delay)) = mocks.answer(request) else {
                        let finding = mocks.missing(request, shared.setup.secrets);
                        let why = finding.message.clone();
                        self.tell_once(shared, finding);
                        return Ok(Sent::Answered { status: 501, headers: Vec::new(), body: why }.into_answer(0, false));
                    };
                    mocked.sent = Some(sent);
                    mocked.due += delay;
                }
                Some(sent) if sent.is_retried() && mocked.attempt < request.attempts => {
                    mocked.due += request.retry_delay;
                }
                Some(sent) => {
                    let answer = sent.into_answer(mocked.attempt, request.is_json);
                    self.keep(mocked.request, mocked.keep, &answer);
                    return Ok(answer);
                }
            }
        }
        Err(mocked)
    }

    fn tell_once(&mut self, shared: &mut Shared<'_>, finding: Finding) {
        if self.told.insert(finding.message.clone()) {
            shared.findings.push(finding);
        }
    }

    fn keep(&mut self, request: Outgoing, keep: Option<Duration>, answer: &Answer) {
        if let Some(until) = keep.filter(|_| answer.is_ok()).and_then(|time| Instant::now().checked_add(time)) {
            if self.kept.len() >= MOST_KEPT {
                let now = Instant::now();
                self.kept.retain(|_, (until, _)| now < *until);
            }
            self.kept.insert(request, (until, answer.clone()));
        }
    }

    /// Forgets the calls that have no answer yet.
    pub(super) fn abandon(&mut self) {
        self.mocked.clear();
        if !self.sent.is_empty() {
            // What still comes of them is for nobody.
            self.sent.clear();
            self.line = None;
        }
        self.current_host = None;
        self.told.clear();
        self.mocks.iter_mut().for_each(Mocks::begin);
    }

    /// The answers that have come since the last time, by the call's number.
    pub(super) fn answers(&mut self, shared: &mut Shared<'_>) -> Result<Vec<(u64, Answer)>, Fault> {
        let mut answers = Vec::new();
        for mocked in std::mem::take(&mut self.mocked) {
            let number = mocked.number;
            match self.advance(shared, mocked) {
                Ok(answer) => answers.push((number, answer)),
                Err(later) => self.mocked.push(later),
            }
        }
        let done = self.line.as_mut().map(Line::done).transpose()?.unwrap_or_default();
        for (number, all) in done {
            let Some((request, keep)) = self.sent.remove(&number) else { continue };
            if shared.setup.network == Network::Record {
                self.record(shared, &request, &all)?;
            }
            let attempts = all.len() as u64;
            let Some(last) = all.into_iter().next_back() else { continue };
            let answer = last.into_answer(attempts, request.is_json);
            self.keep(request, keep, &answer);
            answers.push((number, answer));
        }
        Ok(answers)
    }

    fn record(&mut self, shared: &mut Shared<'_>, request: &Outgoing, all: &[Sent]) -> Result<(), Fault> {
        // A network that was down for a moment must not answer for good.
        if let Some(Sent::Failed { why, .. }) = all.last() {
            if self.unrecorded.insert(request.clone()) {
                shared.notices.push(format!("nothing was recorded of {}: {why}", request.name()));
            }
            return Ok(());
        }
        let exact = self.is_other(request);
        if !self.recorded.insert(request.clone()) {
            return Ok(());
        }
        let mock = record::write(shared.setup.app, shared.setup.secrets, request, all, exact)?;
        shared.notices.push(format!(
            "{} was sent, and its answer is kept in `{}`",
            request.name(),
            mock.file.display()
        ));
        let mocks = self.mocks.get_or_insert_with(|| Mocks::new(shared.setup.mocks, shared.setup.secrets));
        mocks.add(mock);
        Ok(())
    }

    /// When the next answer is due, where that is known.
    pub(super) fn due(&self) -> Option<Instant> {
        self.mocked.iter().map(|mocked| mocked.due).min()
    }

    /// Readable when there may be answers.
    pub(super) fn wake(&self) -> Option<BorrowedFd<'_>> {
        self.line.as_ref().filter(|_| !self.sent.is_empty()).map(Line::wake)
    }
}

/// The app's request templates; none and its findings where they cannot be read.
fn read_templates(app: &App, findings: &mut Vec<Finding>) -> Option<Map<String, Value>> {
    const FILE: &str = "config/requests.json";
    let path = app.root.join(FILE);
    if !path.exists() {
        return Some(Map::new());
    }
    let (node, faults) = match Source::read_as(&path, &app.shown(FILE)) {
        Ok(source) => json::read(&source),
        Err(finding) => (None, vec![finding]),
    };
    findings.extend(faults);
    match node.map(|node| node.value()) {
        Some(Value::Object(templates)) => Some(templates),
        _ => None,
    }
}
