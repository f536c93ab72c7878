use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MASK, Secrets, spelling};

fn secrets(values: &[&str]) -> Secrets {
    Secrets::new(values.iter().enumerate().map(|(index, value)| (format!("p{index}"), (*value).to_owned())))
}

fn base64(bytes: &[u8]) -> String {
    let text: Vec<u8> = bytes.to_vec();
    let mut out = String::new();
    for group in text.chunks(3) {
        let all = (0..3).fold(0_u32, |all, index| all << 8 | u32::from(group.get(index).copied().unwrap_or(0)));
        for digit in 0..4 {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let c = char::from(alphabet[(all >> (18 - digit * 6) & 63) as usize]);
            out.push(if digit > group.len() { '=' } else { c });
        }
    }
    out
}

#[test]
fn a_secret_is_masked_inside_text() {
    assert_eq!(secrets(&["s3cr3t"]).mask("Bearer s3cr3t, twice s3cr3t"), "Bearer ********, twice ********");
}

#[test]
fn a_short_secret_leaves_other_words_alone() {
    let secrets = secrets(&["x", "abc"]);
    assert_eq!(secrets.mask("expected abcd _abc"), "expected abcd _abc");
    assert_eq!(secrets.mask("x"), MASK);
    assert_eq!(secrets.mask("token=abc;"), "token=********;");
    assert_eq!(secrets.mask("Basic YWJj and eA=="), "Basic ******** and ********==");
    assert_eq!(secrets.mask("eA is no encoding, nor is YWJjZA=="), "eA is no encoding, nor is YWJjZA==");
}

#[test]
fn a_longer_secret_hides_the_shorter_one_in_it_and_overlapping_ones_hide_each_other() {
    assert_eq!(secrets(&["abcd", "abcdefgh"]).mask("abcdefgh"), MASK);
    assert_eq!(secrets(&["abcdef", "defghi"]).mask("-abcdefghi-"), "-********-");
}

#[test]
fn values_and_member_names_are_masked() {
    let mut value = json!({"a": 12345, "b": ["topsecret"], "topsecret": 1});
    secrets(&["12345", "topsecret"]).mask_value(&mut value);
    assert_eq!(value, json!({"a": MASK, "b": ["********"], "********": 1}));
}

#[test]
fn a_secret_is_masked_however_it_is_encoded() {
    let secrets = secrets(&["p@ss w/rd\"ü"]);
    for text in [
        "p%40ss%20w%2Frd%22%C3%BC",
        "p%40ss%20w%2frd%22%c3%bc",
        "p%40ss+w%2Frd%22%C3%BC",
        "p@ss%20w/rd%22%C3%Bc",
        r#"p@ss w/rd\"ü"#,
        r#"p@ss w\/rd\"\u00fc"#,
        "p%40ss%20w%2Frd%5C%22%C3%BC",
    ] {
        assert_eq!(secrets.mask(&format!("a={text}&b")), "a=********&b", "{text}");
    }
}

#[test]
fn a_secret_is_masked_in_base64_at_any_alignment() {
    let secrets = secrets(&["s3cr3t"]);
    assert_eq!(secrets.mask("Basic dXNlcjpzM2NyM3Q="), "Basic dXNlcj********=");
    for before in 0..7 {
        for after in 0..7 {
            let text = base64(format!("{}s3cr3t{}", "~".repeat(before), "?".repeat(after)).as_bytes());
            let masked = secrets.mask(&text);
            assert!(masked.contains(MASK) && masked.len() < text.len() + 3, "{text}: {masked}");
            let url_safe = text.replace('+', "-").replace('/', "_");
            assert!(secrets.mask(&url_safe).contains(MASK), "{url_safe}");
            let in_url = spelling::url(&text);
            assert!(secrets.mask(&in_url).contains(MASK), "{in_url}");
        }
    }
}

#[test]
fn a_placeholder_names_the_parameter_and_is_put_back() {
    let secrets = Secrets::new([("token".to_owned(), "s3cr3t".to_owned()), ("pin".to_owned(), "4711".to_owned())]);
    let concealed = secrets.conceal("Bearer s3cr3t, {{iparam.token}} {{x}} {{literal}}");
    assert_eq!(concealed, "Bearer {{iparam.token}}, {{literal}}iparam.token}} {{x}} {{literal}}literal}}");
    assert_eq!(secrets.reveal(&concealed), "Bearer s3cr3t, {{iparam.token}} {{x}} {{literal}}");
    assert_eq!(secrets.reveal("{{iparam.token}} {{iparam.other}} {{"), "s3cr3t {{iparam.other}} {{");
    let value = json!({"a": "x s3cr3t", "n": 4711, "s": "4711", "s3cr3t": [1]});
    let mut kept = value.clone();
    secrets.conceal_value(&mut kept);
    let text = kept.to_string();
    assert!(!text.contains("s3cr3t") && !text.contains("4711"), "{text}");
    secrets.reveal_value(&mut kept);
    assert_eq!(kept, value);
}

#[test]
fn a_debug_print_gives_no_secret_away() {
    let printed = format!("{:?}", secrets(&["s3cr3t"]));
    assert_eq!(printed, "[\"p0\"]");
}

/// One of the ways to write a secret, and something round it.
fn spelled() -> impl Strategy<Value = (String, String)> {
    let secret = prop_oneof!["[a-z0-9]{4,12}", "[ -~]{4,12}", "[%+/\\\\\" ü😀{}|]{4,8}"];
    (secret, 0..7_u8, ".{0,6}", ".{0,6}").prop_map(|(secret, way, before, after)| {
        let text = match way {
            0 => secret.clone(),
            1 => spelling::url(&secret),
            2 => spelling::form(&secret),
            3 => spelling::url(&secret).to_lowercase(),
            4 => spelling::json(&secret),
            5 => return (secret.clone(), base64(format!("{before}{secret}{after}").as_bytes())),
            _ => spelling::url(&base64(format!("{before}{secret}{after}").as_bytes())),
        };
        (secret, format!("{before}{text}{after}"))
    })
}

proptest! {
    #[test]
    fn what_is_concealed_is_gone_and_comes_back((secret, text) in spelled()) {
        let secrets = secrets(&[&secret]);
        let concealed = secrets.conceal(&text);
        // A secret may be spelled like a placeholder.
        prop_assert_eq!(secrets.reveal(&concealed), text.clone());
        let mut value = Value::from(text.clone());
        secrets.conceal_value(&mut value);
        secrets.reveal_value(&mut value);
        prop_assert_eq!(value, Value::from(text));
    }

    #[test]
    fn any_text_is_revealed_without_harm(text in ".{0,40}", value in "\\{\\{iparam\\.p0(\\|[a-z]{0,6}:?[0-9.a-z]{0,6}){0,2}\\}\\}") {
        let secrets = secrets(&["s3cr3t"]);
        secrets.reveal(&text);
        secrets.reveal(&value);
        secrets.mask(&value);
    }
}

#[test]
fn a_concealed_text_is_masked_without_knowing_the_secrets() {
    let secrets = secrets(&["s3cr3t"]);
    for text in ["a s3cr3t b", "{{iparam.p0}} {{literal}} {{ s3cr3t", "{{{iparam.x}}", "plain"] {
        assert_eq!(Secrets::masked(&secrets.conceal(text)), secrets.mask(text), "{text}");
    }
}

/// Secrets of every kind, and those in texts of every kind of spelling.
fn odd_secrets() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,12}", "[+/\\\\%\"=?-]{1,5}", ".{1,6}", "-?[1-9][0-9]{0,6}", "[a-c]{1,3}"]
}

fn odd_spelling(secret: &str, way: usize) -> String {
    let escaped = || secret.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>();
    let encoded = |before: &str| base64(format!("{before}{secret}?").as_bytes());
    match way {
        0 => secret.to_owned(),
        1 => spelling::url(secret),
        2 => spelling::url(secret).to_lowercase(),
        3 => spelling::form(secret),
        4 => spelling::json(secret),
        5 => escaped(),
        6..=8 => encoded(&"xyz"[..way - 6]),
        9..=11 => encoded(&"xyz"[..way - 9]).replace('+', "-").replace('/', "_"),
        12 => base64(secret.as_bytes()).replace('+', "%2B").replace('/', "\\/"),
        _ => base64(secret.as_bytes()).replace('+', "\\u002b").replace('/', "%2f"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is passed over is no secret.
    #[test]
    fn no_secret_begins_where_none_may(
        secret in odd_secrets(), other in odd_secrets(), way in 0_usize..14, before in ".{0,3}", after in ".{0,3}",
    ) {
        let all = secrets(&[&secret, &other]);
        let text = format!("{before}{}{after}", odd_spelling(&secret, way));
        for at in text.char_indices().map(|(at, _)| at) {
            if all.all.iter().any(|secret| secret.at(&text, at).is_some()) {
                prop_assert!(all.starts.may_begin(text.as_bytes(), at), "{secret:?} in {text:?} at {at}");
            }
        }
        prop_assert!(all.starts.places(text.as_bytes()).all(|at| text.is_char_boundary(at)));
    }

    /// What masking would change is never said to be free of secrets.
    #[test]
    fn a_value_that_holds_a_secret_is_never_taken_for_one_that_holds_none(
        secret in odd_secrets(), way in 0_usize..14, before in "[ -~]{0,2}", after in "[ -~]{0,2}", is_name in any::<bool>(),
    ) {
        let all = secrets(&[&secret]);
        let text = format!("{before}{}{after}", odd_spelling(&secret, way));
        let number = secret.parse::<i64>().map_or(Value::Null, Value::from);
        let value = if is_name { json!({"a": 1, text: [number]}) } else { json!({"a": [text, true], "b": number}) };
        let mut masked = value.clone();
        all.mask_value(&mut masked);
        prop_assert!(masked == value || all.may_be_in(&value.to_string()), "{secret:?} in {value}");
    }
}
