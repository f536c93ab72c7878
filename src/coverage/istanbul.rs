//! Istanbul's own form, as in `coverage-final.json`: what `nyc report` and other tools of its family read.

use serde_json::{Map, Value, json};

use super::collector::Covered;
use super::map::{Branch, Counted, FileMap, Function, Loc};

/// All files, by their paths.
pub fn istanbul(files: &[Covered<'_>]) -> Value {
    let one = |file: &Covered<'_>| {
        let path = file.path.to_string_lossy().into_owned();
        let value = file_value(&path, file.map, &file.counted);
        (path, value)
    };
    Value::Object(files.iter().map(one).collect())
}

/// One file.
pub(super) fn file_value(path: &str, map: &FileMap, counted: &Counted) -> Value {
    // A branch all of whose ways a hint leaves out is none; the others keep their numbers.
    let branches =
        || map.branches.iter().zip(&counted.branches).enumerate().filter(|(_, (one, _))| !one.paths.is_empty());
    json!({
        "path": path,
        "statementMap": numbered(map.statements.iter().map(|one| loc(*one))),
        "fnMap": numbered(map.functions.iter().map(function)),
        "branchMap": branches().map(|(at, (one, _))| (at.to_string(), branch(one))).collect::<Map<_, _>>(),
        "s": numbered(counted.statements.iter().map(|&count| Value::from(count))),
        "f": numbered(counted.functions.iter().map(|&count| Value::from(count))),
        "b": branches().map(|(at, (_, counts))| (at.to_string(), json!(counts))).collect::<Map<_, _>>(),
    })
}

fn numbered(values: impl Iterator<Item = Value>) -> Map<String, Value> {
    values.enumerate().map(|(at, value)| (at.to_string(), value)).collect()
}

fn loc(loc: Loc) -> Value {
    let Loc { start, end } = loc;
    json!({
        "start": { "line": start.line, "column": start.column },
        "end": { "line": end.line, "column": end.column },
    })
}

fn function(function: &Function) -> Value {
    json!({
        "name": function.name,
        "decl": loc(function.decl),
        "loc": loc(function.loc),
        "line": function.loc.start.line,
    })
}

fn branch(branch: &Branch) -> Value {
    // An `else` that is not written has a place without numbers.
    let place = |way: &Option<Loc>| way.map_or_else(|| json!({ "start": {}, "end": {} }), loc);
    json!({
        "loc": loc(branch.loc),
        "type": branch.kind.name(),
        "locations": branch.paths.iter().map(place).collect::<Vec<_>>(),
        "line": branch.loc.start.line,
    })
}
