//! `simctl trigger … --watch`: the event is fired again whenever a file that the run read is saved, until `q` or Ctrl-C.
//!
//! Each time is a whole run, as if the command had been given again, with a handler of its own; seed and clock stay, so that what
//! differs is the work of what was saved. A run that is still under way when a file is saved is stopped: what it would say is of a
//! file that is there no more. Only what is for people says what differs from the run before.

use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::load::repeat::{verb, without};
use super::trigger::{TriggerOptions, trigger};
use super::users::UserChoice;
use super::{Context, ExternalOptions, PayloadSource, keeping};
use crate::app::{App, Reading};
use crate::handler::Interrupt;
use crate::history::Users;
use crate::model::Verdict;
use crate::payload::life::{CREATED, UPDATED};
use crate::payload::{Changes, delivery_id};
use crate::platform::Network;
use crate::report::Earlier;
use crate::watch::{Key, Keys, News, Watch, WatchError, Watched};

/// How long nothing must be saved before the event is fired: an editor that saves everything makes one burst.
const QUIET: Duration = Duration::from_millis(15);

/// The keys, as the prompt tells them.
const KEYS: &str = "Enter fires again, n draws anew, c creates, u updates, q quits";

/// What is to be done next.
enum Next {
    /// Fire again: why, where a file was saved.
    Again(Option<PathBuf>),
    /// Fire what is drawn from another seed.
    Anew,
    /// Fire another event, drawn from another seed.
    Event(&'static str),
    /// No more.
    Quit,
    /// Ctrl-C.
    Interrupted,
    /// The files cannot be watched any more.
    Broken(WatchError),
}

/// Everything that lasts from run to run.
struct Watching<'a> {
    context: &'a Context,
    /// As it was typed.
    typed: &'a TriggerOptions,
    watch: Watch,
    keys: Option<Keys>,
    /// What is fired now, and the command that says so.
    now: TriggerOptions,
    command: Vec<String>,
    /// Whom that is about, as it was chosen: what is fired holds her fast.
    whom: Option<UserChoice>,
}

/// Flags that are about one event, each with a value: no other is fired with them.
const OF_ONE_EVENT: [&str; 8] =
    ["--set", "--unset", "--changes", "--actor", "--payload", "--case", "--index", "--user"];

/// Fires, and fires again after each save. Its verdict is that of the last run, or that it was interrupted.
pub fn watch(context: &Context, options: &TriggerOptions, interrupt: &Interrupt) -> Verdict {
    let Some(first) = watched(context, options) else {
        // There is nothing to watch: the event alone says why.
        return trigger(context, options, None, interrupt);
    };
    let watch = match Watch::new(first) {
        Ok(watch) => watch.after(QUIET),
        Err(error) => return unwatchable(context, &error),
    };
    let keys = Keys::open();
    let told = if keys.is_some() { KEYS } else { "what is saved is fired again, Ctrl-C ends it" };
    context.console.note(&format!("watching: {told}"));
    let now = TriggerOptions { earlier: Some(Earlier::default()), ..options.clone() };
    let command = context.command.iter().filter(|word| *word != "--watch").cloned().collect();
    let whom = options.user.clone();
    let mut watching = Watching { context, typed: options, watch, keys, now, command, whom };
    watching.pin();
    watching.run(interrupt)
}

impl Watching<'_> {
    fn run(&mut self, interrupt: &Interrupt) -> Verdict {
        loop {
            let (verdict, next) = self.fire(interrupt);
            if next.is_none() && (verdict == Verdict::Machine || !is_heard()) {
                return verdict;
            }
            // What the run reads may be more than before, or other files.
            if let Some(watched) = watched(self.context, &self.as_chosen())
                && let Err(error) = self.watch.set(watched)
            {
                return unwatchable(self.context, &error);
            }
            match next.unwrap_or_else(|| self.wait(interrupt)) {
                Next::Again(saved) => self.again(saved.as_deref()),
                Next::Anew => self.draw_anew(),
                Next::Event(event) => self.turn_to(event),
                Next::Quit => return verdict,
                Next::Interrupted => return Verdict::Interrupted,
                Next::Broken(error) => return unwatchable(self.context, &error),
            }
        }
    }

    /// One run, and what came up meanwhile and ended it.
    fn fire(&mut self, interrupt: &Interrupt) -> (Verdict, Option<Next>) {
        let (stop, done) = match (Interrupt::by_hand(), Interrupt::by_hand()) {
            (Ok(stop), Ok(done)) => (stop, done),
            (Err(error), _) | (_, Err(error)) => {
                self.context.console.error(&format!("the run cannot be watched over: {error}"), None);
                return (Verdict::Machine, None);
            }
        };
        let context = Context {
            cwd: self.context.cwd.clone(),
            command: self.command.clone(),
            console: self.context.console,
            schemas: self.context.schemas.clone(),
        };
        let options = self.now.clone();
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let verdict = trigger(&context, &options, None, &stop);
                done.set();
                verdict
            });
            let next = loop {
                match self.next(interrupt, Some(&done)) {
                    Ok(Some(next)) => break Some(next),
                    Ok(None) if done.is_set() || worker.is_finished() => break None,
                    Ok(None) => {}
                    Err(error) => break Some(Next::Broken(error)),
                }
            };
            if next.is_some() {
                stop.set();
            }
            match worker.join() {
                Ok(verdict) => (verdict, next),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn wait(&mut self, interrupt: &Interrupt) -> Next {
        loop {
            match self.next(interrupt, None) {
                Ok(Some(next)) => return next,
                Ok(None) => {}
                Err(error) => return Next::Broken(error),
            }
        }
    }

    /// Waits once, for a save, a key, Ctrl-C, or the end of a run. `None` where nothing is to be done.
    fn next(&mut self, interrupt: &Interrupt, done: Option<&Interrupt>) -> Result<Option<Next>, WatchError> {
        let done = done.and_then(Interrupt::as_fd);
        let watch = &mut self.watch;
        let news = match &self.keys {
            Some(keys) => keys.waiting(|fds| {
                let all: Vec<_> = fds.iter().copied().chain(done).collect();
                watch.next(interrupt, &all)
            }),
            None => watch.next(interrupt, &done.into_iter().collect::<Vec<_>>()),
        }?;
        Ok(match news {
            News::Interrupted => {
                // Before a second Ctrl-C can end it at once.
                self.keys = None;
                Some(Next::Interrupted)
            }
            News::Changed(paths) => Some(Next::Again(paths.into_iter().next())),
            News::Readable(_) => self.pressed(),
        })
    }

    fn pressed(&mut self) -> Option<Next> {
        let pressed = self.keys.as_mut()?.read();
        let next = |key: &Key| match key {
            Key::Enter => Some(Next::Again(None)),
            Key::Character('n') => Some(Next::Anew),
            Key::Character('c') => Some(Next::Event(CREATED)),
            Key::Character('u') => Some(Next::Event(UPDATED)),
            Key::Character('q') | Key::End => Some(Next::Quit),
            Key::Character('h' | '?') => {
                self.context.console.note(KEYS);
                None
            }
            Key::Character(_) => None,
        };
        pressed.iter().filter_map(next).next_back()
    }

    /// What is fired now, once more; a user's file is read anew where something was saved.
    fn again(&mut self, saved: Option<&Path>) {
        let Some(path) = saved else { return };
        let shown = path.strip_prefix(&self.context.cwd).unwrap_or(path);
        let done = if path.exists() { "saved" } else { "removed" };
        self.context.console.note(&format!("{} was {done}", shown.display()));
        if self.whom.as_ref().is_some_and(|whom| whom.file(self.context).is_some()) {
            self.pin();
        }
    }

    /// What is fired now, about whom it was chosen to be.
    fn as_chosen(&self) -> TriggerOptions {
        TriggerOptions { user: self.whom.clone(), ..self.now.clone() }
    }

    /// What is fired now, from another seed and at the time that it is; of a user who is known, from what she is now.
    fn draw_anew(&mut self) {
        // As random as the one before, which nobody chose either.
        let drawn = delivery_id(self.now.payload.seed, 1, &Timestamp::now().to_string());
        let digits = drawn.bytes().filter(u8::is_ascii_hexdigit).take(7);
        self.now.payload.seed =
            digits.fold(0, |seed, digit| seed * 16 + u64::from(char::from(digit).to_digit(16).unwrap_or(0)));
        if !self.typed.payload.has_clock {
            self.now.payload.now = now();
        }
        self.pin();
    }

    /// Fires that event from now on: a new user is created, or the last one updated.
    fn turn_to(&mut self, event: &'static str) {
        let typed: Vec<String> = self.context.command.iter().filter(|word| *word != "--watch").cloned().collect();
        // The first run of it is told in full.
        self.now = TriggerOptions { earlier: Some(Earlier::default()), ..self.typed.clone() };
        self.command = if event == self.typed.event {
            without(&typed, &["--user"])
        } else {
            // What was typed is about another event.
            self.now.payload.overrides.clear();
            self.now.payload.source = PayloadSource::Generated;
            (self.now.payload.changes, self.now.payload.actor) = (Changes::Drawn, None);
            (self.now.payload.case, self.now.payload.index) = (None, None);
            of_another_event(&typed, &self.typed.event, event)
        };
        event.clone_into(&mut self.now.event);
        let is_known = || {
            let root = keeping::root(self.context, &self.typed.app).ok()?;
            Users::open(&root).last().ok().flatten()
        };
        self.whom = match event {
            UPDATED if is_known().is_some() => Some(UserChoice::Last),
            _ => None,
        };
        if self.whom.is_some() {
            // Of a life, which is not drawn anew with each number.
            self.now.payload.index = None;
        }
        self.draw_anew();
    }

    /// Holds the user fast as she is now: firing again fires the same change of her, and not the next one.
    fn pin(&mut self) {
        self.now.user.clone_from(&self.whom);
        let Some(user) = &self.whom else { return };
        let root = keeping::root(self.context, &self.typed.app);
        if let Some(whom) = root.ok().and_then(|root| user.resolve(self.context, &root).ok()) {
            self.now.user = Some(UserChoice::Known(whom));
        }
    }
}

/// The command line for another event, without what is about the one that was typed.
fn of_another_event(typed: &[String], before: &str, event: &str) -> Vec<String> {
    let mut words = without(typed, &OF_ONE_EVENT);
    words.retain(|word| word != "--sample");
    let behind = verb(&words).map_or(0, |verb| verb + 1);
    if let Some(named) = words[behind..].iter_mut().find(|word| *word == before) {
        event.clone_into(named);
    }
    words
}

fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn unwatchable(context: &Context, error: &WatchError) -> Verdict {
    context.console.error(&error.to_string(), error.hint());
    Verdict::Machine
}

/// Whether anybody reads standard output: the end of a pipe may be gone.
fn is_heard() -> bool {
    let out = io::stdout();
    let mut fds = [PollFd::from_borrowed_fd(out.as_fd(), PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&at_once)).is_err() || !fds[0].revents().contains(PollFlags::ERR)
}

/// What the run reads; none where there is nothing to be read.
fn watched(context: &Context, options: &TriggerOptions) -> Option<Watched> {
    let named = |file: &PathBuf| context.cwd.join(file);
    let mut watched = Watched {
        folders: context.schemas.iter().map(&named).collect(),
        written: options.targets.iter().filter_map(|target| target.file.as_ref()).map(&named).collect(),
        files: options.iparams.iter().map(&named).collect(),
    };
    if let PayloadSource::File(file) = &options.payload.source {
        watched.files.push(named(file));
    }
    watched.files.extend(options.user.as_ref().and_then(|user| user.file(context)));
    if let Some(ExternalOptions::Exec { command }) = &options.external {
        let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        watched.files.extend(words.map(|word| context.cwd.join(word)).filter(|path| path.is_file()));
    }
    match options.app.locate(context).root() {
        Ok(root) => of_app(context, options, &root, &mut watched),
        Err(_) if options.external.is_some() && !options.app.is_given() => {}
        Err(_) => return None,
    }
    Some(watched)
}

/// Of the app in `root`, the files that a run reads; of its code, what is reached by a `require` of a literal. Where more may be
/// required, or where what is required is not there, all code counts.
fn of_app(context: &Context, options: &TriggerOptions, root: &Path, watched: &mut Watched) {
    let manifest =
        options.app.manifest.as_ref().map_or_else(|| root.join("manifest.json"), |file| context.cwd.join(file));
    watched.files.push(manifest);
    let config = ["iparams.json", "iparam_test_data.json", "requests.json"];
    watched.files.extend(config.map(|name| root.join("config").join(name)));
    watched.files.push(root.join("simctl.json"));
    // What a run itself writes there is no news.
    if options.platform.network == Network::Mock {
        watched.folders.push(root.join("mocks"));
    }
    if matches!(options.payload.source, PayloadSource::Sample) {
        watched.folders.push(root.join("server/test_data"));
    }
    let app = App::open(&options.app.locate(context)).ok();
    let reading = app.as_ref().and_then(|app| Some(app.read_scripts(&app.script().ok()?)));
    match reading {
        Some(Reading { files, dynamic, json, refused, syntax, .. })
            if dynamic.is_empty() && json.is_empty() && refused.is_empty() && syntax.is_empty() =>
        {
            watched.files.extend(files.iter().map(|file| root.join(file)));
        }
        _ if root.join("server").is_dir() => watched.folders.push(root.join("server")),
        _ => watched.folders.push(root.to_path_buf()),
    }
}
