//! Which callback gets an event, and what to say where none does.

use crate::model::{Code, Finding, Findings};
use crate::text::json::escape_token;
use crate::text::{list, nearest};

use super::manifest::{Scope, misplaced};
use super::{App, Subscription, catalogue};

impl App {
    /// The subscription of `event`; `scope` is the product or module where it matters.
    ///
    /// An event that several modules subscribe with one callback is taken from the chat product's own.
    ///
    /// # Errors
    /// The event is not subscribed, or its entry has a fault; it is subscribed only where the platform does not have it;
    /// it is subscribed more than once with different callbacks and `scope` does not say which is meant.
    pub fn subscription(&self, event: &str, scope: Option<&str>) -> Result<&Subscription, Findings> {
        let all: Vec<&Subscription> = self.manifest.subscriptions.iter().filter(|found| found.event == event).collect();
        let wanted: Vec<&Subscription> =
            all.iter().copied().filter(|found| scope.is_none() || found.scope.name() == scope).collect();
        let Some(&first) = wanted.first() else {
            return Err(self.not_subscribed(event, scope, &all));
        };
        let sent: Vec<&Subscription> = wanted.into_iter().filter(|found| !is_elsewhere(event, &found.scope)).collect();
        let Some(&any) = sent.first() else {
            let finding = misplaced(event, &first.scope);
            return Err(finding.map(|finding| finding.at(first.place.clone())).into_iter().collect());
        };
        if sent.iter().any(|found| found.callback != any.callback) {
            return Err(vec![ambiguous(event, &sent)]);
        }
        Ok(sent.iter().find(|found| found.scope.is_home()).unwrap_or(&any))
    }

    fn not_subscribed(&self, event: &str, scope: Option<&str>, elsewhere: &[&Subscription]) -> Findings {
        let faults = self.faults_of(event);
        if !faults.is_empty() {
            return faults;
        }
        let manifest = &self.manifest;
        let subscribed = || manifest.subscriptions.iter().map(|found| found.event.as_str());
        let near = nearest(event, subscribed());
        let finding = self.why_not_subscribed(event, scope, near);
        let finding = match near {
            // The slip is in the manifest, or on the command line: whichever of the two the platform does not know.
            Some(near) if !catalogue::is_known(near) && catalogue::is_known(event) => {
                let slip = manifest.subscriptions.iter().find(|found| found.event == near);
                let place = slip.map(|found| found.place.clone()).unwrap_or_default();
                finding.at(place).hint(format!("`{near}` here is no event of the platform: did you mean `{event}`?"))
            }
            Some(near) if !catalogue::is_known(event) => finding.hint(format!("did you mean `{near}`?")),
            _ if !catalogue::is_known(event) => {
                let near = nearest(event, catalogue::all_events());
                finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?")))
            }
            _ => finding,
        };
        if !elsewhere.is_empty() {
            let scopes = elsewhere.iter().filter_map(|found| found.scope.name());
            return vec![finding.hint(format!("it is subscribed in {}", list(scopes)))];
        }
        let mut names: Vec<&str> = subscribed().collect();
        names.sort_unstable();
        names.dedup();
        vec![finding.hint(format!("subscribed: {}", list(names)))]
    }

    fn why_not_subscribed(&self, event: &str, scope: Option<&str>, near: Option<&str>) -> Finding {
        let (manifest, file) = (&self.manifest, self.manifest.source.file());
        if !catalogue::is_known(event) {
            let what = format!("the platform has no event `{event}`, and the app subscribes to none of that name");
            return Finding::new(Code::UnknownEvent, what).in_file(file);
        }
        if let Some(scope) = scope {
            return Finding::new(Code::NotSubscribed, format!("`{event}` is not subscribed in `{scope}`"))
                .in_file(file);
        }
        let scopes: Vec<&Scope> = manifest.subscriptions.iter().map(|found| &found.scope).collect();
        let could_be = scopes.iter().any(|scope| !is_elsewhere(event, scope) || scope.name() == Some("common"));
        if could_be || near.is_some_and(|near| !catalogue::is_known(near)) {
            return Finding::new(Code::NotSubscribed, format!("the app does not subscribe to `{event}`")).in_file(file);
        }
        let (products, modules) = catalogue::where_is(event);
        let holders = if matches!(scopes.first(), Some(Scope::Module(_))) { modules } else { products };
        let mut names: Vec<&str> = scopes.iter().filter_map(|scope| scope.name()).collect();
        names.dedup();
        let what = format!(
            "`{event}` exists in {}, and the app subscribes in {} only",
            list(holders.iter().copied()),
            list(names)
        );
        let place = manifest.subscriptions.first().map(|found| found.place.clone()).unwrap_or_default();
        Finding::new(Code::WrongProduct, what).at(place)
    }

    /// What is wrong with the manifest's entry of an event.
    fn faults_of(&self, event: &str) -> Findings {
        let entry = format!("/events/{}", escape_token(event));
        let of_entry = |finding: &&Finding| {
            let pointer = finding.place.pointer.as_deref().unwrap_or("");
            finding.code == Code::WrongShape && pointer.strip_suffix("/handler").unwrap_or(pointer).ends_with(&entry)
        };
        self.manifest.findings.iter().filter(of_entry).cloned().collect()
    }
}

/// Whether the platform has the event, but not in this product or module.
fn is_elsewhere(event: &str, scope: &Scope) -> bool {
    misplaced(event, scope).is_some_and(|finding| finding.code == Code::WrongProduct)
}

fn ambiguous(event: &str, found: &[&Subscription]) -> Finding {
    let each: Vec<String> = found
        .iter()
        .map(|found| format!("`{}` in `{}`", found.callback, found.scope.name().unwrap_or("events")))
        .collect();
    let what = format!("`{event}` is subscribed {} times, with different callbacks: {}", each.len(), each.join(", "));
    let scopes = found.iter().filter_map(|found| found.scope.name());
    let place = found.first().map(|found| found.place.clone()).unwrap_or_default();
    Finding::new(Code::AmbiguousSubscription, what).at(place).hint(format!("say which is meant: {}", list(scopes)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::super::testing::open;
    use super::*;

    fn modules(modules: &str) -> App {
        let manifest = format!(r#"{{"platform-version": "3.0", "modules": {modules}}}"#);
        open(&[("manifest.json", &manifest)]).1.unwrap()
    }

    fn refused(app: &App, event: &str, scope: Option<&str>) -> (Code, String) {
        let findings = app.subscription(event, scope).unwrap_err();
        assert_eq!(findings.len(), 1);
        (findings[0].code, format!("{}; {}", findings[0].message, findings[0].hints.join("; ")))
    }

    const CHAT: &str = r#"{"chat_user": {"events": {"onUserUpdate": {"handler": "f"}}}}"#;

    #[test]
    fn what_is_subscribed_is_listed() {
        let (code, text) = refused(&modules(CHAT), "onUserCreate", None);
        assert_eq!(code, Code::NotSubscribed);
        assert!(text.contains("subscribed: `onUserUpdate`"), "{text}");
    }

    #[test]
    fn a_slip_on_the_command_line_finds_the_event() {
        let (code, text) = refused(&modules(CHAT), "onUserUpdated", None);
        assert_eq!(code, Code::UnknownEvent);
        assert!(text.contains("did you mean `onUserUpdate`?"), "{text}");
    }

    #[test]
    fn a_slip_in_the_manifest_is_pointed_at() {
        let app = modules(r#"{"chat_user": {"events": {"onUserUpdated": {"handler": "f"}}}}"#);
        let (code, text) = refused(&app, "onUserUpdate", None);
        assert_eq!(code, Code::NotSubscribed);
        assert!(text.contains("`onUserUpdated` here is no event") && text.contains("did you mean `onUserUpdate`?"));
        // It is subscribed, after all: the platform may be newer than the table.
        assert_eq!(app.subscription("onUserUpdated", None).unwrap().callback, "f");
    }

    #[test]
    fn an_event_of_another_module_is_said_to_be_there() {
        let (code, text) = refused(&modules(CHAT), "onTicketCreate", None);
        assert_eq!(code, Code::WrongProduct);
        assert!(
            text.contains(
                "exists in `service_ticket` and `support_ticket`, and the app subscribes in `chat_user` only"
            ),
            "{text}"
        );
        let app = modules(r#"{"chat_user": {"events": {"onUserDelete": {"handler": "f"}}}}"#);
        let (code, text) = refused(&app, "onUserDelete", None);
        assert_eq!(code, Code::WrongProduct);
        assert!(text.starts_with("`onUserDelete` exists in `service_user`, not in `chat_user`"), "{text}");
    }

    #[test]
    fn two_modules_with_one_callback_are_no_question_and_with_two_are() {
        let two = |second: &str| {
            modules(&format!(
                r#"{{"service_user": {{"events": {{"onUserUpdate": {{"handler": "{second}"}}}}}},
                "chat_user": {{"events": {{"onUserUpdate": {{"handler": "f"}}}}}}}}"#
            ))
        };
        let app = two("f");
        assert_eq!(app.subscription("onUserUpdate", None).unwrap().scope, Scope::Module("chat_user".into()));
        let app = two("g");
        let (code, text) = refused(&app, "onUserUpdate", None);
        assert_eq!(code, Code::AmbiguousSubscription);
        assert!(text.contains("`g` in `service_user`, `f` in `chat_user`"), "{text}");
        assert_eq!(app.subscription("onUserUpdate", Some("service_user")).unwrap().callback, "g");
        let (code, text) = refused(&app, "onUserUpdate", Some("common"));
        assert_eq!(code, Code::NotSubscribed);
        assert!(text.contains("it is subscribed in `service_user` and `chat_user`"), "{text}");
    }

    #[test]
    fn a_faulty_entry_is_what_is_told() {
        let app =
            modules(r#"{"chat_user": {"events": {"onUserUpdate": {"handler": 7}, "onUserCreate": {"handler": "f"}}}}"#);
        assert_eq!(refused(&app, "onUserUpdate", None).0, Code::WrongShape);
    }
}
