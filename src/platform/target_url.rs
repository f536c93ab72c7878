//! `generateTargetUrl`: the address at which another service would reach the app's `onExternalEvent`.

use serde_json::Value;

use super::{Answer, Shared, refusal};

/// The event that the address leads to.
const EVENT: &str = "onExternalEvent";

/// Events whose callbacks may not ask for one.
const NOT_FROM: [&str; 2] = ["onUserCreate", "onUserUpdate"];

/// An address that is the same for the same app and options, on every machine, and that plainly leads nowhere.
pub(super) fn generate(shared: &Shared<'_>, args: &[Value]) -> Answer {
    if !shared.subscribes(EVENT) {
        return Err(refusal(400, &format!("The app does not subscribe to {EVENT}")));
    }
    if NOT_FROM.contains(&shared.event.as_str()) {
        return Err(refusal(400, &format!("generateTargetUrl is not available in {}", shared.event)));
    }
    let app = shared.setup.app.root.file_name().unwrap_or_default().to_string_lossy();
    let options = args.first().filter(|options| !options.is_null()).map(Value::to_string).unwrap_or_default();
    let number = fnv(app.bytes().chain([0]).chain(options.bytes()));
    Ok(Value::String(format!("https://external-events.simctl.example/{number:016x}")))
}

/// The Fowler-Noll-Vo hash, variant 1a, of 64 bits (<https://www.rfc-editor.org/rfc/rfc9923>): short, and of no use to anybody
/// who would guess.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::fnv;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv(b"foobar".iter().copied()), 0x8594_4171_f739_67e8);
    }
}
