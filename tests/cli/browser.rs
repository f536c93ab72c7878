//! A browser, headless: Chromium, by way of its driver (W3C WebDriver). Where it is not here, tests say loudly what they skip.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::skip;

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys that are no characters (W3C WebDriver, "Keyboard actions").
pub(crate) const CONTROL: char = '\u{e009}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const ESCAPE: char = '\u{e00c}';
pub(crate) const TAB: char = '\u{e004}';

pub(crate) struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    _profile: TempDir,
}

impl Browser {
    /// A browser with one empty tab; none where there is no Chromium.
    pub(crate) fn or_skip(who: &str) -> Option<Self> {
        static FOUND: OnceLock<bool> = OnceLock::new();
        let runs =
            |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
        let browsers = ["chromium", "chromium-browser", "google-chrome"];
        if !FOUND.get_or_init(|| runs("chromedriver") && browsers.into_iter().any(runs)) {
            skip(who, "it needs Chromium and chromedriver on PATH (Debian: chromium, chromium-driver)");
            return None;
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // It must never wait for somebody to read what it says.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver tells its port");
        let profile = TempDir::new().expect("a temporary folder");
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(2 * PATIENCE)).proxy(None);
        let mut browser = Self { driver, session: String::new(), agent: config.build().into(), _profile: profile };
        let base = format!("http://127.0.0.1:{port}/session");
        browser.session.clone_from(&base);
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        // Tests may run as root in a container, where Chromium has neither its sandbox nor much of /dev/shm.
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
        let args: Vec<&str> = args.into_iter().chain(["--hide-scrollbars", &profile]).collect();
        let wanted = json!({ "goog:chromeOptions": { "args": args }, "goog:loggingPrefs": { "browser": "ALL" } });
        let made = browser.ask("POST", "", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("{base}/{}", made["sessionId"].as_str().expect("a session"));
        browser.window(1920, 1080);
        Some(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let mut response = match method {
            "GET" => self.agent.get(&url).call(),
            "DELETE" => self.agent.delete(&url).call(),
            _ => self.agent.post(&url).header("content-type", "application/json").send(body.to_string()),
        }
        .expect("chromedriver answers");
        let is_good = response.status().is_success();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().expect("an answer");
        assert!(is_good, "{method} {path} {body}: {text}");
        let mut value: Value = serde_json::from_str(&text).expect("JSON");
        value["value"].take()
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// What the body of a function in the page returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until the expression is true of the page.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let start = Instant::now();
        while self.run(&format!("return Boolean({expression})")) != json!(true) {
            let shown = || self.run("return document.body.innerText");
            assert!(start.elapsed() < PATIENCE, "never so: {expression}\n{}", shown().as_str().unwrap_or(""));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The text of the first element that fits, as it is shown.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({selector:?})"));
        let text = self.run(&format!("return document.querySelector({selector:?}).innerText"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks where a user would; an element that is covered or hidden is a failure.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        self.until(&format!("document.querySelector({selector:?})"));
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str).expect("an id");
        self.ask("POST", &format!("/element/{id}/click"), &json!({}));
    }

    /// Types these keys, one after the other.
    pub(crate) fn keys(&self, keys: &str) {
        let press = |key: char| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }));
        self.act(keys.chars().flat_map(press).collect());
    }

    /// Types one while others are held down.
    pub(crate) fn chord(&self, held: char, key: char) {
        let steps = [("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)];
        self.act(steps.map(|(kind, key)| json!({ "type": kind, "value": key.to_string() })).to_vec());
    }

    fn act(&self, steps: Vec<Value>) {
        self.ask("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": steps }] }));
    }

    pub(crate) fn window(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What the system's setting says: `light` or `dark`, and that nothing is to move meanwhile.
    pub(crate) fn scheme(&self, scheme: &str) {
        let feature = |name: &str, value: &str| json!({ "name": name, "value": value });
        let features = [feature("prefers-color-scheme", scheme), feature("prefers-reduced-motion", "reduce")];
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// What was copied last. The page must have been opened.
    pub(crate) fn clipboard(&self) -> String {
        let origin = self.run("return location.origin");
        let granted = json!({ "origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.devtools("Browser.grantPermissions", &granted);
        let script =
            "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))";
        let text = self.ask("POST", "/execute/async", &json!({ "script": script, "args": [] }));
        text.as_str().unwrap_or_default().to_owned()
    }

    fn devtools(&self, command: &str, params: &Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }

    /// Writes what is shown into a file, as WebP.
    pub(crate) fn picture(&self, file: &Path) {
        let wanted = json!({ "format": "webp", "quality": 80 });
        let data = self.devtools("Page.captureScreenshot", &wanted)["data"].take();
        let data = data.as_str().expect("a picture");
        let mut decoder =
            Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("base64");
        let mut input = decoder.stdin.take().expect("piped");
        let text = data.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = decoder.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("it reads");
        std::fs::write(file, output.stdout).expect("written");
    }

    /// Opens another tab, and gives the handles of the one before and of the new one, which is in front.
    pub(crate) fn tab(&self) -> (String, String) {
        let text = |value: Value| value.as_str().expect("a handle").to_owned();
        let before = text(self.ask("GET", "/window", &Value::Null));
        let made = text(self.ask("POST", "/window/new", &json!({ "type": "tab" }))["handle"].take());
        self.front(&made);
        (before, made)
    }

    pub(crate) fn front(&self, tab: &str) {
        self.ask("POST", "/window", &json!({ "handle": tab }));
    }

    /// That no script failed and nothing was refused by the page's own policy.
    #[track_caller]
    pub(crate) fn is_calm(&self) {
        let told = self.ask("POST", "/se/log", &json!({ "type": "browser" }));
        let told = told.as_array().cloned().unwrap_or_default();
        let bad: Vec<_> = told.iter().filter(|entry| entry["level"] == "SEVERE").collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium; a test that fails may not fail again here.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
