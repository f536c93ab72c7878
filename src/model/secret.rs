//! Values that must not reach any output.

use serde_json::Value;

/// What stands where a secret was.
const MASK: &str = "********";

/// Secrets shorter than this are masked only where they are a whole value: inside other words they would mangle the
/// text without hiding anything.
const SHORTEST_INSIDE_TEXT: usize = 4;

/// The values of secure installation parameters.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
}

impl Secrets {
    /// The mask itself, for a value that is secret as a whole.
    pub const MASK: &'static str = MASK;

    /// Secrets from these values; empty ones hide nothing.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
        // Longest first: a secret that contains another must not be left half visible.
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// `text` with every secret masked.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.values {
            if secret.len() >= SHORTEST_INSIDE_TEXT {
                masked = masked.replace(secret.as_str(), MASK);
            } else if masked == *secret {
                masked = MASK.to_owned();
            }
        }
        masked
    }

    /// Masks every string and number within `value`, names of members included.
    pub fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.mask(text),
            Value::Number(number) => {
                let text = number.to_string();
                if self.values.contains(&text) {
                    *value = Value::String(MASK.to_owned());
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_value(item)),
            Value::Object(members) => {
                *members = std::mem::take(members)
                    .into_iter()
                    .map(|(name, mut member)| {
                        self.mask_value(&mut member);
                        (self.mask(&name), member)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Secrets;

    #[test]
    fn a_secret_is_masked_inside_text() {
        let secrets = Secrets::new(["s3cr3t".to_owned()]);
        assert_eq!(secrets.mask("Bearer s3cr3t, twice s3cr3t"), "Bearer ********, twice ********");
    }

    #[test]
    fn a_short_secret_leaves_other_words_alone() {
        let secrets = Secrets::new(["x".to_owned()]);
        assert_eq!(secrets.mask("expected"), "expected");
        assert_eq!(secrets.mask("x"), "********");
    }

    #[test]
    fn a_longer_secret_hides_the_shorter_one_in_it() {
        let secrets = Secrets::new(["abcd".to_owned(), "abcdefgh".to_owned()]);
        assert_eq!(secrets.mask("abcdefgh"), "********");
    }

    #[test]
    fn values_and_member_names_are_masked() {
        let secrets = Secrets::new(["12345".to_owned(), "topsecret".to_owned()]);
        let mut value = json!({"a": 12345, "b": ["topsecret"], "topsecret": 1});
        secrets.mask_value(&mut value);
        assert_eq!(value, json!({"a": "********", "b": ["********"], "********": 1}));
    }
}
