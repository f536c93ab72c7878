//! One walk over a file: its exports, what it requires, and what its code uses that not every runtime does alike.

use std::ops::Range;

use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentExpression, BindingPattern, CallExpression, Expression, Function,
    IdentifierReference, Program, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_syntax::scope::ScopeFlags;

use super::exports::{Exports, Reader, Via, literal_text, literals, range};
use crate::text::Source;

/// Methods whose answer depends on the language's tables, which QuickJS does not have: it answers, and differently.
const LOCALE_METHODS: &[&str] = &[
    "toLocaleString",
    "toLocaleDateString",
    "toLocaleTimeString",
    "localeCompare",
    "toLocaleUpperCase",
    "toLocaleLowerCase",
];

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) exports: Exports,
    /// Each `require`: its literal, or `None` where it is not one; and where the call stands.
    pub(super) requires: Vec<(Option<String>, Range<usize>)>,
    /// What needs Node.js: what it is, and where.
    pub(super) node_only: Vec<(&'static str, Range<usize>)>,
}

/// Reads a program.
pub(super) fn contents(program: &Program<'_>, file: &str, source: &Source) -> Contents {
    let exports = Reader { file, source, literals: literals(program), found: Exports::default() };
    let mut walk = Walk { exports, requires: Vec::new(), node_only: Vec::new(), functions: 0 };
    walk.visit_program(program);
    Contents { exports: walk.exports.found, requires: walk.requires, node_only: walk.node_only }
}

struct Walk<'r, 'b, 'a> {
    exports: Reader<'r, 'b, 'a>,
    requires: Vec<(Option<String>, Range<usize>)>,
    node_only: Vec<(&'static str, Range<usize>)>,
    /// How many functions the walk is inside of.
    functions: usize,
}

impl<'a> Visit<'a> for Walk<'_, '_, '_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if it.name == "Intl" {
            self.node_only.push(("Intl", range(it.span)));
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if it.callee.is_specific_id("require") {
            let argument = it.arguments.first().and_then(|argument| argument.as_expression());
            self.requires.push((argument.and_then(literal_text).map(str::to_owned), range(it.span)));
        }
        let member = it.callee.get_inner_expression().as_member_expression();
        if let Some((span, name)) = member.and_then(|member| member.static_property_info())
            && let Some(method) = LOCALE_METHODS.iter().find(|method| **method == name)
        {
            self.node_only.push((method, range(span)));
        }
        // `Object.assign(exports, …)` and the like: more is exported than can be read.
        let passed = it.arguments.iter().filter_map(|argument| argument.as_expression());
        if passed.into_iter().any(|passed| passed.is_specific_id("exports")) {
            self.exports.found.open = true;
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        self.exports.assignment(it, self.functions == 0);
        walk::walk_assignment_expression(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let (BindingPattern::BindingIdentifier(id), Some(init), 0) = (&it.id, &it.init, self.functions)
            && id.name == "exports"
        {
            self.exports.whole(init, Via::Literal);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.functions += 1;
        walk::walk_function(self, it, flags);
        self.functions -= 1;
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.functions += 1;
        walk::walk_arrow_function_expression(self, it);
        self.functions -= 1;
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        // Literals have nothing below them; most of a large file is these.
        if !it.is_literal() {
            walk::walk_expression(self, it);
        }
    }
}
