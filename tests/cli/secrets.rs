//! No value of a secure installation parameter is in any output, whatever the app does with it.

use serde_json::Value;

use crate::sandbox::Sandbox;

const IPARAMS: &str = r#"{
  "token": { "display_name": "Token", "type": "text", "secure": true },
  "team": { "display_name": "Team", "type": "text" },
  "pin": { "display_name": "Pin", "type": "text", "secure": true }
}"#;

/// Logs, stores and throws a secret in each spelling. `Y…` is `user:tok/en+1` in base64, behind texts of three lengths.
const LEAKY: &str = "exports = { created: function (p) {
  const token = p.iparams.token;
  console.log('plain', token, 'json', JSON.stringify({ token: token + '\"' }));
  console.log('url', encodeURIComponent(token), encodeURIComponent(token).toLowerCase());
  console.log('Basic dXNlcjp0b2svZW4rMQ== dG9rL2VuKzE= OnRvay9lbisx LTp0b2svZW4rMQ');
  $db.get(token).fail(function () {});
  throw new Error(token + ' of ' + p.iparams.team + ', pin 77 of 1770');
} };";

#[test]
fn a_secret_is_in_no_output_however_it_is_encoded() {
    let app = Sandbox::app(LEAKY)
        .file("config/iparams.json", IPARAMS)
        .file("config/iparam_test_data.json", r#"{"token": "tok/en+1", "team": "blue-77", "pin": "77"}"#);
    for format in ["human", "json", "github", "junit"] {
        let args = ["trigger", "onUserCreate", "--secret", "team", "--format", format, "--verbose"];
        let ran = app.run(args).code(1).stdout("********");
        for leak in ["tok/en", "tok%2", "b2svZW4rM", "rL2VuKz", "vay9lbi", "blue-77", "pin 77"] {
            assert!(!ran.out.contains(leak) && !ran.err.contains(leak), "{format}: {leak}\n{}", ran.out);
        }
        assert!(ran.out.contains("1770"), "another word than a short secret stays: {}", ran.out);
    }
}

/// Many payloads are written as they are drawn, and one is read and masked: that is the same, be a secret in a parameter, in all
/// that is drawn, in some of it, or in a value that was set.
#[test]
fn many_payloads_hold_no_secret_and_are_those_that_are_made_one_by_one() {
    for token in ["s3cr3t/+\\\"x", "example", "555", "helpdesk", "2026"] {
        let values = serde_json::json!({"token": token, "team": ["blue", format!("Bearer {token}")], "pin": "77"});
        let app = Sandbox::app(LEAKY)
            .file("config/iparams.json", IPARAMS)
            .file("config/iparam_test_data.json", values.to_string());
        let set = format!("data.user.last_name=of {token}, or so");
        for (seed, more) in [("1", &[][..]), ("2", &["--set", set.as_str()])] {
            let fixed = ["generate", "onUserUpdate", "--now", "2026-03-01T00:00:00Z", "--seed", seed];
            let run = |own: &[&str]| app.run(fixed.iter().chain(own).chain(more).copied()).code(0);
            let many = run(&["-n", "12"]);
            let many: Vec<Value> = many.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!((many.len(), &many[0]["iparams"]["token"]), (12, &"********".into()), "{token}");
            for (index, payload) in (0..12).zip(&many) {
                let text = payload.to_string();
                // A short one is hidden where it is a word.
                assert!(!text.contains(token.get(..4).unwrap_or("of 555")), "{token} in {text}");
                let one = run(&["--index", &index.to_string()]);
                assert_eq!(
                    serde_json::from_str::<Value>(&one.out).expect("JSON"),
                    *payload,
                    "{token}, payload {index}"
                );
            }
        }
    }
}

#[test]
fn a_secret_that_is_no_parameter_is_refused() {
    let app = Sandbox::app(LEAKY).file("config/iparams.json", IPARAMS);
    app.run(["trigger", "onUserCreate", "--secret", "tokn"])
        .code(2)
        .stderr("`tokn` was to be secret")
        .stderr("did you mean `token`?");
}

/// Escapes are no end of a text, and the mask is the same whatever it stands for.
#[test]
fn a_mask_in_a_frame_does_not_tell_the_length_of_what_it_hides() {
    let with = |values: &str| {
        let sandbox = Sandbox::new().file("config/iparams.json", IPARAMS).file("config/iparam_test_data.json", values);
        sandbox.run(["validate", "config/iparam_test_data.json"]).code(0).out
    };
    let long = with(r#"{"token":"abc\"defgh\\ijk\u0041lmn", "team": "blue"}"#);
    assert!(long.contains("{\"token\":\"********\", \"team\": \"blue\"}\n"), "{long}");
    assert_eq!(long, with(r#"{"token":"a", "team": "blue"}"#));
    assert!(long.lines().any(|line| line.trim_end().ends_with(" ^")), "{long}");
    let two = with(
        r#"{"token": 123456, "team": "blue", "pin": {"a":
        ["hush", 7]}}"#,
    );
    assert!(two.contains("********, \"team\"") && !two.contains("123456") && !two.contains("hush"), "{two}");
    assert_eq!(two.matches("stands here in clear").count(), 2, "{two}");
}
