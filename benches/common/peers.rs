//! The programs that simctl is measured beside. They are installed below `target/peers` when they are first asked for, each in
//! a folder of its own, which remembers what was installed in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use super::process::{command, first_line, shown, text};
use super::root;

/// Something of another program; or why it cannot be had.
pub(crate) type Peer<T> = Result<T, String>;

/// Knows where they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peers {
    /// Whether what is not there may be installed.
    pub(crate) may_install: bool,
}

impl Peers {
    /// Whether Node.js is here.
    pub(crate) fn node(self) -> Peer<()> {
        let found = command(&["node", "--version"]).output().is_ok_and(|output| output.status.success());
        if found { Ok(()) } else { Err("there is no Node.js here".to_owned()) }
    }

    /// Packages from npm; the folder that holds `node_modules`.
    pub(crate) fn npm(self, folder: &str, packages: &[&str]) -> Peer<PathBuf> {
        self.node()?;
        let install = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", "."];
        self.install(folder, &[[&install, packages].concat()])
    }

    /// Packages from PyPI, in an environment of their own; its `bin`.
    pub(crate) fn pypi(self, folder: &str, packages: &[&str]) -> Peer<PathBuf> {
        let install = [&["bin/pip", "install", "--quiet"], packages].concat();
        let dir = self.install(folder, &[vec!["python3", "-m", "venv", "."], install])?;
        Ok(dir.join("bin"))
    }

    /// A program from crates.io, built with `flags`.
    pub(crate) fn crates_io(self, name: &str, version: &str, flags: &[&str]) -> Peer<PathBuf> {
        let install = ["nice", "cargo", "install", "--locked", "--quiet", "--root", ".", "--version", version, name];
        let dir = self.install(name, &[[&install, flags].concat()])?;
        Ok(dir.join("bin").join(name))
    }

    /// A program of Debian's: that on `PATH`, or else from these packages, unpacked and not installed; and where its libraries
    /// are.
    pub(crate) fn debian(self, name: &str, packages: &[&str]) -> Peer<(PathBuf, PathBuf)> {
        let path = env::var_os("PATH").unwrap_or_default();
        if let Some(found) = env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file()) {
            return Ok((found, PathBuf::new()));
        }
        let unpack = "for file in *.deb; do dpkg -x \"$file\" .; done; ln -sfn usr/lib/*-linux-gnu libraries";
        let download = [&["apt-get", "download"], packages].concat();
        let dir = self.install(name, &[download, vec!["sh", "-c", unpack]])?;
        Ok((dir.join("usr/bin").join(name), dir.join("libraries")))
    }

    /// Runs the commands in a folder, unless they were run there before; the folder.
    fn install(self, folder: &str, commands: &[Vec<&str>]) -> Peer<PathBuf> {
        let dir = root().join("target/peers").join(folder);
        let stamp = dir.join("installed");
        let wanted = commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("\n");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(dir);
        }
        if !self.may_install {
            return Err("it is not installed yet".to_owned());
        }
        println!("installing {folder}");
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        commands.iter().try_for_each(|words| run(&dir, words))?;
        fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
        Ok(dir)
    }
}

/// Says why it failed in one line that a table can hold.
fn run(dir: &Path, words: &[&str]) -> Peer<()> {
    // A program of the folder itself is named from there.
    let own = dir.join(words[0]);
    let program = if words[0].contains('/') { text(&own) } else { words[0] };
    // With the user's whole environment: it may say how registries are reached.
    let output = Command::new(program).args(&words[1..]).current_dir(dir).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let why = first_line(&output.stderr).replace('|', "/");
            Err(format!("`{}` failed: {why}", shown(words)))
        }
        Err(error) => Err(format!("`{}` cannot be run: {error}", words[0])),
    }
}
