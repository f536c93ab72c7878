//! The kinds of finding, each with a name that never changes.

use serde::Serialize;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// It runs here but will not do what is meant, or not everywhere.
    Warning,
    /// It cannot work.
    Error,
}

impl Severity {
    /// The word that output uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Declares [`Code`] from one table, so that name, severity and meaning cannot drift apart.
macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $meaning:literal;)*) => {
        /// The kind of a finding. Names are stable: scripts and silencing comments rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in output, such as `unknown-event`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How grave it is unless the user's settings say otherwise.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    // Files
    FileMissing "file-missing" Error "a file or folder that was named, or that the app needs, is not there";
    FileUnreadable "file-unreadable" Error "a file is there but cannot be read: rights, a folder in its place, not a regular file";
    FileTooLarge "file-too-large" Error "a file is larger than simctl reads, or a payload larger than the platform sends";
    FileEmpty "file-empty" Error "a file that must hold something is empty";
    // JSON
    NotUtf8 "not-utf8" Error "a file holds bytes that are not UTF-8 text";
    ByteOrderMark "byte-order-mark" Warning "a file begins with a byte-order mark, which JSON does not allow and many readers refuse";
    JsonSyntax "json-syntax" Error "a file is not JSON";
    JsonTooDeep "json-too-deep" Error "JSON is nested deeper than 128 levels";
    DuplicateKey "duplicate-key" Error "an object has the same key twice; only the last one counts";
    ManifestFragment "manifest-fragment" Error "a manifest was pasted as a fragment, without the braces round it";
    WrongShape "wrong-shape" Error "a file holds JSON of another kind than it should, such as an array where an object is expected";
    // Manifest and app
    ManifestMissing "manifest-missing" Error "no manifest.json was found";
    UnknownKind "unknown-kind" Error "a file is neither a manifest nor a payload that simctl recognises";
    SchemaViolation "schema-violation" Error "a value does not match its JSON Schema";
    UnknownAttribute "unknown-attribute" Note "an attribute that the schema does not know; the platform adds some, but it may be a slip";
    UnknownEvent "unknown-event" Error "an event name that the platform does not have";
    WrongProduct "wrong-product" Error "the event belongs to another product or module than the app subscribes in";
    UnknownProduct "unknown-product" Error "a product or module that the platform does not have";
    NoEvents "no-events" Error "the app subscribes to no event";
    NotSubscribed "not-subscribed" Error "the app does not subscribe to the event";
    AmbiguousSubscription "ambiguous-subscription" Error "the event is subscribed more than once, with different callbacks";
    UnknownPlatformVersion "unknown-platform-version" Error "a platform version that does not exist";
    ServerMissing "server-missing" Error "the app has no server.js";
    ExtraKey "extra-key" Error "an event's entry holds more than its `handler`, which the vendor's kit refuses";
    MappedTwice "mapped-twice" Error "an event is mapped to a callback twice in one place";
    CommonAlone "common-alone" Error "a 3.0 manifest names `common` and no other module";
    EmptyObject "empty-object" Error "`events`, `location`, `requests` or `functions` is there and empty, which the vendor's kit refuses";
    EnginesMissing "engines-missing" Error "a 3.0 manifest does not say which Node.js and kit versions it is made with";
    DependencyRange "dependency-range" Error "a dependency's version is a range with `^` or `~`, an exact version was expected";
    DependenciesWithoutServer "dependencies-without-server" Error "the manifest names npm packages, and the app has no server part that could use them";
    BadTimeout "bad-timeout" Error "a function's time limit is not 20, 25 or 30 seconds";
    UndefinedTemplate "undefined-template" Error "the manifest names a request template that `config/requests.json` does not define";
    UndefinedFunction "undefined-function" Error "the manifest declares a function that server.js does not define";
    ScriptSyntax "script-syntax" Error "a JavaScript file does not parse";
    // Payloads
    UnknownPath "unknown-path" Error "a path that the event's schema does not have";
    BadPath "bad-path" Error "a path that cannot be read or that leads through a value which has no members";
    UnknownUser "unknown-user" Error "a user who is named on the command line and of whom nothing was kept";
    BadOverride "bad-override" Error "a value on the command line that cannot be read";
    UnknownField "unknown-field" Error "a field named for `changes` that the user object does not have or that cannot change";
    EventMismatch "event-mismatch" Error "a payload is of another event than the one that is fired";
    SampleMissing "sample-missing" Error "the app holds no sample payload for the event";
    NoSchema "no-schema" Error "there is no schema for the event, so no payload can be made for it";
    Unchecked "unchecked" Note "there is no schema for the event, so its payload is fired unchecked";
    ChangesContradict "changes-contradict" Error "`changes` of a payload does not agree with its `user`, which holds the new values";
    ActorMismatch "actor-mismatch" Warning "the actor is a user, but not the user whom the payload is about";
    OtherEnvelope "other-envelope" Warning "a sample payload wears the envelope of another platform version than the app's";
    SampleUnknownEvent "sample-unknown-event" Warning "a sample payload lies under a name that no event of the platform has";
    SampleNotSubscribed "sample-not-subscribed" Note "a sample payload is there for an event that the app does not subscribe to";
    BadSchema "bad-schema" Error "a schema file is not a usable JSON Schema";
    // Scripts
    UnknownCallback "unknown-callback" Error "the manifest names a callback that server.js does not define";
    PackerBlind "packer-blind" Warning "a callback is written in a form that runs but that the platform's packer does not see";
    UnusedCallback "unused-callback" Note "a callback is defined, and nothing subscribes it";
    BadRequire "bad-require" Error "a `require` that cannot work: the file is missing, or outside of the app's server folder";
    JsonRequire "json-require" Warning "a JSON file is required, which the platform does not pack";
    UndeclaredDependency "undeclared-dependency" Warning "an npm package is required that the manifest's `dependencies` do not name";
    MissingGlobal "missing-global" Warning "the code uses a global that the platform does not have";
    MissingSubscription "missing-subscription" Warning "the code uses a platform object that needs an event which the app does not subscribe to";
    WrongRequestCall "wrong-request-call" Error "the code sends a request by a call of `$request` that the app's platform does not have";
    UnknownTemplate "unknown-template" Error "the code invokes a request template that config/requests.json does not define, or the manifest does not declare";
    UnusedTemplate "unused-template" Note "a request template is declared, and no code invokes it";
    UnknownRead "unknown-read" Warning "a handler reads something that the event's payload does not have";
    UnknownIparam "unknown-iparam" Warning "the code or a request template reads an installation parameter that config/iparams.json does not declare";
    EndedPlatform "ended-platform" Note "the app's platform version is past its end: no new app may use it, and it is not mended any more";
    UnusedIparam "unused-iparam" Note "an installation parameter is declared, and nothing of the app reads it";
    NullRead "null-read" Warning "a handler reads a member of something that is null in the event's payload";
    ImpossibleComparison "impossible-comparison" Warning "a value is compared with one that it can never have";
    ChangesOrder "changes-order" Note "a handler relies on the order of the two values of a change, which is met both ways";
    // Host calls
    CallRate "call-rate" Warning "the app calls an object of the platform more often than the 50 times a minute that production answers";
    MissingPackage "missing-package" Error "an npm package that the app requires is not installed";
    NeedsNode "needs-node" Warning "the app requires what only Node.js can load, and it runs on the embedded runtime";
    RenderError "render-error" Warning "`renderData` is given an error that the platform cannot show: without `message` and `status`, or too long";
    BadRecord "bad-record" Error "a record for `$db` that it would not take";
    // Scenarios
    YamlSyntax "yaml-syntax" Error "a file is not YAML, or holds what JSON has no word for";
    BadScenario "bad-scenario" Error "a scenario that cannot be played as it is written";
    // Settings
    BadIparams "bad-iparams" Error "installation parameters are not an object of name to value";
    MissingIparam "missing-iparam" Error "a required installation parameter has no value";
    UnknownIparamType "unknown-iparam-type" Warning "an installation parameter's type is close to a known one, but is none";
    IparamDefault "iparam-default" Warning "an installation parameter's default does not fit its type";
    SecretInClear "secret-in-clear" Warning "the value of a secure installation parameter stands in a file in clear";
    BadRequestTemplate "bad-request-template" Error "a request template that the platform cannot send";
    BadMock "bad-mock" Error "a file in mocks/ that answers no request, or not as it is meant to";
    MissingMock "missing-mock" Error "the app sent a request that no file in mocks/ answers";
    UnknownSetting "unknown-setting" Warning "a key in simctl.json that simctl does not know";
    UnknownCode "unknown-code" Error "a setting names a code that simctl does not have";
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Code;

    #[test]
    fn each_name_is_used_once_and_is_kebab_case() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        }
    }
}
