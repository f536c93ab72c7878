//! The trace file of lcov, <https://github.com/linux-test-project/lcov>, as `genhtml`, editors and coverage services read it.

use std::fmt::Write as _;

use super::collector::Covered;
use super::summary::{line_counts, shares};

/// All files, named as the user would write them.
pub fn lcov(files: &[Covered<'_>]) -> String {
    let mut text = String::new();
    for file in files {
        record(&mut text, file);
    }
    text
}

fn record(text: &mut String, file: &Covered<'_>) {
    let Covered { source, map, counted, .. } = file;
    let shares = shares(map, counted);
    // A line end in the name would begin a record of its own.
    let name = source.file().to_string_lossy().replace(['\n', '\r'], " ");
    let _ = writeln!(text, "TN:\nSF:{name}");
    for function in &map.functions {
        let _ = writeln!(text, "FN:{},{}", function.decl.start.line, function.name);
    }
    let _ = writeln!(text, "FNF:{}\nFNH:{}", shares.functions.total, shares.functions.covered);
    for (function, count) in map.functions.iter().zip(&counted.functions) {
        let _ = writeln!(text, "FNDA:{count},{}", function.name);
    }
    for (line, count) in line_counts(map, counted) {
        let _ = writeln!(text, "DA:{line},{count}");
    }
    let _ = writeln!(text, "LF:{}\nLH:{}", shares.lines.total, shares.lines.covered);
    for (number, (branch, counts)) in map.branches.iter().zip(&counted.branches).enumerate() {
        for (way, count) in counts.iter().enumerate() {
            let _ = writeln!(text, "BRDA:{},{number},{way},{count}", branch.loc.start.line);
        }
    }
    let _ = writeln!(text, "BRF:{}\nBRH:{}\nend_of_record", shares.branches.total, shares.branches.covered);
}
