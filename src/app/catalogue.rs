//! Which events the platform has: by product (manifests of platform 1.x to 2.3) and by module (3.0).
//!
//! The names are data, in `catalogue.json`. The platform grows, so a name that is not here is a finding with a
//! suggestion and never a reason to stop.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::Scope;

/// The table as it stands in `catalogue.json`.
#[derive(Deserialize)]
struct Catalogue {
    products: BTreeMap<String, Vec<String>>,
    modules: BTreeMap<String, Vec<String>>,
}

/// Platform versions that a manifest may name, oldest first.
pub const VERSIONS: &[&str] = &["1.0", "2.0", "2.1", "2.2", "2.3", "3.0"];

/// The product whose user events simctl was made for, in manifests up to 2.3.
pub const HOME_PRODUCT: &str = "freshchat";

/// The module of the same events in 3.0.
pub const HOME_MODULE: &str = "chat_user";

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        // A test holds that the table parses; without it no name is known, which is a suggestion less and no crash.
        serde_json::from_str(include_str!("catalogue.json"))
            .unwrap_or(Catalogue { products: BTreeMap::new(), modules: BTreeMap::new() })
    })
}

/// The products that manifests up to 2.3 may name.
pub fn products() -> impl Iterator<Item = &'static str> {
    catalogue().products.keys().map(String::as_str)
}

/// The modules that 3.0 manifests may name.
pub fn modules() -> impl Iterator<Item = &'static str> {
    catalogue().modules.keys().map(String::as_str)
}

/// The events of a product or module; `None` where there is no such product or module. A scope without a name is the
/// documents' snippet, which is for the home product.
pub fn events(scope: &Scope) -> Option<&'static [String]> {
    let catalogue = catalogue();
    match scope {
        Scope::None => catalogue.products.get(HOME_PRODUCT),
        Scope::Product(name) => catalogue.products.get(name),
        Scope::Module(name) => catalogue.modules.get(name),
    }
    .map(Vec::as_slice)
}

/// Whether the product or module has the event.
pub fn has(scope: &Scope, event: &str) -> bool {
    events(scope).is_some_and(|events| events.iter().any(|known| known == event))
}

/// The products and modules that have the event: `(products, modules)`, each in alphabetical order.
pub fn where_is(event: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let holders = |table: &'static BTreeMap<String, Vec<String>>| {
        let has = |events: &[String]| events.iter().any(|known| known == event);
        table.iter().filter(|(_, events)| has(events)).map(|(name, _)| name.as_str()).collect()
    };
    (holders(&catalogue().products), holders(&catalogue().modules))
}

/// Whether any product or module has the event.
pub fn is_known(event: &str) -> bool {
    all_events().any(|known| known == event)
}

/// Every event of the products where `scope` is one or none, else of the modules.
pub fn events_beside(scope: &Scope) -> impl Iterator<Item = &'static str> {
    let table = if matches!(scope, Scope::Module(_)) { &catalogue().modules } else { &catalogue().products };
    table.values().flatten().map(String::as_str)
}

/// Every event of every product and module; names that several have come several times.
pub fn all_events() -> impl Iterator<Item = &'static str> {
    let catalogue = catalogue();
    catalogue.products.values().chain(catalogue.modules.values()).flatten().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses_and_names_no_event_twice_in_one_place() {
        let table = catalogue();
        assert!(!table.products.is_empty() && !table.modules.is_empty());
        for (name, events) in table.products.iter().chain(&table.modules) {
            assert!(events.is_sorted_by(|a, b| a < b), "{name} is not sorted, or has a name twice");
        }
    }

    #[test]
    fn the_user_events_are_at_home_and_elsewhere() {
        for event in ["onUserCreate", "onUserUpdate"] {
            assert!(has(&Scope::None, event) && has(&Scope::Product(HOME_PRODUCT.into()), event));
            assert!(has(&Scope::Module(HOME_MODULE.into()), event));
        }
        assert_eq!(where_is("onUserDelete"), (vec!["freshservice"], vec!["service_user"]));
        assert!(!is_known("onUserUpdated"));
    }
}
