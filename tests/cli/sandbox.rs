//! A folder of its own, files in it, and simctl run there.
//!
//! ```ignore
//! Sandbox::new().file("manifest.json", "{}").run(["validate"]).code(1).stdout("no-events");
//! ```

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) use crate::common::node_or_skip;

pub(crate) const SIMCTL: &str = env!("CARGO_BIN_EXE_simctl");

pub(crate) struct Sandbox {
    dir: TempDir,
    env: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().expect("a temporary folder"), env: Vec::new(), stdin: Vec::new() }
    }

    /// An app in the shape of platform 3.0 that subscribes both user events, with this `server.js`.
    pub(crate) fn app(server: &str) -> Self {
        let manifest = r#"{
  "platform-version": "3.0",
  "modules": {
    "common": {},
    "chat_user": {
      "events": {
        "onUserCreate": { "handler": "created" },
        "onUserUpdate": { "handler": "updated" }
      }
    }
  },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}
"#;
        Self::new().file("manifest.json", manifest).file("server/server.js", server)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
        self
    }

    pub(crate) fn folder(self, name: &str) -> Self {
        fs::create_dir_all(self.path().join(name)).expect("a folder");
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(SIMCTL);
        command.args(args).current_dir(self.path()).envs(self.env.iter().map(|(name, value)| (name, value)));
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "SIMCTL_SEED", "SIMCTL_NOW", "SIMCTL_NO_HISTORY", "CI"] {
            if !self.env.iter().any(|(set, _)| set == name) {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        let args: Vec<&str> = args.into_iter().collect();
        let mut child = self.command(args.iter().copied()).spawn().expect("simctl starts");
        let mut stdin = child.stdin.take().expect("piped");
        let bytes = self.stdin.clone();
        // A command that does not read its input must not hold the test up.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        let output = child.wait_with_output().expect("simctl ends");
        writer.join().expect("the writer ends");
        Ran::new(args.join(" "), self.path().to_path_buf(), output)
    }
}

/// What a run of simctl left behind.
pub(crate) struct Ran {
    what: String,
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn new(args: String, dir: PathBuf, output: Output) -> Self {
        Self {
            what: format!("simctl {args}   (in {})", dir.display()),
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn explain(&self, wrong: &str) -> String {
        let Self { what, code, out, err } = self;
        format!("{wrong}\n{what}\nexit code {code:?}\n--- stdout\n{out}\n--- stderr\n{err}")
    }

    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert!(self.code == Some(expected), "{}", self.explain(&format!("exit code {expected} was expected")));
        assert!(!self.err.contains("panicked"), "{}", self.explain("it panicked"));
        self
    }

    #[track_caller]
    pub(crate) fn stdout(self, expected: &str) -> Self {
        assert!(self.out.contains(expected), "{}", self.explain(&format!("stdout should have `{expected}`")));
        self
    }

    #[track_caller]
    pub(crate) fn stderr(self, expected: &str) -> Self {
        assert!(self.err.contains(expected), "{}", self.explain(&format!("stderr should have `{expected}`")));
        self
    }

    #[track_caller]
    pub(crate) fn no_stdout(self) -> Self {
        assert!(self.out.is_empty(), "{}", self.explain("stdout should be empty"));
        self
    }

    #[track_caller]
    pub(crate) fn no_stderr(self) -> Self {
        assert!(self.err.is_empty(), "{}", self.explain("stderr should be empty"));
        self
    }

    #[track_caller]
    pub(crate) fn without(self, unwanted: &str) -> Self {
        let found = self.out.contains(unwanted) || self.err.contains(unwanted);
        assert!(!found, "{}", self.explain(&format!("nothing should have `{unwanted}`")));
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{}", self.explain(&error.to_string())))
    }

    /// Standard output as a JSON value a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{}", self.explain(&error.to_string())))
            })
            .collect()
    }

    /// The events of a JSON stream that are of one type.
    #[track_caller]
    pub(crate) fn events(&self, kind: &str) -> Vec<serde_json::Value> {
        self.lines().into_iter().filter(|event| event["type"] == kind).collect()
    }

    /// The outcome of the only delivery of a JSON stream.
    #[track_caller]
    pub(crate) fn outcome(&self) -> serde_json::Value {
        let finished = self.events("delivery-finished");
        assert!(finished.len() == 1, "{}", self.explain("one delivery was expected"));
        finished[0]["outcome"].clone()
    }
}
