//! A program: started for each payload, which it finds on its standard input; its exit code is the outcome.
//!
//! The command is split into words as a shell would, and no shell runs it: the exit code and the signal are the program's
//! own, and so is its process group.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::child::{Child, Program, Stdin};
use super::exchange::far;
use super::external::{Heard, Message};
use super::output::Outputs;
use super::{HandlerError, Interrupt, memory, node};
use crate::model::{Delivered, Outcome, ReturnValue, Times};
use crate::text::shell_word;

/// How often to look how much memory the program has taken.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// Characters that mean something to a shell, and that nothing here would obey.
const FOR_A_SHELL: &[char] = &['|', '&', ';', '<', '>', '(', ')', '$', '`', '\n'];

/// Why a command cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is nothing in it.
    #[error("the command is empty")]
    Empty,
    /// A quote is not closed, or a backslash is the last character.
    #[error("the command ends within {what}")]
    Open {
        /// A quotation, or an escape.
        what: &'static str,
    },
    /// It needs a shell.
    #[error("`{}` in the command is for a shell, and none runs it", found.escape_debug())]
    NeedsShell {
        /// What was found.
        found: char,
        /// The whole command.
        command: String,
    },
    /// There is no such program.
    #[error("`{program}` was not found")]
    Missing {
        /// The first word of the command.
        program: String,
    },
    /// It is a folder.
    #[error("`{program}` cannot be run: it is a folder")]
    Folder {
        /// The first word of the command.
        program: String,
    },
    /// The file is there and cannot be run.
    #[error("`{program}` cannot be run: {reason}")]
    NotRunnable {
        /// The first word of the command.
        program: String,
        /// Why.
        reason: &'static str,
    },
}

impl CommandError {
    /// What to do about it, where simctl knows.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Empty | Self::Open { .. } => None,
            Self::NeedsShell { command, .. } if command.contains('\'') => {
                Some("put it between quotes if it is meant as it stands, or put the command into a script".to_owned())
            }
            Self::NeedsShell { command, .. } => {
                // Between double quotes a shell would read these itself.
                let within = format!("sh -c {}", shell_word(command));
                let is_plain = !within.contains(['"', '$', '`', '\\', '!']);
                let whole = if is_plain { format!("\"{within}\"") } else { shell_word(&within).into_owned() };
                Some(format!("put it between quotes if it is meant as it stands, or ask for a shell: --exec {whole}"))
            }
            Self::Missing { program } if program.contains('=') => {
                Some("variables are set with `env NAME=value program`".to_owned())
            }
            Self::Missing { program } if program.contains('/') => None,
            Self::Missing { program } => {
                Some(format!("it was looked for in PATH; a program in this folder is written as `./{program}`"))
            }
            Self::Folder { program } => {
                Some(format!("name a program in it, as in `{}/PROGRAM`", program.trim_end_matches('/')))
            }
            Self::NotRunnable { program, .. } => {
                let program = shell_word(program);
                Some(format!("`chmod +x {program}`, or name what runs it, as in `python3 {program}`"))
            }
        }
    }

    /// Whether it is the machine that lacks something, rather than the command that is no command.
    pub const fn is_of_the_machine(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Folder { .. } | Self::NotRunnable { .. })
    }
}

/// A program and its arguments.
#[derive(Debug)]
pub struct Command {
    text: String,
    words: Vec<String>,
    directory: PathBuf,
    timeout: Duration,
    memory_bytes: u64,
}

impl Command {
    /// Splits a command into words and looks for its program. It is run in `directory`, and one delivery may take
    /// `timeout` and, where the system can bound it, `memory_bytes`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn open(text: &str, directory: &Path, timeout: Duration, memory_bytes: u64) -> Result<Self, CommandError> {
        let words = split(text)?;
        let program = words.first().ok_or(CommandError::Empty)?;
        look_for(program, directory)?;
        Ok(Self { text: text.trim().to_owned(), words, directory: directory.to_owned(), timeout, memory_bytes })
    }

    /// The command as it was given.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn deliver(
        &self,
        message: &Message,
        interrupt: &Interrupt,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<Delivered, HandlerError> {
        let started = Instant::now();
        let program = self.program(message);
        let spawn = |source| HandlerError::Spawn { program: program.path.clone(), source };
        let mut child = Child::spawn(&program).map_err(spawn)?;
        let first_memory = memory::bound(&child, self.memory_bytes);
        // A line, which is what simple programs read.
        child.send(format!("{}\n", message.payload).as_bytes());
        let mut watch = Watch { child, outputs: Outputs::default(), first_memory, most_memory: 0 };
        let in_time = watch.run(far(started, self.timeout), interrupt, hear)?;
        let outcome = watch.finish(self, in_time, hear)?;
        Ok(Delivered { outcome, times: Times { start_up: Duration::ZERO, handler: started.elapsed() }, engine: None })
    }

    fn program(&self, message: &Message) -> Program {
        let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let told = [
            ("SIMCTL_EVENT", message.event.clone()),
            ("SIMCTL_INDEX", message.index.to_string()),
            ("SIMCTL_SEED", message.seed.to_string()),
            ("SIMCTL_NOW", message.now.clone()),
            ("SIMCTL_PLATFORM", message.platform.to_string()),
        ];
        env.extend(told.map(|(name, value)| (name.into(), value.into())));
        Program {
            path: self.words.first().map(PathBuf::from).unwrap_or_default(),
            args: self.words.iter().skip(1).map(OsString::from).collect(),
            env,
            directory: Some(self.directory.clone()),
            stdin: Stdin::Pipe,
            with_stdout: true,
            starts_others: true,
        }
    }
}

/// One run of the program.
struct Watch {
    child: Child,
    outputs: Outputs,
    /// The memory that it had when it was started, and the most that it was seen to have, in bytes.
    first_memory: Option<u64>,
    most_memory: u64,
}

impl Watch {
    /// Waits for the end of the program; false where the deadline came first.
    fn run(
        &mut self,
        deadline: Instant,
        interrupt: &Interrupt,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<bool, HandlerError> {
        let mut next_sample = Instant::now() + SAMPLE_EVERY;
        loop {
            self.forward(false, hear);
            if self.child.has_ended() {
                return Ok(true);
            }
            if interrupt.is_set() {
                return Err(HandlerError::Interrupted);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            if self.first_memory.is_some() && now >= next_sample {
                self.most_memory = memory::data_bytes(&self.child).unwrap_or_default().max(self.most_memory);
                next_sample = now + SAMPLE_EVERY;
            }
            let until = if self.first_memory.is_some() { deadline.min(next_sample) } else { deadline };
            self.child.pump(until, interrupt).map_err(|source| HandlerError::Watch { source })?;
        }
    }

    fn forward(&mut self, all: bool, hear: &mut dyn FnMut(Heard)) {
        self.outputs.forward(&mut self.child, all, &mut |stream, text| hear(Heard::Output(stream, text)));
    }

    /// Ends the program with all that it started, and says what it did.
    fn finish(
        mut self,
        command: &Command,
        in_time: bool,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<Outcome, HandlerError> {
        self.child.drain();
        let status = self.child.end().map_err(|source| HandlerError::Watch { source })?;
        self.forward(true, hear);
        self.outputs.remarks().for_each(|remark| hear(Heard::Notice(remark)));
        if !in_time {
            return Ok(Outcome::TimedOut { limit: command.timeout, stack: Vec::new() });
        }
        Ok(self.outcome_of(status, command.memory_bytes))
    }

    fn outcome_of(&self, status: ExitStatus, limit_bytes: u64) -> Outcome {
        let taken = self.first_memory.map_or(0, |first| self.most_memory.saturating_sub(first));
        let words = self.child.last_words();
        // Many languages turn a lack of memory into an error that a program may die of in good order.
        let says_so = self.first_memory.is_some() && !status.success() && memory::says_so(&words);
        if says_so || memory::ran_out(status, &words, taken >= limit_bytes / 2) {
            return Outcome::OutOfMemory { limit_bytes };
        }
        match (status.code(), status.signal()) {
            (Some(0), _) => Outcome::Returned { value: ReturnValue::Undefined },
            (Some(code), _) => Outcome::Exited { code },
            (None, signal) => Outcome::Signalled { signal: signal.unwrap_or_default() },
        }
    }
}

/// Finds out beforehand what would only show when the first payload is fired.
fn look_for(program: &str, directory: &Path) -> Result<(), CommandError> {
    let missing = || CommandError::Missing { program: program.to_owned() };
    let not_runnable = |reason| CommandError::NotRunnable { program: program.to_owned(), reason };
    if !program.contains('/') {
        return node::find(Path::new(program)).map(|_| ()).ok_or_else(missing);
    }
    let Ok(file) = directory.join(program).metadata() else { return Err(missing()) };
    if file.is_dir() {
        return Err(CommandError::Folder { program: program.to_owned() });
    }
    if file.permissions().mode() & 0o111 == 0 {
        return Err(not_runnable("it is not marked as a program"));
    }
    Ok(())
}

/// Splits a command into words as a POSIX shell would: blanks part them, quotes and backslashes keep them together.
/// What else a shell would do is refused rather than passed on as it stands.
fn split(text: &str) -> Result<Vec<String>, CommandError> {
    let needs_shell = |found| CommandError::NeedsShell { found, command: text.trim().to_owned() };
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut rest = text.trim().chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' => word.get_or_insert_default().push_str(&single_quoted(&mut rest)?),
            '"' => double_quoted(&mut rest, word.get_or_insert_default()).map_err(|found| match found {
                Some(found) => needs_shell(found),
                None => CommandError::Open { what: "a quotation" },
            })?,
            '\\' => {
                let escaped = rest.next().ok_or(CommandError::Open { what: "an escape" })?;
                word.get_or_insert_default().push(escaped);
            }
            c if FOR_A_SHELL.contains(&c) || (c == '~' && word.is_none()) => return Err(needs_shell(c)),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(rest: &mut std::str::Chars<'_>) -> Result<String, CommandError> {
    let mut quoted = String::new();
    for c in rest {
        if c == '\'' {
            return Ok(quoted);
        }
        quoted.push(c);
    }
    Err(CommandError::Open { what: "a quotation" })
}

/// Takes what is between double quotes; the error is what only a shell could fill in, or nothing where no quote follows.
fn double_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Option<char>> {
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(()),
            '$' | '`' => return Err(Some(c)),
            '\\' => match rest.next().ok_or(None)? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
    Err(None)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_a_shell_would() {
        for (text, words) in [
            ("python3 handler.py", &["python3", "handler.py"][..]),
            ("  a\t b  ", &["a", "b"]),
            ("a 'b c' \"d e\"f", &["a", "b c", "d ef"]),
            ("a '' \"\"", &["a", "", ""]),
            (r#"a \"b\ c "d\"e\\f\n" 'g\'"#, &["a", "\"b c", "d\"e\\f\\n", "g\\"]),
            ("sh -c 'cat | wc > \"$0\"'", &["sh", "-c", "cat | wc > \"$0\""]),
            ("a b~ x=~", &["a", "b~", "x=~"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
    }

    #[test]
    fn what_needs_a_shell_is_not_passed_on_as_it_stands() {
        for text in ["a | b", "a > b", "a; b", "a && b", "a $HOME", "a \"$HOME\"", "a `b`", "~/a", "a (b)", "a\nb"] {
            assert!(matches!(split(text), Err(CommandError::NeedsShell { .. })), "{text}");
        }
        for text in ["a 'b", "a \"b", "a \\", "a \"b\\"] {
            assert!(matches!(split(text), Err(CommandError::Open { .. })), "{text}");
        }
        assert!(split(" ").unwrap().is_empty());
    }
}
