//! The JSON Pointers of doubled keys, which are known only when the whole text has been read.

use std::collections::HashMap;

use super::Source;
use super::json::{Kind, Node, escape_token};
use crate::model::{Code, Finding};

/// Adds its pointer to each finding of a doubled key.
pub(super) fn point(source: &Source, root: Option<&Node>, findings: &mut [Finding]) {
    let mut doubled: HashMap<usize, &mut Finding> = findings
        .iter_mut()
        .filter(|finding| finding.code == Code::DuplicateKey)
        .filter_map(|finding| Some((finding.place.span?.start.offset, finding)))
        .collect();
    if let Some(root) = root.filter(|_| !doubled.is_empty()) {
        // What comes before a piece of a file counts in places, and not in ranges.
        search(root, source.position(0).offset, &mut String::new(), &mut doubled);
    }
}

fn search(node: &Node, before: usize, pointer: &mut String, doubled: &mut HashMap<usize, &mut Finding>) {
    let length = pointer.len();
    match &node.kind {
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                search(item, before, pointer, doubled);
                pointer.truncate(length);
            }
        }
        Kind::Object(members) => {
            for member in members {
                pointer.push('/');
                pointer.push_str(&escape_token(&member.key));
                if let Some(finding) = doubled.get_mut(&(member.key_range.start + before)) {
                    finding.place.pointer = Some(pointer.clone());
                }
                search(&member.value, before, pointer, doubled);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}
