//! Each rule on scripts, as tables of what is written and what is found where.

use std::path::Path;

use proptest::prelude::*;

use super::super::parse::tests::{QUADRATIC, WAYS};
use super::check_script;
use crate::app::testing::open;
use crate::model::{Findings, Platform, Severity};
use crate::schema::Schemas;

const MANIFEST: &str = r#"{"platform-version": "3.0", "modules": {"common": {}, "chat_user": {"events": {
"onUserCreate": {"handler": "created"}, "onUserUpdate": {"handler": "updated"}}}}}"#;

/// Both callbacks, so that a table's script has to say what it is about only.
const BOTH: &str = "exports = { created: function (payload) {}, updated: function (payload) {} };\n";

fn findings(files: &[(&str, &str)]) -> Findings {
    let (_dir, app) = open(files);
    app.unwrap().check_scripts(&Schemas::embedded())
}

/// `code line:column` of each finding in the scripts.
fn told(findings: &Findings) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let start = finding.place.span.unwrap().start;
            format!("{} {}:{}", finding.code.name(), start.line, start.column)
        })
        .collect()
}

fn check(script: &str) -> Vec<String> {
    told(&findings(&[("manifest.json", MANIFEST), ("server/server.js", script)]))
}

/// What is found in a script that defines both callbacks first, so that the text begins in line 2.
fn check_after(script: &str) -> Vec<String> {
    check(&format!("{BOTH}{script}"))
}

#[track_caller]
fn table(rows: &[(&str, &[&str])]) {
    for (script, expected) in rows {
        assert_eq!(check_after(script), *expected, "{script}");
    }
}

#[test]
fn a_callback_that_is_there_in_any_form_is_found() {
    for script in [
        "exports = { created: function () {}, async updated() {} };",
        "exports = { created: async function () {}, ['updated']: function () {} };",
        "exports = require('./nothing-known');",
        "exports = { ...handlers() };",
    ] {
        let found = findings(&[
            ("manifest.json", MANIFEST),
            ("server/server.js", script),
            ("server/nothing-known.js", "exports = {};"),
        ]);
        assert_eq!(told(&found), Vec::<String>::new(), "{script}");
    }
}

#[test]
fn a_callback_that_is_not_there_is_told_at_its_name_in_the_manifest() {
    let script = "exports = { created: function () {}, updateed: function () {} };";
    let found = findings(&[("manifest.json", MANIFEST), ("server/server.js", script)]);
    assert_eq!(told(&found), ["unknown-callback 2:69"]);
    assert_eq!(found[0].hints, ["did you mean `updateed`?"]);
    assert_eq!(check("exports = { created: 1, updated() {} };"), ["unknown-callback 2:29"]);
    assert_eq!(check("").len(), 2);
}

#[test]
fn forms_that_the_packer_does_not_see_are_told() {
    for (script, place) in [
        ("exports = { created: () => {}, updated() {} };", "1:13"),
        ("function created() {}\nexports = { created, updated() {} };", "2:13"),
        ("exports = { updated() {} };\nexports.created = function () {};", "2:9"),
        ("const all = { created() {} };\nexports = { ...all, updated() {} };", "1:15"),
    ] {
        assert_eq!(check(script), [format!("packer-blind {place}")], "{script}");
    }
    let both = check("module.exports = { created() {}, updated() {} };");
    assert_eq!(both, ["packer-blind 1:20", "packer-blind 1:34"]);
    let lib = findings(&[
        ("manifest.json", MANIFEST),
        ("server/server.js", &format!("{BOTH}require('./a');")),
        ("server/a.js", "module.exports = { f() {}, g() {} };"),
    ]);
    assert_eq!(told(&lib), ["packer-blind 1:20"]);
}

#[test]
fn a_callback_that_nothing_names_is_a_note() {
    let with = |more: &str| check(&format!("exports = {{ created() {{}}, updated() {{}}, {more} }};"));
    assert_eq!(with("onUserDeleteCallback: function () {}"), ["unused-callback 1:41"]);
    assert_eq!(with("helper: function () {}"), Vec::<String>::new());
    assert_eq!(with("onMine() {}, g() { this.onMine(); }"), Vec::<String>::new());
    assert_eq!(with("onMine: 'text'"), Vec::<String>::new());
}

#[test]
fn a_fault_of_syntax_is_all_that_is_told_of_its_file() {
    assert_eq!(check("exports = { created: function( {} };"), ["script-syntax 1:35"]);
    assert_eq!(check_after("let a;\nlet a;"), ["script-syntax 2:5"]);
    assert_eq!(check_after("return;"), Vec::<String>::new());
    let lib = findings(&[
        ("manifest.json", MANIFEST),
        ("server/server.js", &format!("{BOTH}require('./a'); setTimeout(f);")),
        ("server/a.js", "exports = {,}; setTimeout(f)"),
    ]);
    assert_eq!(told(&lib), ["script-syntax 1:12", "missing-global 2:17"]);
}

#[test]
fn globals_that_the_platform_lacks_are_told_where_they_are_used() {
    table(&[
        ("setTimeout(f, 1);", &["missing-global 2:1"]),
        ("const b = Buffer.from('x');", &["missing-global 2:11"]),
        ("if (done) process.exit(1);", &["missing-global 2:11"]),
        ("process.env.HOME;", &["missing-global 2:1"]),
        ("global.setTimeout(f);", &["missing-global 2:1"]),
        ("const { a } = { a: fetch };", &["missing-global 2:20"]),
        ("const all = { fetch };", &["missing-global 2:15"]),
        ("new URL(x); $configs.a;", &["missing-global 2:5", "missing-global 2:13"]),
    ]);
}

#[test]
fn names_of_the_files_own_are_no_globals() {
    table(&[
        ("function setTimeout() {} setTimeout();", &[]),
        ("function f(fetch) { fetch(); }", &[]),
        ("const { URL } = require('url'); new URL(x);", &[]),
        ("if (typeof fetch === 'function') fetch(x);", &[]),
        ("if (typeof process.exit === 'function') process.exit(1);", &[]),
        ("typeof process?.hrtime; typeof (process.env.HOME); typeof global.setTimeout;", &[]),
        ("typeof process.hrtime.bigint; process.exit(1);", &["missing-global 2:8", "missing-global 2:31"]),
        ("setTimeout = f; setTimeout();", &[]),
        ("global.setTimeout = f; setTimeout();", &[]),
        ("x.setTimeout(); x.fetch; y = { Buffer: 1 };", &[]),
        ("process.env.ENV; process.cwd(); process; global.mine;", &[]),
        ("try {} catch (crypto) { crypto; }", &[]),
        ("// setTimeout()\n'setTimeout()';", &[]),
    ]);
}

#[test]
fn requires_that_cannot_work_are_told() {
    table(&[
        ("require('./nowhere');", &["bad-require 2:1"]),
        ("require('../manifest');", &["bad-require 2:1"]),
        ("const x = require('axios');", &["undeclared-dependency 2:11"]),
        ("require('@scope/name/file');", &["undeclared-dependency 2:1"]),
        ("require('crypto'); require('node:fs'); require(name);", &[]),
    ]);
    let manifest = MANIFEST.replacen('{', r#"{"dependencies": {"axios": "1.7.0"}, "#, 1);
    let found = findings(&[
        ("manifest.json", &manifest),
        ("server/server.js", &format!("{BOTH}require('axios'); require('axios/lib'); require('./a.json');")),
        ("server/a.json", "{}"),
    ]);
    assert_eq!(told(&found), ["json-require 2:41"]);
}

#[test]
fn platform_objects_ask_for_their_events() {
    table(&[
        ("$schedule.create({ name: 'a' });", &["missing-subscription 2:1"]),
        ("generateTargetUrl().then(f);", &["missing-subscription 2:1"]),
        ("$schedule.fetch({ name: 'a' }); function f($schedule) { $schedule.create(); }", &[]),
    ]);
    let manifest =
        MANIFEST.replace(r#""common": {}"#, r#""common": {"events": {"onScheduledEvent": {"handler": "created"}}}"#);
    let script = format!("{BOTH}$schedule.create({{ name: 'a' }});");
    assert_eq!(told(&findings(&[("manifest.json", &manifest), ("server/server.js", &script)])), Vec::<String>::new());
}

/// What is found in the body of the callback of onUserUpdate, which is line 2.
fn in_update(body: &str) -> Vec<String> {
    check(&format!("exports = {{ created: function (payload) {{}}, updated: function (payload) {{\n{body}\n}} }};"))
}

/// What is found in the body of the callback of onUserCreate, which is line 2.
fn in_create(body: &str) -> Vec<String> {
    check(&format!("exports = {{ updated: function (payload) {{}}, created: function (payload) {{\n{body}\n}} }};"))
}

#[track_caller]
fn paths(rows: &[(&str, &[&str])]) {
    for (body, expected) in rows {
        assert_eq!(in_update(body), *expected, "{body}");
    }
}

#[test]
fn a_path_that_the_payload_does_not_have_is_told_at_its_name() {
    paths(&[
        ("payload.data.properties;", &["unknown-read 2:14"]),
        ("payload['data']['usr'];", &["unknown-read 2:17"]),
        ("payload?.data?.user?.emial?.length;", &["unknown-read 2:22"]),
        ("payload.data.user.emial.toLowerCase();", &["unknown-read 2:19"]),
        ("payload.data.user.avatar.src;", &["unknown-read 2:26"]),
        ("payload.data.changes.emial;", &["unknown-read 2:22"]),
        ("payload.data.user.properties.plan;", &["unknown-read 2:30"]),
        ("payload.data.user.email.address;", &["unknown-read 2:25"]),
        ("payload.data.user[0];", &["unknown-read 2:19"]),
        ("(payload.iparam || {}).token;", &["unknown-read 2:10"]),
        ("f(async () => (await payload.data).usr);", &["unknown-read 2:36"]),
        ("`${payload.user}`;", &["unknown-read 2:12"]),
        ("call(payload.user.name, payload.data.usr);", &["unknown-read 2:14", "unknown-read 2:38"]),
    ]);
}

#[test]
fn paths_that_the_payload_has_are_nothing_to_tell() {
    paths(&[
        ("payload.data.user.email.toLowerCase().trim().anything;", &[]),
        ("payload.data.user.properties.length + payload.timestamp.toFixed(2);", &[]),
        ("payload.data.user.properties[0].name; payload.data.user.properties.map(f);", &[]),
        ("payload.currentHost.endpoint_urls.freshchat; payload.iparams.any.thing;", &[]),
        ("payload.data.associations.channel; payload.region; payload.data.user.actor.type;", &[]),
        ("payload.hasOwnProperty('x'); payload.data.user.toString();", &[]),
        ("payload[name].x; payload.data[name]; payload.data.changes[field][0];", &[]),
        ("JSON.stringify(payload); f(payload); new F(payload); ({ ...payload }).x;", &[]),
    ]);
}

#[test]
fn names_are_followed() {
    paths(&[
        ("const data = payload.data; data.usr;", &["unknown-read 2:33"]),
        ("const { data: { usr } } = payload;", &["unknown-read 2:17"]),
        ("const { data: { user: { emial: mail = '' } = {} } } = payload;", &["unknown-read 2:25"]),
        ("const { user } = payload.data || {}; user.emial;", &["unknown-read 2:43"]),
        ("const { user: u } = payload.data; const v = u; v.emial;", &["unknown-read 2:50"]),
        ("payload.data.user.properties.forEach(function (p) { p.key; });", &["unknown-read 2:55"]),
        ("payload.data.user.properties.find(p => p.name === 'x').val;", &["unknown-read 2:56"]),
        ("for (const p of payload.data.user.properties) p.key;", &["unknown-read 2:49"]),
        ("const copy = JSON.parse(JSON.stringify(payload)); copy.user;", &["unknown-read 2:56"]),
        ("(function (d) { d.usr; })(payload.data);", &["unknown-read 2:19"]),
        ("const usr = payload.data.usr; usr.email; usr.id;", &["unknown-read 2:26"]),
        ("setUp(() => payload.data.usr);", &["unknown-read 2:26"]),
    ]);
}

#[test]
fn what_cannot_be_followed_is_left_alone() {
    paths(&[
        ("let data = payload.data; data = other; data.usr;", &[]),
        ("var data = payload.data; var data = other; data.usr;", &[]),
        ("payload = other; payload.usr;", &[]),
        ("function f(payload) { payload.usr; }", &[]),
        ("const data = payload.data || other; data.usr;", &[]),
        ("const data = other ? payload.data : other; data.usr;", &[]),
        ("payload.data.extra = 1; payload.data.extra.deep;", &[]),
        ("payload.data[name] = 1; payload.data.extra;", &[]),
        ("Object.assign(payload.data, more); payload.data.extra;", &[]),
        ("const enrich = require('enrich' + x); enrich(payload); payload.extra;", &[]),
        ("delete payload.extra; payload.extra;", &[]),
        ("const { ...rest } = payload; rest.usr;", &[]),
        ("const { [name]: x } = payload; x.usr;", &[]),
        ("const data = Object.assign({}, payload.data); data.usr;", &[]),
    ]);
}

#[test]
fn what_is_asked_for_first_is_told_only_where_nothing_else_is_read_instead() {
    paths(&[
        ("const user = payload.user || payload.data.user;", &[]),
        ("if (payload.account_id) { payload.account_id; }", &[]),
        ("if (payload.data.user.is_vip) { f(); }", &[]),
        ("typeof payload.extra === 'undefined'; payload.zip !== undefined;", &[]),
        ("if (payload.data.properties) { f(); }", &["unknown-read 2:18"]),
        ("const all = payload.data.properties || [];", &["unknown-read 2:26"]),
    ]);
}

#[test]
fn helpers_are_followed_where_every_call_is_known() {
    for (script, expected) in [
        (
            "function f(user) { user.emial; }\nexports = { created: function (p) { f(p.data.user); }, updated() {} };",
            vec!["unknown-read 1:25"],
        ),
        (
            "const f = ({ emial }) => emial;\nexports = { created: function (p) { f(p.data.user); }, updated() {} };",
            vec!["unknown-read 1:14"],
        ),
        (
            "function f(user) { user.emial; }\nf(x);\nexports = { created: function (p) { f(p.data.user); }, updated() {} };",
            vec![],
        ),
        (
            "function f(user) { user.emial; }\ng(f);\nexports = { created: function (p) { f(p.data.user); }, updated() {} };",
            vec![],
        ),
        (
            "function f(x) { x.name; x.usr; }\nexports = { created: function (p) { f(p.data.user.properties[0]); f(p.data); }, updated() {} };",
            vec!["unknown-read 1:27"],
        ),
        (
            "function f(x) { f(x.parent); x.usr; }\nexports = { created: function (p) { f(p.data); }, updated() {} };",
            vec![],
        ),
        (
            "exports = { created: function (p) { this.f(p.data); }, updated() {}, f(data) { data.usr; } };",
            vec!["unknown-read 1:85"],
        ),
        (
            "function on(p) { p.data.changes; p.data.usr; }\nexports = { created: function (p) { on(p); }, updated(p) { on(p); } };",
            vec!["unknown-read 1:41"],
        ),
    ] {
        assert_eq!(check(script), expected, "{script}");
    }
}

#[test]
fn required_files_are_followed() {
    let with = |server: &str, lib: &str| {
        told(&findings(&[("manifest.json", MANIFEST), ("server/server.js", server), ("server/lib.js", lib)]))
    };
    let lib = "function f(user) { return user.emial; }\nexports = { f: f };";
    for server in [
        "const lib = require('./lib');\nexports = { created(p) { lib.f(p.data.user); }, updated() {} };",
        "const { f } = require('./lib');\nexports = { created(p) { f(p.data.user); }, updated() {} };",
        "const f = require('./lib').f;\nexports = { created(p) { f(p.data.user); }, updated() {} };",
        "exports = { created(p) { require('./lib').f(p.data.user); }, updated() {} };",
    ] {
        assert_eq!(with(server, lib), ["unknown-read 1:32"], "{server}");
    }
    let server =
        "const lib = require('./lib');\nuse(lib);\nexports = { created(p) { lib.f(p.data.user); }, updated() {} };";
    assert_eq!(with(server, lib), Vec::<String>::new());
}

#[test]
fn one_callback_for_two_events_is_told_what_both_lack() {
    let manifest = MANIFEST.replace("created", "updated");
    let script = "exports = { updated: function (payload) { payload.data.changes; payload.data.usr; } };";
    assert_eq!(told(&findings(&[("manifest.json", &manifest), ("server/server.js", script)])), ["unknown-read 1:78"]);
    assert_eq!(in_create("payload.data.changes;"), ["unknown-read 2:14"]);
}

#[test]
fn an_event_of_the_same_name_in_another_module_is_left_alone() {
    let manifest = MANIFEST.replace("chat_user", "service_user");
    let script = "exports = { created() {}, updated: function (payload) { payload.user.mail; } };";
    assert_eq!(told(&findings(&[("manifest.json", &manifest), ("server/server.js", script)])), Vec::<String>::new());
}

#[test]
fn what_only_the_other_platform_sends_is_told_as_that() {
    let found = findings(&[
        ("manifest.json", MANIFEST),
        ("server/server.js", "exports = { created: function (p) { p.account_id; p.domain; }, updated() {} };"),
    ]);
    assert_eq!(told(&found), ["unknown-read 1:39", "unknown-read 1:53"]);
    assert!(found[0].message.contains("platform 3.0 does not send `payload.account_id`"), "{}", found[0].message);
    let found = findings(&[
        (
            "manifest.json",
            r#"{"platform-version": "2.3", "product": {"freshchat": {"events": {"onUserCreate": {"handler": "f"}}}}}"#,
        ),
        ("server/server.js", "exports = { f: function (p) { p.account_id; p.currentHost; } };"),
    ]);
    assert_eq!(told(&found), ["unknown-read 1:47"]);
}

#[test]
fn the_right_path_is_offered() {
    let hint = |body: &str| {
        let script = format!("exports = {{ created() {{}}, updated: function (payload) {{ {body} }} }};");
        let found = findings(&[("manifest.json", MANIFEST), ("server/server.js", &script)]);
        found[0].hints.first().cloned().unwrap_or_default()
    };
    for (body, right) in [
        ("payload.data.properties", "did you mean `payload.data.user.properties`?"),
        ("payload.user", "did you mean `payload.data.user`?"),
        ("payload.email", "did you mean `payload.data.user.email`?"),
        ("payload.data.email", "did you mean `payload.data.user.email`?"),
        ("payload.data.user.emial", "did you mean `payload.data.user.email`?"),
        ("payload.iparam", "did you mean `payload.iparams`?"),
        ("payload.data.usr", "did you mean `payload.data.user`?"),
        ("payload.data.changes.emial", "did you mean `payload.data.changes.email`?"),
        ("payload.usr.email", "did you mean `payload.data.user`?"),
        ("payload.changes", "did you mean `payload.data.changes`?"),
        ("payload.data.user.properties.plan", "each of its items has `name` and `value`"),
    ] {
        assert_eq!(hint(body), right, "{body}");
    }
}

#[test]
fn a_comparison_that_cannot_hold_is_told_at_the_literal() {
    paths(&[
        ("payload.data.actor.type === 'bot';", &["impossible-comparison 2:29"]),
        ("if ('bot' == payload.data.actor.type) f();", &["impossible-comparison 2:5"]),
        ("const { type } = payload.data.actor; type !== 'Agent';", &["impossible-comparison 2:47"]),
        ("switch (payload.region) { case 'us': f(); case 'US': g(); }", &["impossible-comparison 2:32"]),
        ("payload.event === 'onUserDelete';", &["impossible-comparison 2:19"]),
        ("payload.data.actor.type === 'agent'; payload.data.actor.type === x; payload.region == null;", &[]),
        ("payload.data.user.first_name === 'bot'; payload.iparams.mode === 'bot';", &[]),
    ]);
}

#[test]
fn the_order_of_changes_is_explained_once_for_a_callback() {
    paths(&[
        ("payload.data.changes.email[0]; payload.data.changes.email[1];", &["changes-order 2:28"]),
        ("const [now, before] = payload.data.changes.model_changes.phone;", &["changes-order 2:8"]),
        ("payload.data.changes.email.length; payload.data.changes.email;", &[]),
    ]);
}

#[test]
fn members_of_associations_are_told_where_they_are_null() {
    for (body, expected) in [
        ("payload.data.associations.channel;", vec!["null-read 2:27"]),
        ("const { associations } = payload.data; associations.channel;", vec!["null-read 2:53"]),
        ("payload.data.associations?.channel;", vec![]),
        ("if (payload.data.associations) payload.data.associations.channel;", vec![]),
        ("const a = payload.data.associations || {}; a.channel;", vec![]),
        ("(payload.data.associations || {}).channel; payload.data.associations;", vec![]),
    ] {
        assert_eq!(in_create(body), expected, "{body}");
    }
    assert_eq!(in_update("payload.data.associations.channel;"), Vec::<String>::new());
}

#[test]
fn calls_of_requests_that_the_platform_does_not_have_are_told() {
    let script = "$request.get('https://a.example'); $request.invokeTemplate('a');";
    let product = r#"{"platform-version": "VERSION", "product": {"freshchat": {"events": {
        "onUserCreate": {"handler": "created"}, "onUserUpdate": {"handler": "updated"}}}}}"#;
    let with = |manifest: &str| with_config(manifest, script, &[]);
    for version in ["2.0", "2.2"] {
        assert_eq!(told(&with(&product.replace("VERSION", version))), ["wrong-request-call 2:36"], "{version}");
    }
    let found = with(&product.replace("VERSION", "2.3"));
    assert_eq!(told(&found), ["wrong-request-call 2:1", "unknown-template 2:60"]);
    assert_eq!(found[0].hints, ["write a template in config/requests.json and use `$request.invokeTemplate`"]);
    let unsaid = MANIFEST.replace(r#""platform-version": "3.0", "#, "");
    assert!(with(&unsaid).iter().all(|finding| finding.code != crate::model::Code::WrongRequestCall));
    let own = with_config(MANIFEST, "function f($request) { $request.get('x'); } $request.got('x');", &[]);
    assert_eq!(told(&own), Vec::<String>::new());
}

const TEMPLATES: &str = r#"{"find_contact": {"schema": {}}, "add_note": {"schema": {}}}"#;

fn with_config(manifest: &str, script: &str, config: &[(&str, &str)]) -> Findings {
    let script = format!("{BOTH}{script}");
    findings(&[&[("manifest.json", manifest), ("server/server.js", script.as_str())], config].concat())
}

#[test]
fn templates_are_defined_declared_and_used() {
    let manifest = MANIFEST.replace(r#""common": {}"#, r#""common": {"requests": {"find_contact": {}, "extra": {}}}"#);
    let with = |script: &str| {
        let found = with_config(&manifest, script, &[("config/requests.json", TEMPLATES)]);
        found.iter().map(|it| format!("{} {}", it.code.name(), it.place.span.unwrap().start.column)).collect::<Vec<_>>()
    };
    let unused = ["unused-template 85"];
    assert_eq!(with("$request.invokeTemplate('find_contact', {});"), unused);
    assert_eq!(
        with("$request.invokeTemplate('find_contct', {}); $request.invokeTemplate('add_note');"),
        ["unused-template 65", "unused-template 85", "unknown-template 25", "unknown-template 69"]
    );
    assert_eq!(with("$request.invokeTemplate(name, {});"), Vec::<String>::new());
    let found = with_config(MANIFEST, "$request.invokeTemplate('a');", &[]);
    assert_eq!(told(&found), ["unknown-template 2:25"]);
}

#[test]
fn installation_parameters_are_declared() {
    let with = |script: &str| {
        let script = format!("exports = {{ created(payload) {{ {script} }}, updated() {{}} }};");
        let config = ("config/iparams.json", r#"{"token": {}, "team_name": {}}"#);
        told(&findings(&[("manifest.json", MANIFEST), ("server/server.js", &script), config]))
    };
    assert_eq!(with("payload.iparams.tokn;"), ["unknown-iparam 1:48"]);
    assert_eq!(with("const { iparams } = payload; iparams.teamname;"), ["unknown-iparam 1:69"]);
    assert_eq!(with("const { iparams: { team } } = payload;"), ["unknown-iparam 1:51"]);
    assert_eq!(
        with("payload.iparams.token; payload.iparams[x]; payload.iparams.team_name.length;"),
        Vec::<String>::new()
    );
}

#[test]
fn a_parameter_that_nothing_reads_is_noted_where_all_readers_are_known() {
    let declared = r#"{"token": {}, "team_name": {}, "shop": {"type": "domain"}}"#;
    let with = |script: &str, more: &[(&str, &str)]| {
        let script = format!("exports = {{ created(payload) {{ {script} }}, updated() {{}} }};");
        let files = [("manifest.json", MANIFEST), ("server/server.js", &script), ("config/iparams.json", declared)];
        told(&findings(&[&files[..], more].concat()))
    };
    let nothing = Vec::<String>::new();
    assert_eq!(with("payload.iparams.token;", &[]), ["unused-iparam 1:15"]);
    assert_eq!(with("", &[]), ["unused-iparam 1:2", "unused-iparam 1:15"]);
    let in_template = r#"{"a": {"schema": {"method": "GET", "host": "<%= iparam.team_name %>.example"}}}"#;
    assert_eq!(with("payload.iparams.token;", &[("config/requests.json", in_template)]), nothing);
    assert_eq!(with("payload.iparams[name];", &[]), nothing);
    assert_eq!(with("require('lodash').get(payload, 'x');", &[]), ["undeclared-dependency 1:32"]);
    assert_eq!(
        with("require('./lib');", &[("server/lib.js", "exports = { f(p) { p.token + p.team_name; } };")]),
        nothing
    );
    assert_eq!(with("console.log(JSON.stringify(payload));", &[]), nothing);
    assert_eq!(with("const all = payload; send(all);", &[]), nothing);
    assert_eq!(with("const f = function (p) { return p.iparams.token; }; f(payload);", &[]), ["unused-iparam 1:15"]);
    assert_eq!(with("", &[("app/index.html", "")]), nothing);
    assert_eq!(with("", &[("config/iparams.html", "")]), nothing);
    assert_eq!(with("", &[("config/assets/iparams.js", "")]), nothing);
}

#[test]
fn functions_that_the_manifest_declares_are_defined() {
    let functions = r#""common": {"functions": {"closeTicket": {}, "open": {"timeout": 20}}}"#;
    let manifest = MANIFEST.replace(r#""common": {}"#, functions);
    let with = |script: &str| told(&findings(&[("manifest.json", &manifest), ("server/server.js", script)]));
    let both = "created() {}, updated() {}";
    let found = with(&format!("exports = {{ {both}, closeTickets(args) {{}} }};"));
    assert_eq!(found.iter().filter(|line| line.starts_with("undefined-function")).count(), 2, "{found:?}");
    assert_eq!(
        with(&format!("exports = {{ {both}, closeTicket() {{}}, open: async function () {{}} }};")),
        Vec::<String>::new()
    );
    // What is exported cannot be read in full.
    assert_eq!(with(&format!("exports = {{ {both}, ...rest }};")), Vec::<String>::new());
}

#[test]
fn an_event_without_a_schema_is_checked_for_parameters_only() {
    let manifest = MANIFEST.replace("onUserUpdate", "onMessageCreate");
    let script = "exports = { created() {}, updated(p) { p.anything.at.all; p.iparams.x; f(p.data); } };\nfunction f(d) { d.usr; }";
    let config = ("config/iparams.json", "{}");
    let found = findings(&[("manifest.json", &manifest), ("server/server.js", script), config]);
    assert_eq!(told(&found), ["unknown-iparam 1:69"]);
}

#[test]
fn a_comment_with_a_reason_silences_its_line() {
    table(&[
        ("// simctl-allow missing-global: the page polyfills it\nsetTimeout(f);", &[]),
        ("setTimeout(f); // simctl-allow missing-global: only in tests", &[]),
        ("/* simctl-allow bad-require, missing-global: known */ setTimeout(f);", &[]),
        (
            "// simctl-allow bad-require: not there yet\n// simctl-allow missing-global: known\nsetTimeout(require('./x'));",
            &[],
        ),
        ("// simctl-allow bad-require: another code\nsetTimeout(f);", &["missing-global 3:1"]),
        ("f(); // simctl-allow missing-global: of this line\nsetTimeout(f);", &["missing-global 3:1"]),
        ("// simctl-allow missing-global: far away\n\nsetTimeout(f);", &["missing-global 4:1"]),
        ("'// simctl-allow missing-global: text'; \nsetTimeout(f);", &["missing-global 3:1"]),
    ]);
    let bare = with_config(MANIFEST, "// simctl-allow missing-global\nsetTimeout(f);", &[]);
    assert_eq!(told(&bare), ["missing-global 3:1"]);
    assert!(bare[0].hints[1].contains("with a reason"), "{:?}", bare[0].hints);
}

fn check_alone(bytes: &[u8]) -> Findings {
    let callbacks = [("onUserCreate", "created"), ("onUserUpdate", "updated")];
    check_script(&Schemas::embedded(), Platform::V3, &callbacks, Path::new("server.js"), bytes.to_vec())
}

/// Words that the rules look at, to be thrown together.
const WORDS: &[&str] = &[
    "payload",
    "exports",
    "=",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ".",
    "?.",
    ",",
    ";",
    ":",
    "=>",
    "function",
    "created",
    "updated",
    "data",
    "user",
    "changes",
    "email",
    "0",
    "'x'",
    "const",
    "let",
    "var",
    "...",
    "===",
    "||",
    "&&",
    "if",
    "for",
    "of",
    "switch",
    "case",
    "await",
    "async",
    "require",
    "'./a'",
    "typeof",
    "setTimeout",
    "process",
    "exit",
    "this",
    "new",
    "delete",
    "return",
    "class",
    "get",
    "// simctl-allow missing-global: x\n",
    "/*",
    "*/",
    "`",
    "${",
    "\n",
    "é",
    "iparams",
    "associations",
    "find",
    "JSON.parse(JSON.stringify(payload))",
    "$request.invokeTemplate(",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_make_the_rules_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for finding in check_alone(&bytes) {
            prop_assert!(!finding.message.contains("the parser failed"));
        }
    }

    #[test]
    fn no_words_make_the_rules_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        let body = words.join(" ");
        let wrapped = format!("exports = {{ created(payload) {{ {body} }}, updated: created }};");
        for text in [body, wrapped] {
            for finding in check_alone(text.as_bytes()) {
                prop_assert!(!finding.message.contains("the parser failed"), "{text}");
            }
        }
    }
}

#[test]
fn no_nesting_is_too_deep_for_the_rules() {
    for (open, middle, close) in WAYS {
        // Defaults of parameters within each other take the resolver of names time in a power of the levels.
        let levels = if [QUADRATIC, "x=function(a="].contains(open) { 100 } else { 1_000 };
        let nested = format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
        for text in [nested.clone(), format!("exports = {{ created(a) {{ x = {nested} }} }};")] {
            let _ = check_alone(text.as_bytes());
        }
    }
    let long = format!("exports = {{ created(a) {{ a{}; }} }};", ".b".repeat(20_000));
    let _ = check_alone(long.as_bytes());
    let aliases: String = (0..1_000).map(|i| format!("const a{} = a{i}.b;", i + 1)).collect();
    let _ = check_alone(format!("exports = {{ created(a0) {{ {aliases} }} }};").as_bytes());
    let helpers: String = (0..300).map(|i| format!("function f{i}(a) {{ f{}(a); f{}(a.b); }}", i + 1, i / 2)).collect();
    let _ = check_alone(format!("{helpers} exports = {{ created(a) {{ f0(a); }} }};").as_bytes());
}

#[test]
fn good_samples_have_nothing_to_mend() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for entry in std::fs::read_dir(&samples).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("manifest.json").is_file() {
            continue;
        }
        let locate = crate::app::Locate { app: Some(path.clone()), manifest: None, cwd: samples.clone() };
        let findings = crate::app::App::open(&locate).unwrap().check_scripts(&Schemas::embedded());
        let grave: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
        assert!(grave.is_empty(), "{}: {grave:#?}", path.display());
    }
}
