//! Where output goes: standard output, standard error, and files named with `--format FORMAT=FILE`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::model::{Finding, Verdict};
use crate::report::{
    Before, Changes, Earlier, FanOut, GitHub, Human, HumanScenarios, Json, Junit, Paint, Reporter, Sarif, Since, Tap,
    Verbosity, more_about, render_finding,
};
use crate::text::printable;

/// How output looks, for both streams.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// Whether standard output is coloured.
    pub color_out: bool,
    /// Whether standard error is coloured.
    pub color_err: bool,
    /// How much the human format says.
    pub verbosity: Verbosity,
}

/// A format that reporters write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// A JSON object a line.
    Json,
    /// Annotations for GitHub Actions.
    GitHub,
    /// A log for code scanning services.
    Sarif,
    /// A test report for CI servers.
    Junit,
    /// The Test Anything Protocol.
    Tap,
}

/// A format, and the file it goes to; standard output where none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The format.
    pub format: Format,
    /// The file.
    pub file: Option<PathBuf>,
}

impl Console {
    /// Standard output as a plain file: unbuffered, so that nothing is left behind, and not cut at line ends as
    /// [`io::stdout`] is.
    ///
    /// # Errors
    /// Where standard output is closed.
    pub fn stdout() -> io::Result<File> {
        Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }

    /// How many columns the terminal has that standard output is; none where it is no terminal.
    pub fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// Reporters for `targets`, or for people on standard output where there are none.
    ///
    /// # Errors
    /// The target that cannot be opened, and why.
    pub fn reporters(&self, targets: &[Target], cwd: &Path) -> Result<FanOut, (String, io::Error)> {
        self.reporters_after(targets, cwd, None)
    }

    /// The same for one of several checks: what is for people says only what is new since the one `before`.
    ///
    /// # Errors
    /// The target that cannot be opened, and why.
    pub fn reporters_after(
        &self,
        targets: &[Target],
        cwd: &Path,
        before: Option<&Before>,
    ) -> Result<FanOut, (String, io::Error)> {
        let verbosity = self.verbosity;
        self.fan_out(targets, cwd, &|out, paint| match before {
            Some(before) => Box::new(Changes::new(out, paint, verbosity, before.clone())),
            None => Box::new(Human::new(out, paint, verbosity)),
        })
    }

    /// The same for one of several runs: what is for people says only what differs from the one `earlier`.
    ///
    /// # Errors
    /// The target that cannot be opened, and why.
    pub fn reporters_since(
        &self,
        targets: &[Target],
        cwd: &Path,
        earlier: Option<&Earlier>,
    ) -> Result<FanOut, (String, io::Error)> {
        let Some(earlier) = earlier else { return self.reporters(targets, cwd) };
        let verbosity = self.verbosity;
        self.fan_out(targets, cwd, &|out, paint| Box::new(Since::new(out, paint, verbosity, earlier.clone())))
    }

    /// The same for a run of scenarios.
    ///
    /// # Errors
    /// The target that cannot be opened, and why.
    pub fn reporters_of_scenarios(&self, targets: &[Target], cwd: &Path) -> Result<FanOut, (String, io::Error)> {
        let verbosity = self.verbosity;
        self.fan_out(targets, cwd, &|out, paint| Box::new(HumanScenarios::new(out, paint, verbosity)))
    }

    fn fan_out(
        &self,
        targets: &[Target],
        cwd: &Path,
        human: &dyn Fn(File, Paint) -> Box<dyn Reporter>,
    ) -> Result<FanOut, (String, io::Error)> {
        let default = [Target { format: Format::Human, file: None }];
        let targets = if targets.is_empty() { &default } else { targets };
        let mut all = FanOut::new();
        for target in targets {
            let (name, out) = match &target.file {
                Some(file) => (file.display().to_string(), File::create(cwd.join(file))),
                None => ("standard output".to_owned(), Self::stdout()),
            };
            let out = out.map_err(|error| (name.clone(), error))?;
            let color = target.file.is_none() && self.color_out;
            match target.format {
                Format::Human => all.add(name, human(out, Paint::new(color))),
                Format::Json => all.add(name, Box::new(Json::new(io::BufWriter::new(out)))),
                Format::GitHub => all.add(name, Box::new(GitHub::new(io::BufWriter::new(out)))),
                Format::Sarif => all.add(name, Box::new(Sarif::new(io::BufWriter::new(out), cwd))),
                Format::Junit => all.add(name, Box::new(Junit::new(out))),
                Format::Tap => all.add(name, Box::new(Tap::new(io::BufWriter::new(out)))),
            }
        }
        Ok(all)
    }

    /// Ends the reporters; the verdict is graver where one of them could not write.
    pub fn finish(&self, reporters: FanOut, verdict: Verdict) -> Verdict {
        let failures = reporters.finish();
        for (target, error) in &failures {
            self.error(&format!("{target} cannot be written: {error}"), None);
        }
        if failures.is_empty() { verdict } else { verdict.and(Verdict::Machine) }
    }

    /// Writes what was asked for to standard output. A reader that closes it early has had what it wanted.
    pub fn write(&self, text: &str) -> Verdict {
        match Self::stdout().and_then(|mut out| out.write_all(text.as_bytes())) {
            Ok(()) => Verdict::Held,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Verdict::Held,
            Err(error) => {
                self.error(&format!("standard output cannot be written: {error}"), None);
                Verdict::Machine
            }
        }
    }

    /// Shows findings on standard error.
    pub fn complain(&self, findings: &[Finding]) {
        for finding in findings {
            self.say(&render_finding(finding, Paint::new(self.color_err)));
        }
        if let Some(more) = more_about(findings).filter(|_| self.verbosity > Verbosity::Quiet) {
            self.say(&format!("{}\n", Paint::new(self.color_err).faint(&more)));
        }
    }

    /// Shows an error of simctl's own on standard error.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        let paint = Paint::new(self.color_err);
        let mut text = format!("{}: {}\n", paint.bad("error"), printable(message));
        if let Some(hint) = hint {
            text.push_str(&format!("{}: {}\n", paint.hint("hint"), printable(hint)));
        }
        self.say(&text);
    }

    /// Shows a remark on standard error, unless the run is a quiet one.
    pub fn note(&self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            let note = Paint::new(self.color_err).hint("note");
            self.say(&format!("{note}: {}\n", printable(message)));
        }
    }

    fn say(&self, text: &str) {
        // Where standard error is closed there is nobody left to tell; the exit code still says it.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
