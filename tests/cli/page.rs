//! The page of `simctl serve`, walked through in a browser.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::browser::{Browser, CONTROL, ENTER, ESCAPE, TAB};
use crate::sandbox::{SIMCTL, Sandbox};
use crate::serve::Serving;

const TOLD: &str = "document.getElementById('outcome')";
/// One handler that takes a moment between two lines, and one that fails.
const SERVER: &str = "exports = {
  created(payload) {
    console.log('first');
    for (const end = Date.now() + 1500; Date.now() < end; );
    console.warn('second');
    return payload.data.user.first_name;
  },
  updated(payload) { throw new Error('no update today'); },
};
";

/// The page of this app, its first payload made. None where there is no browser.
fn page(who: &str, server: &str) -> Option<(Serving, Browser)> {
    let browser = Browser::or_skip(who)?;
    let serving = Serving::keeping(Sandbox::app(server), &[]);
    browser.open(&serving.url);
    browser.until("document.getElementById('editor').value.length > 20");
    Some((serving, browser))
}

/// Puts another text in place of the last such one in the editor, as if pasted.
fn edit(browser: &Browser, from: &str, to: &str) {
    browser.run(&format!(
        "const e = document.getElementById('editor'); const at = e.value.lastIndexOf({from:?}); \
         e.value = e.value.slice(0, at) + {to:?} + e.value.slice(at + {}); \
         e.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));",
        from.len()
    ));
}

#[test]
fn an_event_is_chosen_its_payload_edited_and_fired_and_logs_come_while_it_runs() {
    let Some((_serving, page)) = page("the page: choose, edit, fire", SERVER) else { return };
    page.click("#subscriptions li:nth-child(2) button");
    page.until("document.getElementById('editor').value.includes('\"event\": \"onUserUpdate\"')");
    page.click("#subscriptions li:nth-child(1) button");
    page.until("document.getElementById('editor').value.includes('\"event\": \"onUserCreate\"')");

    edit(&page, "\"first_name\": \"", "\"first_name\": 7, \"was\": \"");
    page.until("document.querySelector('#payload-findings .finding.error')");
    let findings = page.text("#payload-findings");
    assert!(findings.contains("error[schema-violation]") && findings.contains("first_name"), "{findings}");
    page.until("document.querySelector('#gutter .error')");
    assert_eq!(page.text("#payload-findings mark"), "7", "where it is, is marked");
    page.click("#fire");
    page.until(TOLD);
    assert!(page.text("#run").contains("exit code 2"), "{}", page.text("#run"));
    page.is_calm();

    page.click("#new-seed");
    page.until("!document.querySelector('#payload-findings .finding.error')");
    // Looked at by the page itself, since the handler may be done before it can be asked.
    page.run(
        "new MutationObserver((_, watch) => { \
           if (!document.querySelector('.line.log')?.innerText.includes('first')) return; \
           watch.disconnect(); \
           window.atFirst = [document.querySelectorAll('.line.warn').length, document.getElementById('end').hidden, \
             document.querySelector('#run .end').innerText.includes('It runs')]; \
         }).observe(document.body, { childList: true, subtree: true, characterData: true });",
    );
    page.click("#fire");
    page.until("window.atFirst");
    // It still ran, and said so: the second line was not there, and it could be ended.
    assert_eq!(page.run("return window.atFirst"), json!([0, false, true]));
    page.until("document.querySelector('.line.warn')?.innerText.includes('second')");
    page.until("document.getElementById('outcome')?.innerText.includes('✓ returned')");
    page.until("!document.querySelector('#run .end').innerText.includes('It runs')");
    page.until("document.getElementById('said').textContent.startsWith('held: onUserCreate returned')");
    page.is_calm();
}

#[test]
fn deliveries_are_replayed_compared_and_marked_where_they_differ() {
    let server =
        "exports = { created(p) { console.log('same'); console.log(p.data.user.first_name); }, updated() {} };";
    let Some((_serving, page)) = page("the page: history", server) else { return };
    page.click("#fire");
    page.until("document.querySelectorAll('#history li .chip').length === 1");
    // With the keyboard, which is left where it was.
    page.run("document.querySelector('#history li button').focus()");
    page.keys(&ENTER.to_string());
    page.until("document.querySelectorAll('#history li .chip').length === 2");
    page.until("document.activeElement.ariaLabel === 'Replay, delivery 1'");
    // The same payload again: nothing is new.
    page.until("document.querySelectorAll('.line').length === 2");
    assert_eq!(page.run("return document.querySelectorAll('.is-new').length"), json!(0));
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Other");
    page.click("#fire");
    page.until("document.querySelectorAll('#history li .chip').length === 3");
    page.until("document.querySelectorAll('.line').length === 2 && document.querySelectorAll('.is-new').length === 1");
    page.click("#history li:nth-child(1) input");
    page.click("#history li:nth-child(2) input");
    page.click("#compare");
    page.until("document.querySelector('#comparison .new')?.innerText.includes('Other')");
    assert!(page.text("#comparison").contains("/data/user/first_name"), "{}", page.text("#comparison"));
    page.run("const o = document.getElementById('outcomes'); o.value = 'failed'; o.dispatchEvent(new Event('change'))");
    page.until("document.getElementById('history').innerText === 'There is none.'");
    page.is_calm();
}

#[test]
fn what_is_copied_fires_the_same_at_a_prompt_and_in_a_scenario() {
    let server = "exports = { created(p) { console.log(p.data.user.id, p.timestamp); }, updated() {} };";
    let Some((serving, page)) = page("the page: copying", server) else { return };
    page.click("#fire");
    page.until("document.querySelectorAll('#history li .chip').length === 1");
    let logged = page.text(".line.log span:last-child");
    let at_a_prompt = |command: &str| {
        let script = command.replacen("simctl", SIMCTL, 1);
        let output = Command::new("sh").args(["-c", &script]).current_dir(serving.sandbox.path()).output().expect("sh");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Once from the run, once from the history.
    for button in [".facts button", "#history [aria-label='Copy as command, delivery 1']"] {
        page.click(button);
        page.until("document.querySelector('.toast')?.innerText === 'Command copied'");
        let command = page.clipboard();
        let told = at_a_prompt(&command);
        assert!(told.contains(&format!("log  {logged}")), "{logged} in what `{command}` told: {told}");
        page.run("document.querySelector('.toast').remove()");
    }
    // A replay has the bytes, and not what they were made from.
    page.click("#history [aria-label='Replay, delivery 1']");
    page.until("document.getElementById('run-said').innerText === 'onUserCreate, number 2'");
    page.click(".facts button");
    page.until("document.querySelector('.toast')?.innerText === 'Command copied'");
    assert_eq!(page.clipboard(), "simctl replay 1");
    assert!(at_a_prompt("simctl replay 1").contains(&format!("log  {logged}")));
    page.click("#history [aria-label='Copy as scenario step, delivery 1']");
    page.until("document.querySelector('.toast')?.innerText === 'Scenario step copied'");
    let step = page.clipboard();
    let file = step.lines().next().and_then(|line| line.split_once(": ")).expect("how its file is written").1;
    std::fs::create_dir(serving.sandbox.path().join("tests")).expect("a folder");
    at_a_prompt(&file.replace(" delivery-1.json", " tests/delivery-1.json"));
    let steps: String = step.lines().map(|line| format!("  {line}\n")).collect();
    let scenario = serving.sandbox.path().join("tests/again.scenario.yaml");
    std::fs::write(scenario, format!("name: again\nsteps:\n{steps}")).expect("written");
    serving.sandbox.run(["test"]).code(0).stdout("1 held");
    page.is_calm();
}

#[test]
fn a_manifest_that_is_mended_brings_the_page_to_life() {
    let sandbox = Sandbox::app(SERVER);
    let manifest = sandbox.path().join("manifest.json");
    let good = std::fs::read_to_string(&manifest).expect("a file");
    let Some(page) = Browser::or_skip("the page: a mended manifest") else { return };
    std::fs::write(&manifest, "{").expect("written");
    let serving = Serving::keeping(sandbox, &[]);
    page.open(&serving.url);
    page.until("document.getElementById('no-app').innerText.includes('error[json-syntax]')");
    std::fs::write(&manifest, &good).expect("written");
    page.until("document.getElementById('editor').value.includes('onUserCreate')");
    page.until("document.getElementById('history').innerText === 'There is none.'");
    // What was written is left alone when it is spoilt and mended again.
    page.click("#subscriptions li:nth-child(2) button");
    page.until("document.getElementById('editor').value.includes('onUserUpdate')");
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Mine");
    std::fs::write(&manifest, "{").expect("written");
    page.until("document.getElementById('no-app').innerText.includes('error[json-syntax]')");
    std::fs::write(&manifest, &good).expect("written");
    page.until("document.querySelector('#subscriptions li:nth-child(2) button')?.ariaPressed === 'true'");
    assert_eq!(page.run("return document.getElementById('editor').value.includes('Mine')"), json!(true));
}

/// Loads the page again.
fn reload(page: &Browser) {
    page.run("window.isOld = true; location.reload()");
    page.until("!window.isOld && document.readyState === 'complete'");
    page.until("document.getElementById('editor')?.value.length > 20");
}

const DRAFT: &str = "!document.getElementById('draft').hidden";

/// The editor has this text and the browser has kept it.
fn kept(page: &Browser, text: &str) {
    page.until(&format!("document.getElementById('editor').value.includes({text:?})"));
    page.until(&format!("(sessionStorage.getItem('simctl-drafts') ?? '').includes({text:?})"));
}

fn has(page: &Browser, text: &str) -> bool {
    page.run(&format!("return document.getElementById('editor').value.includes({text:?})")) == json!(true)
}

#[test]
fn what_was_edited_is_there_when_the_page_is_loaded_again() {
    let server = "exports = { created() {}, updated(p) { return p.data.user.first_name; } };";
    let Some((_serving, page)) = page("the page: drafts", server) else { return };
    let value = || page.run("return document.getElementById('editor').value");
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Early");
    kept(&page, "Early");
    // Of each event its own; and the event that was chosen is chosen again.
    page.click("#subscriptions li:nth-child(2) button");
    page.until("document.getElementById('editor').value.includes('\"event\": \"onUserUpdate\"')");
    let (before, seed) = (value(), page.run("return document.getElementById('seed').value"));
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Mine");
    kept(&page, "Mine");
    let edited = value();
    reload(&page);
    page.until(DRAFT);
    page.until("document.querySelector('#subscriptions li:nth-child(2) button').ariaPressed === 'true'");
    assert_eq!((value(), page.run("return document.getElementById('seed').value")), (edited.clone(), seed));
    page.until(
        "document.getElementById('said').textContent.startsWith('the payload of onUserUpdate is as you edited')",
    );
    page.click("#fire");
    page.until("document.getElementById('outcome')?.innerText.includes('Mine')");

    // Undo leads to what was edited; discarding does too, and can be undone.
    page.click("#undo");
    page.until(&format!("document.getElementById('editor').value === {before}"));
    page.until("document.getElementById('draft').hidden");
    reload(&page);
    assert!(!has(&page, "Mine"), "what was undone does not come back");
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Mine");
    kept(&page, "Mine");
    reload(&page);
    page.until(DRAFT);
    page.run("document.getElementById('discard').focus()");
    page.keys(&ENTER.to_string());
    page.until("document.getElementById('draft').hidden && document.activeElement.id === 'editor'");
    assert!(!has(&page, "Mine"));
    page.until("document.getElementById('said').textContent === 'edits discarded: Undo brings them back'");
    page.until("!sessionStorage.getItem('simctl-drafts').includes('Mine')");
    page.click("#undo");
    kept(&page, "Mine");
    // A payload that is asked for takes the draft's place, for good.
    page.click("#new-seed");
    page.until("!sessionStorage.getItem('simctl-drafts').includes('Mine')");

    page.click("#subscriptions li:nth-child(1) button");
    page.until(DRAFT);
    assert!(has(&page, "Early"), "the other event's draft is still there");
    // Another tab has drafts of its own.
    let url = page.run("return location.href").as_str().expect("an address").to_owned();
    page.tab();
    page.open(&url);
    page.until("document.getElementById('editor').value.length > 20");
    assert!(!has(&page, "Early"));
    page.is_calm();
}

#[test]
fn a_draft_of_another_app_is_not_brought_back() {
    let Some((mut serving, page)) = page("the page: drafts of two apps", SERVER) else { return };
    let other = Sandbox::app(SERVER);
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Mine");
    kept(&page, "Mine");
    // The page was open all the while, and is loaded again.
    serving.start_anew(&["--app", &other.path().to_string_lossy()]);
    page.until("!document.getElementById('editor').value.includes('Mine')");
    reload(&page);
    assert!(!has(&page, "Mine"));
    serving.start_anew(&[]);
    page.until(DRAFT);
    assert!(has(&page, "Mine"), "the first app's draft is there with the first app");
}

#[test]
fn drafts_are_bounded_and_hold_no_secret() {
    let Some(page) = Browser::or_skip("the page: drafts and secrets") else { return };
    let parameters = r#"{ "token": { "display_name": "Token", "type": "text", "secure": true } }"#;
    let values = r#"{ "token": "tok/en+1" }"#;
    let sandbox =
        Sandbox::app(SERVER).file("config/iparams.json", parameters).file("config/iparam_test_data.json", values);
    let serving = Serving::keeping(sandbox, &[]);
    page.open(&serving.url);
    page.until("document.getElementById('editor').value.length > 20");
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Mine tok/en+1 tok\\u002fen+1 tok%2Fen%2B1 ");
    page.until("(sessionStorage.getItem('simctl-drafts') ?? '').includes('Mine ******** ******** ******** ')");
    let all = "return JSON.stringify([{ ...sessionStorage }, { ...localStorage }])";
    assert!(!page.run(all).as_str().expect("a text").contains("en+1"));
    reload(&page);
    page.until(DRAFT);
    assert!(has(&page, "Mine ********"));
    // Parameters that cannot be read say nothing of what is secret.
    std::fs::write(serving.sandbox.path().join("config/iparams.json"), "{").expect("written");
    edit(&page, "\"first_name\": \"", "\"first_name\": \"Unknown ");
    page.until("document.getElementById('editor').value.includes('Unknown')");
    page.until("document.querySelectorAll('#findings .error').length > 0");
    let told = page.run(
        "return fetch('/api/check', { method: 'POST', headers: { 'content-type': 'application/json' }, \
         body: JSON.stringify({ event: 'onUserCreate', text: 'tok/en+1' }) }).then((answer) => answer.json())",
    );
    assert!(told["findings"].is_array() && told.get("masked").is_none(), "{told}");
    assert!(!page.run(all).as_str().expect("a text").contains("Unknown"));
    std::fs::write(serving.sandbox.path().join("config/iparams.json"), parameters).expect("written");
    kept(&page, "Unknown");
    // Of many and of long ones the newest are kept.
    let kept_of = |count: usize, length: usize| {
        page.run(&format!(
            "const one = (n) => ({{ folder: '/f', event: `e${{n}}`, module: null, source: {{}} }}); \
             const done = import('/drafts.js').then((d) => {{ \
               for (let n = 0; n < {count}; n += 1) d.keep(one(n), 'x'.repeat({length})); \
               return [0, {count} - 1].map((n) => Boolean(d.find(one(n)))).concat(sessionStorage.getItem('simctl-drafts').length < 1100000); \
             }}); return done;"
        ))
    };
    assert_eq!(kept_of(30, 10), json!([false, true, true]));
    assert_eq!(kept_of(3, 500_000), json!([false, true, true]));
    page.is_calm();
}

#[test]
fn a_page_outlives_its_server() {
    let server = "exports = { created() { console.log('on'); for (;;); }, updated() { return 'second'; } };";
    let Some((mut serving, page)) = page("the page: another server", server) else { return };
    page.click("#fire");
    page.until("document.querySelector('.line.log')");
    // The run is lost, and said to be; what the new server fires under the same number is shown.
    serving.start_anew(&[]);
    page.until("document.getElementById('run').innerText.includes('knows nothing of this run any more')");
    page.until("document.getElementById('end').hidden && document.getElementById('link').innerText === ''");
    page.click("#subscriptions li:nth-child(2) button");
    page.until("document.getElementById('editor').value.includes('onUserUpdate')");
    page.click("#fire");
    page.until("document.getElementById('outcome')?.innerText.includes('second')");
    assert_eq!(page.text("#run-said"), "onUserUpdate, number 1");
    // One that wants a token asks for it, once.
    serving.start_anew(&["--host", "127.0.0.1", "--token", "0123456789abcdef"]);
    page.until("document.getElementById('token').open");
    page.keys("0123456789abcdef");
    page.keys(&ENTER.to_string());
    page.until("!document.getElementById('token').open && document.getElementById('link').innerText === ''");
    page.click("#new-seed");
    page.click("#fire");
    page.until("document.getElementById('run-said').innerText === 'onUserUpdate, number 1'");
    page.until("document.getElementById('outcome')?.innerText.includes('second')");
}

#[test]
fn what_returned_and_yet_failed_is_no_success() {
    let manifest = r#"{ "platform-version": "2.1", "product": { "freshchat": { "events": {
        "onUserCreate": { "handler": "created" }, "onAppInstall": { "handler": "installed" } } } } }"#;
    let server = "exports = {
      async created() { try { await $request.get('https://crm.example/a'); } catch { console.log('caught'); } return 1; },
      installed() { renderData({ message: 'not here' }); },
    };";
    let Some(page) = Browser::or_skip("the page: returned and failed") else { return };
    let serving = Serving::keeping(Sandbox::app(server).file("manifest.json", manifest), &[]);
    page.open(&serving.url);
    page.until("document.getElementById('editor').value.length > 20");
    for (event, said) in [
        ("onUserCreate", "returned 1, but a request had no mock"),
        ("onAppInstall", "called renderData with the error {\"message\":\"not here\"}"),
    ] {
        page.run(&format!(
            "[...document.querySelectorAll('#subscriptions button')].find((one) => one.innerText.includes({event:?})).click()"
        ));
        page.until(&format!("document.getElementById('editor').value.includes({event:?})"));
        page.click("#fire");
        page.until(&format!("document.getElementById('said').textContent.startsWith('failed: {event}')"));
        assert_eq!(page.text("#outcome"), format!("✗ {said}"));
        assert!(page.text("#run").contains("exit code 1"));
    }
    page.is_calm();
}

#[test]
fn what_is_long_can_be_read_whole() {
    let server = "exports = { created() {
      return $db.set('k', { words: Array.from({ length: 60 }, (_, i) => 'word' + i) });
    }, updated() {} };";
    let Some((_serving, page)) = page("the page: long calls", server) else { return };
    page.click("#fire");
    page.until(TOLD);
    assert!(!page.text(".line.call").contains("word59"));
    page.click(".line.call summary");
    page.until("document.querySelector('.line.call').innerText.includes('word59')");
    page.is_calm();
}

#[test]
fn the_keyboard_alone_is_enough() {
    let Some((_serving, page)) = page("the page: keyboard", SERVER) else { return };
    page.keys("?");
    page.until("document.getElementById('keys').open");
    page.keys(&ESCAPE.to_string());
    page.until("!document.getElementById('keys').open");
    // Another event, by Tab and Enter.
    page.run("document.getElementById('theme').focus()");
    page.keys(&[TAB, TAB, TAB, ENTER].iter().collect::<String>());
    page.until("document.getElementById('editor').value.includes('\"event\": \"onUserUpdate\"')");
    page.until("document.activeElement.getAttribute('aria-pressed') === 'true'");
    page.keys("e");
    page.until("document.activeElement.id === 'editor'");
    // A key from the schema.
    page.chord(CONTROL, 'a');
    page.keys("{\"reg");
    page.until("!document.getElementById('complete').hidden");
    page.keys(&ENTER.to_string());
    page.until("document.getElementById('editor').value === '{\"region\": '");
    page.until("document.querySelector('#payload-findings .error')");
    page.chord(CONTROL, 'z');
    page.keys(&ESCAPE.to_string());
    page.until("document.activeElement.id === 'fire'");
    page.keys("n");
    page.until("document.getElementById('editor').value.length > 200");
    page.chord(CONTROL, ENTER);
    page.until("document.getElementById('outcome')?.innerText.includes('no update today')");
    // Screen readers are told, and what is looked for is one key away.
    page.until("document.getElementById('said').textContent.startsWith('failed: onUserUpdate threw')");
    page.keys("/");
    page.until("document.activeElement.id === 'search'");
    page.is_calm();
}

#[test]
fn dark_or_narrow_it_reads_well() {
    let server =
        SERVER.replace("no update today", "no update today, and a line that is longer than a narrow page is wide");
    let Some((_serving, page)) = page("the page: dark, narrow", &server) else { return };
    page.click("#subscriptions li:nth-child(2) button");
    page.until("document.getElementById('editor').value.includes('onUserUpdate')");
    page.click("#fire");
    page.until(TOLD);
    let brightness =
        "const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g); return (+r + +g + +b) / 3";
    assert!(page.run(brightness).as_f64() > Some(200.0));
    page.scheme("dark");
    assert!(page.run(brightness).as_f64() < Some(60.0));
    page.click("#theme");
    assert!(page.run(brightness).as_f64() > Some(200.0), "a choice wins over the system");
    page.run("location.reload()");
    page.until("document.readyState === 'complete' && document.documentElement.dataset.theme === 'light'");
    page.until("document.getElementById('editor').value.length > 20");
    page.click("#history li button");
    page.until("document.querySelector('#run pre')");
    for width in [360, 800, 1200, 1920] {
        page.window(width, 800);
        let sticks_out = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(page.run(sticks_out), json!(0), "at {width} px");
        // Nor does anything in it that no key would scroll.
        let hidden = "return [...document.querySelectorAll('pre:not(#gutter)')].some((one) => one.scrollWidth > one.clientWidth)";
        assert_eq!(page.run(hidden), json!(false), "at {width} px");
    }
    page.is_calm();
}

#[test]
fn what_an_app_prints_is_text() {
    let server = "exports = { created() {
      console.log('<img src=x onerror=\"document.title = 1\"><script>document.title = 2</script>');
      console.log('\\u001b[31mred\\u001b[0m \\u202eturned');
      throw new Error('<b>bold</b>\\u0007');
    }, updated() {} };";
    let Some((_serving, page)) = page("the page: hostile output", server) else { return };
    page.click("#fire");
    page.until("document.querySelector('#history .said')");
    page.until(TOLD);
    let run = page.text("#run");
    for part in ["<img src=x onerror=", "<script>", "␛[31mred", "⟨U+202E⟩turned", "<b>bold</b>␇"] {
        assert!(run.contains(part), "{part:?} in {run:?}");
    }
    let made = "return [document.title, document.querySelectorAll('main img, main script, main b').length]";
    assert_eq!(page.run(made), json!(["simctl", 0]));
    page.is_calm();
}

#[test]
fn ten_thousand_lines_do_not_freeze_it() {
    let server =
        "exports = { created() { for (let i = 0; i < 10000; i += 1) console.log('line ' + i); }, updated() {} };";
    let Some((_serving, page)) = page("the page: ten thousand lines", server) else { return };
    // How long nothing else could happen, at worst.
    page.run(
        "window.worst = 0; let last = performance.now(); setInterval(() => { const now = performance.now(); \
              window.worst = Math.max(window.worst, now - last); last = now; }, 10);",
    );
    // A machine under load may hold it up once, and a page that freezes does so each time.
    let stood_still = |number: usize| {
        page.run("window.worst = 0");
        page.click("#fire");
        page.until(&format!("document.getElementById('run-said').innerText === 'onUserCreate, number {number}'"));
        page.until(TOLD);
        page.until("document.querySelector('.lines').innerText.includes('line 9999')");
        page.run("return window.worst").as_f64().expect("a number")
    };
    let stood_still: Vec<f64> = (1..=3).map(stood_still).collect();
    assert!(stood_still.iter().any(|worst| *worst < 1500.0), "it stood still for {stood_still:?} ms");
    assert!(page.text("#run").contains("9000 earlier lines are not shown"));
    let first = "return document.querySelector('.line').innerText";
    assert!(page.run(first).as_str().expect("a line").contains("line 9000"));
    page.click(".earlier button");
    assert!(page.run(first).as_str().expect("a line").contains("line 8000"));
    assert!(page.text("#run").contains("8000 earlier lines are not shown"));
    assert_eq!(page.run("return document.querySelectorAll('.line').length"), json!(2000));
    page.is_calm();
}

#[test]
fn tabs_stay_in_step_and_a_saved_file_fires() {
    let Some((serving, page)) = page("the page: tabs, saving", SERVER) else { return };
    let (first, second) = page.tab();
    page.open(&serving.url);
    page.until("document.getElementById('editor').value.length > 20");
    page.click("#fire");
    page.until(TOLD);
    page.front(&first);
    page.until("document.getElementById('outcome')?.innerText.includes('✓ returned')");
    page.until("document.querySelectorAll('#history li .chip').length === 1");
    page.front(&second);
    page.click("#on-save");
    let file = serving.sandbox.path().join("server/server.js");
    std::fs::write(file, "exports = { created() { return 'saved'; }, updated() {} };").expect("written");
    page.until("document.getElementById('outcome')?.innerText.includes('saved')");
    page.is_calm();
}

#[test]
fn a_tab_that_nobody_looks_at_follows_no_run() {
    let server = "exports = { created() { console.log('on'); for (;;); }, updated() {} };";
    let Some((_serving, page)) = page("the page: hidden tabs", server) else { return };
    // More tabs than a browser opens connections, all but the last in the background.
    let looked_at = |how: &str| {
        page.run(&format!(
            "Object.defineProperty(document, 'visibilityState', {{ value: {how:?}, configurable: true }}); \
             document.dispatchEvent(new Event('visibilitychange'))"
        ));
    };
    let url = page.run("return location.href").as_str().expect("an address").to_owned();
    let mut tabs = Vec::new();
    for _ in 0..7 {
        looked_at("hidden");
        let (before, _) = page.tab();
        tabs.push(before);
        page.open(&url);
        page.until("document.getElementById('editor').value.length > 20");
    }
    page.click("#fire");
    page.until("document.querySelector('.line.log')");
    // Looked at, the first shows it, and ends it for all.
    looked_at("hidden");
    page.front(&tabs[0]);
    assert_eq!(page.run("return document.querySelectorAll('.line').length"), json!(0));
    looked_at("visible");
    page.until("document.querySelector('.line.log')");
    page.click("#end");
    page.until("document.getElementById('run').innerText.includes('exit code 130')");
    page.front(&tabs[6]);
    looked_at("visible");
    page.until("document.getElementById('run').innerText.includes('exit code 130')");
}

#[test]
fn with_a_token_the_page_gets_in_and_keeps_no_trace_of_it() {
    let who = "the page: token";
    let Some(page) = Browser::or_skip(who) else { return };
    let flags = ["--host", "127.0.0.1", "--token", "0123456789abcdef"];
    let serving = Serving::keeping(Sandbox::app(SERVER), &flags);
    page.open(&serving.url);
    page.until("document.getElementById('editor').value.length > 20");
    // Requests and streams have the cookie; neither the address nor a script has the token.
    page.click("#fire");
    page.until("document.getElementById('outcome')?.innerText.includes('✓ returned')");
    assert_eq!(page.run("return [location.hash, document.cookie]"), json!(["", ""]));
    page.until("document.querySelectorAll('#history li .chip').length === 1");
}

/// Takes the pictures of docs/serve.md anew: `cargo test --test cli pictures -- --ignored`.
#[test]
#[ignore = "it writes into docs/images"]
fn pictures_of_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = |path: &str| std::fs::read_dir(root.join("samples/contact-sync").join(path)).expect("a folder");
    let mut sandbox = Sandbox::new();
    for path in ["", "server", "server/lib", "config", "mocks"] {
        for entry in folder(path).map(|entry| entry.expect("an entry")).filter(|entry| entry.path().is_file()) {
            let name = Path::new("contact-sync").join(path).join(entry.file_name());
            sandbox = sandbox.file(&name.to_string_lossy(), std::fs::read(entry.path()).expect("a file"));
        }
    }
    let page = Browser::or_skip("pictures of the page").expect("a browser");
    let serving = Serving::keeping(sandbox, &["--app", "contact-sync"]);
    let server = serving.sandbox.path().join("contact-sync/server/server.js");
    let good = std::fs::read_to_string(&server).expect("a file");
    let bad =
        good.replace("console.log(\"contact %s is up to date\"", "missing.x; console.log(\"contact %s is up to date\"");
    assert_ne!(good, bad, "there is a line to be spoilt");
    let fired = |number: usize| {
        page.click("#fire");
        page.until(&format!("document.querySelectorAll('#history li .chip').length === {number}"));
        page.until("document.getElementById('end').hidden");
    };
    page.scheme("light");
    page.open(&serving.url);
    page.until("document.getElementById('editor').value.length > 20");
    page.run("const s = document.getElementById('seed'); s.value = 7; s.dispatchEvent(new Event('change'))");
    page.until("document.getElementById('editor').value.includes('440eb414')");
    let save = |text: &str| {
        std::fs::write(&server, text).expect("written");
        page.until("document.getElementById('said').textContent.startsWith('saved')");
    };
    fired(1);
    fired(2);
    save(&bad);
    fired(3);
    save(&good);
    fired(4);
    let picture = |name: &str| page.picture(&root.join("docs/images").join(name));
    picture("serve.webp");
    save(&bad);
    fired(5);
    page.click("#history li:nth-child(1) input");
    page.click("#history li:nth-child(2) input");
    page.click("#compare");
    page.until("document.querySelector('#comparison .new')");
    page.run("document.activeElement.blur()");
    page.scheme("dark");
    picture("serve-dark.webp");
    page.scheme("light");
    page.run("document.querySelector('#comparison button').click()");
    page.window(360, 1700);
    page.run("scrollTo(0, 0)");
    picture("serve-narrow.webp");
}
