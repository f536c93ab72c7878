//! The flags of `simctl serve`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs};

use super::args::{AppFlags, HandlerFlags, PlatformFlags, WallFlags, fresh_seed, now};
use crate::commands::ServeOptions;
use crate::serve::{Address, DEFAULT_PORT};

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl serve                                         the page of the app around this folder
  simctl serve --app samples/welcome --open            and show it in the browser
  simctl serve --port 10002
  simctl serve --host 192.168.0.7                      to other machines too: prints an address with a token
  curl -s localhost:10001/api/fires --json '{\"event\":\"onUserCreate\",\"payload\":\"{…}\",\"wait\":true}'";

/// How many bytes a token is made of.
const TOKEN_BYTES: usize = 16;

#[derive(Debug, ClapArgs)]
pub(super) struct ServeFlags {
    #[command(flatten)]
    app: AppFlags,
    /// The port to listen at, 0 for any that is free
    #[arg(long, short, value_name = "PORT", default_value_t = DEFAULT_PORT, env = "SIMCTL_PORT")]
    port: u16,
    /// Show the page in the browser
    #[arg(long)]
    open: bool,
    /// Listen at this address of this machine, so that other machines reach it; each request then needs a token
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The token, at least 16 characters [default: a new one each time]
    #[arg(long, value_name = "TOKEN", env = "SIMCTL_TOKEN", hide_env_values = true, requires = "host", value_parser = token)]
    token: Option<String>,
    /// Installation parameters [default: config/iparam_test_data.json]
    #[arg(long, value_name = "FILE", env = "SIMCTL_IPARAMS")]
    iparams: Option<PathBuf>,
    /// An installation parameter whose value must reach no output or file, beside those marked secure; may be repeated
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    secret: Vec<String>,
    /// Keep nothing of what is fired in the app's history
    #[arg(long, env = "SIMCTL_NO_HISTORY")]
    no_history: bool,
    #[command(flatten)]
    handler: HandlerFlags,
    #[command(flatten)]
    walls: WallFlags,
    #[command(flatten)]
    platform: PlatformFlags,
}

impl ServeFlags {
    pub(super) fn fault(&self) -> Option<String> {
        self.handler.fault(&self.walls)
    }

    /// # Errors
    /// Where the system has no random bytes for a token.
    pub(super) fn into_options(self) -> io::Result<ServeOptions> {
        let token = match (&self.host, self.token) {
            (Some(_), None) => Some(fresh_token()?),
            (_, token) => token,
        };
        Ok(ServeOptions {
            app: self.app.into_options(),
            address: Address { host: self.host, port: self.port, token },
            open: self.open,
            iparams: self.iparams,
            secrets: self.secret,
            handler: self.handler.into_options(&self.walls),
            platform: self.platform.into_options(),
            keep: !self.no_history,
            clock: now,
            seed: fresh_seed,
        })
    }
}

/// A token that goes into a header and an address as it stands.
fn token(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if text.len() < 16 || !is_plain {
        return Err("a token has at least 16 characters: letters, digits, `-`, `_` and `.`".to_owned());
    }
    Ok(text.to_owned())
}

fn fresh_token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
