//! One walk over a file for the rules: what each name stands for, which paths are read, what is called with what.
//!
//! Facts own their data and hold no part of the syntax tree, so that those of several files can be joined. What cannot
//! be followed is left out: a rule that knows nothing stays silent.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use oxc_ast::ast::{
    Argument, ArrayPattern, ArrowFunctionExpression, AssignmentExpression, BinaryExpression, BindingPattern,
    CallExpression, ConditionalExpression, Expression, ForOfStatement, ForStatementLeft, FormalParameters, Function,
    IdentifierReference, IfStatement, LogicalExpression, ObjectPattern, ObjectProperty, Program,
    SimpleAssignmentTarget, SwitchStatement, UnaryExpression, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::GetSpan;
use oxc_syntax::operator::{BinaryOperator, LogicalOperator, UnaryOperator};
use oxc_syntax::scope::ScopeFlags;

use crate::app::script::exports::{literal_text, range};

/// Paths longer than this are not followed.
const LONGEST_PATH: usize = 32;

/// Array methods that hand each item to their callback first.
pub(super) const ITEM_TO_CALLBACK: &[&str] =
    &["forEach", "map", "filter", "find", "findIndex", "findLast", "some", "every", "flatMap"];

/// Array methods that answer one item.
const ONE_ITEM: &[&str] = &["find", "findLast", "at", "pop", "shift"];

/// Array methods that answer an array of the same items.
const SAME_ITEMS: &[&str] = &["filter", "slice", "reverse", "sort"];

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: Name,
    /// Where it is written.
    pub(super) range: Range<usize>,
    /// Whether it is written `?.`
    pub(super) optional: bool,
}

/// What a step leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    /// A member of that name.
    Member(String),
    /// An array's item, by its number.
    Index(u32),
    /// Some item of an array.
    Item,
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// A binding of the file.
    Symbol(usize),
    /// A parameter, by its function and number.
    Param(u32, usize),
    /// What a `require` answers.
    Require(String),
    /// The file's own exports: `exports`, `module.exports`, or `this` in a method.
    Exports,
}

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) base: Base,
    pub(super) steps: Vec<Step>,
}

impl Chain {
    fn step(&self, name: Name, range: Range<usize>) -> Option<Self> {
        let mut longer = self.clone();
        longer.steps.push(Step { name, range, optional: false });
        (longer.steps.len() <= LONGEST_PATH).then_some(longer)
    }
}

/// A path that is read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) chain: Chain,
    pub(super) role: Role,
}

/// What becomes of what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Anything.
    Value,
    /// It is called.
    Callee,
    /// A name is declared for it, whose uses are known.
    Alias,
}

/// What a name or an expression stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Def {
    /// What stands at a path.
    Chain(Chain),
    /// A function, known by where it begins.
    Function(u32),
    /// A literal that is no function.
    Literal,
    /// Not known.
    Unknown,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) callee: Def,
    pub(super) args: Vec<Def>,
}

/// A comparison of a path with a literal.
#[derive(Debug)]
pub(super) struct Compare {
    pub(super) chain: Chain,
    pub(super) value: serde_json::Value,
    pub(super) range: Range<usize>,
}

/// A use of something global.
#[derive(Debug)]
pub(super) struct Global {
    pub(super) name: String,
    pub(super) range: Range<usize>,
}

/// A call of a platform object with what it names.
#[derive(Debug)]
pub(super) struct HostCall {
    /// Such as `$request.invokeTemplate`.
    pub(super) name: String,
    /// The first argument's text and place, where it is a literal.
    pub(super) literal: Option<(String, Range<usize>)>,
    pub(super) range: Range<usize>,
}

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// By binding: what it is declared as.
    pub(super) defs: HashMap<usize, Def>,
    /// By the place of an exported name: what is exported.
    pub(super) values: HashMap<usize, Def>,
    /// Paths read, each as long as it is written.
    pub(super) reads: Vec<Read>,
    /// Bindings used as a whole, other than to call them.
    pub(super) bare: HashSet<usize>,
    pub(super) calls: Vec<Call>,
    pub(super) compares: Vec<Compare>,
    /// Paths that are asked whether they are there.
    pub(super) guards: Vec<Chain>,
    /// Paths that something stands in for where they are not there.
    pub(super) defaulted: Vec<Chain>,
    /// Paths written to, or deleted.
    pub(super) writes: Vec<Chain>,
    /// Global names used, and members of `process`.
    pub(super) globals: Vec<Global>,
    /// Global names, and members of `process`, that the file itself assigns or asks for with `typeof`.
    pub(super) excused: HashSet<String>,
    pub(super) host_calls: Vec<HostCall>,
    /// Member names and texts that might name an export.
    pub(super) mentioned: HashSet<String>,
}

/// Collects the facts of a program whose names have been resolved; `exported` are the places of exported names.
pub(super) fn collect(program: &Program<'_>, scoping: &Scoping, exported: &HashSet<usize>) -> Facts {
    let mut collector = Collector { scoping, exported, facts: Facts::default(), role: Role::Value };
    collector.visit_program(program);
    collector.facts
}

struct Collector<'s> {
    scoping: &'s Scoping,
    exported: &'s HashSet<usize>,
    facts: Facts,
    /// What becomes of the member expression that is visited next.
    role: Role,
}

impl Collector<'_> {
    /// The binding that a name refers to; `None` where it is global.
    fn symbol(&self, id: &IdentifierReference<'_>) -> Option<usize> {
        let symbol = self.scoping.get_reference(id.reference_id.get()?).symbol_id()?;
        Some(symbol.index())
    }

    fn is_global(&self, value: &Expression<'_>, name: &str) -> bool {
        matches!(value.get_inner_expression(), Expression::Identifier(id) if id.name == name && self.symbol(id).is_none())
    }

    /// The path that an expression is.
    fn chain(&self, value: &Expression<'_>) -> Option<Chain> {
        let mut steps = Vec::new();
        let mut value = value;
        let base = loop {
            if steps.len() > LONGEST_PATH {
                return None;
            }
            value = match value.get_inner_expression() {
                Expression::ChainExpression(chain) => {
                    let inner = &chain.expression;
                    if let Some(member) = inner.as_member_expression() {
                        self.push_member(member, &mut steps)?;
                        member.object()
                    } else if let oxc_ast::ast::ChainElement::CallExpression(call) = inner {
                        self.push_call(call, &mut steps)?
                    } else {
                        return None;
                    }
                }
                Expression::Identifier(id) => match self.symbol(id) {
                    Some(symbol) => break Base::Symbol(symbol),
                    None if id.name == "exports" => break Base::Exports,
                    None => return None,
                },
                Expression::ThisExpression(_) if !steps.is_empty() => break Base::Exports,
                Expression::AwaitExpression(inner) => &inner.argument,
                Expression::LogicalExpression(either) if is_default(either) => &either.left,
                Expression::CallExpression(call) => {
                    if let Some(name) = required(call) {
                        break Base::Require(name.to_owned());
                    }
                    self.push_call(call, &mut steps)?
                }
                other => {
                    let member = other.as_member_expression()?;
                    if self.is_global(member.object(), "module") && member.static_property_name() == Some("exports") {
                        break Base::Exports;
                    }
                    self.push_member(member, &mut steps)?;
                    member.object()
                }
            };
        };
        steps.reverse();
        Some(Chain { base, steps })
    }

    fn push_member(&self, member: &oxc_ast::ast::MemberExpression<'_>, steps: &mut Vec<Step>) -> Option<()> {
        let optional = member.optional();
        if let Some((span, name)) = member.static_property_info() {
            let name = match name.parse() {
                Ok(index) if name.bytes().all(|byte| byte.is_ascii_digit()) => Name::Index(index),
                _ => Name::Member(name.to_owned()),
            };
            steps.push(Step { name, range: range(span), optional });
            return Some(());
        }
        let oxc_ast::ast::MemberExpression::ComputedMemberExpression(computed) = member else { return None };
        let Expression::NumericLiteral(number) = computed.expression.get_inner_expression() else { return None };
        let index = number.value;
        if index < 0.0 || index.fract() != 0.0 || index > f64::from(u32::MAX) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at")]
        let name = Name::Index(index as u32);
        steps.push(Step { name, range: range(number.span), optional });
        Some(())
    }

    /// Calls that answer a part of what they are called on; goes on with that.
    fn push_call<'x, 'a>(&self, call: &'x CallExpression<'a>, steps: &mut Vec<Step>) -> Option<&'x Expression<'a>> {
        let member = call.callee.get_inner_expression().as_member_expression()?;
        let (span, name) = member.static_property_info()?;
        if ONE_ITEM.contains(&name) {
            steps.push(Step { name: Name::Item, range: range(span), optional: member.optional() });
            return Some(member.object());
        }
        if SAME_ITEMS.contains(&name) {
            return Some(member.object());
        }
        // `JSON.parse(JSON.stringify(x))` is a copy of x.
        if name == "parse" && self.is_global(member.object(), "JSON") {
            let Expression::CallExpression(inner) = first_argument(call)?.get_inner_expression() else { return None };
            let callee = inner.callee.get_inner_expression().as_member_expression()?;
            if callee.static_property_name() == Some("stringify") && self.is_global(callee.object(), "JSON") {
                return first_argument(inner);
            }
        }
        None
    }

    fn def(&self, value: &Expression<'_>) -> Def {
        match value.get_inner_expression() {
            Expression::FunctionExpression(function) => Def::Function(function.span.start),
            Expression::ArrowFunctionExpression(arrow) => Def::Function(arrow.span.start),
            Expression::ObjectExpression(_) | Expression::ArrayExpression(_) => Def::Literal,
            literal if literal.is_literal() => Def::Literal,
            other => self.chain(other).map_or(Def::Unknown, Def::Chain),
        }
    }

    /// A name that is declared twice stands for what nobody knows.
    fn define(&mut self, symbol: Option<oxc_syntax::symbol::SymbolId>, def: Def) {
        let Some(symbol) = symbol else { return };
        let is_sole = !self.facts.defs.contains_key(&symbol.index()) && !self.scoping.symbol_is_mutated(symbol);
        self.facts.defs.insert(symbol.index(), if is_sole { def } else { Def::Unknown });
    }

    /// Binds the names of a pattern to the parts of what `chain` is.
    fn bind(&mut self, pattern: &BindingPattern<'_>, chain: Option<Chain>) {
        match pattern {
            BindingPattern::BindingIdentifier(id) => {
                self.define(id.symbol_id.get(), chain.map_or(Def::Unknown, Def::Chain));
            }
            BindingPattern::AssignmentPattern(default) => {
                self.bind(&default.left, chain.filter(|_| is_trivial(&default.right)));
            }
            BindingPattern::ObjectPattern(object) => self.bind_object(object, chain.as_ref()),
            BindingPattern::ArrayPattern(array) => self.bind_array(array, chain.as_ref()),
        }
    }

    fn bind_object(&mut self, object: &ObjectPattern<'_>, chain: Option<&Chain>) {
        for property in &object.properties {
            let key = property.key.static_name();
            let inner = key
                .zip(chain)
                .and_then(|(key, chain)| chain.step(Name::Member(key.into_owned()), range(property.key.span())));
            self.facts.reads.extend(inner.clone().map(|chain| Read { chain, role: Role::Alias }));
            self.bind(&property.value, inner);
        }
        if let Some(rest) = &object.rest {
            self.bind(&rest.argument, None);
        }
    }

    fn bind_array(&mut self, array: &ArrayPattern<'_>, chain: Option<&Chain>) {
        for (index, element) in (0..).zip(&array.elements) {
            let Some(element) = element else { continue };
            let inner = chain.and_then(|chain| chain.step(Name::Index(index), range(element.span())));
            self.facts.reads.extend(inner.clone().map(|chain| Read { chain, role: Role::Alias }));
            self.bind(element, inner);
        }
        if let Some(rest) = &array.rest {
            self.bind(&rest.argument, None);
        }
    }

    fn params(&mut self, function: u32, params: &FormalParameters<'_>) {
        for (index, param) in params.items.iter().enumerate() {
            let known = param.initializer.as_ref().is_none_or(|default| is_trivial(default));
            let base = Base::Param(function, index);
            self.bind(&param.pattern, known.then_some(Chain { base, steps: Vec::new() }));
        }
        if let Some(rest) = &params.rest {
            self.bind(&rest.rest.argument, None);
        }
    }

    /// Notes what a condition asks for.
    fn guard(&mut self, condition: &Expression<'_>) {
        let mut open = vec![condition];
        while let Some(condition) = open.pop() {
            match condition.get_inner_expression() {
                Expression::LogicalExpression(both) => open.extend([&both.left, &both.right]),
                Expression::UnaryExpression(unary) => open.push(&unary.argument),
                Expression::BinaryExpression(binary) => match binary.operator {
                    BinaryOperator::In => {
                        let name = literal_text(&binary.left);
                        let chain = self.chain(&binary.right);
                        let inner = name.zip(chain).and_then(|(name, chain)| {
                            chain.step(Name::Member(name.to_owned()), range(binary.left.span()))
                        });
                        self.facts.guards.extend(inner);
                    }
                    _ if is_nothing(&binary.right) => open.push(&binary.left),
                    _ if is_nothing(&binary.left) => open.push(&binary.right),
                    _ => {}
                },
                other => self.facts.guards.extend(self.chain(other).filter(|chain| !chain.steps.is_empty())),
            }
        }
    }

    fn compare(&mut self, value: &Expression<'_>, literal: &Expression<'_>) {
        let known = match literal.get_inner_expression() {
            Expression::NumericLiteral(number) => serde_json::Value::from(number.value),
            text => match literal_text(text) {
                Some(text) => serde_json::Value::from(text),
                None => return,
            },
        };
        if let Some(chain) = self.chain(value) {
            self.facts.compares.push(Compare { chain, value: known, range: range(literal.span()) });
        }
    }

    /// Uses of `process`, `global` and the platform's objects, each by its member.
    fn global_member(&mut self, member: &oxc_ast::ast::MemberExpression<'_>) -> bool {
        let Some((span, name)) = member.static_property_info() else { return false };
        let span = range(member.span().merge(span));
        if self.is_global(member.object(), "process") {
            self.facts.globals.push(Global { name: format!("process.{name}"), range: span });
        } else if self.is_global(member.object(), "global") || self.is_global(member.object(), "globalThis") {
            self.facts.globals.push(Global { name: name.to_owned(), range: span });
        } else if let Some(outer) = member.object().get_inner_expression().as_member_expression()
            && self.is_global(outer.object(), "process")
            && outer.static_property_name() == Some("env")
        {
            self.facts.globals.push(Global { name: format!("process.env.{name}"), range: span });
        } else {
            return false;
        }
        true
    }

    /// Visits what a path is made of, without reading its parts as paths of their own.
    fn spine<'a>(&mut self, value: &Expression<'a>) {
        let mut value = value;
        loop {
            value = match value.get_inner_expression() {
                Expression::ChainExpression(chain) => match &chain.expression {
                    oxc_ast::ast::ChainElement::CallExpression(call) => return self.visit_call_expression(call),
                    other => match other.as_member_expression() {
                        Some(member) => member.object(),
                        None => return,
                    },
                },
                Expression::AwaitExpression(inner) => &inner.argument,
                Expression::LogicalExpression(either) => {
                    self.facts.defaulted.extend(self.chain(&either.left));
                    &either.left
                }
                Expression::CallExpression(call) => return self.visit_call_expression(call),
                Expression::Identifier(_) | Expression::ThisExpression(_) => return,
                other => match other.as_member_expression() {
                    Some(member) => member.object(),
                    None => return,
                },
            };
        }
    }

    /// Reads a member expression; false where it is no path.
    fn member(&mut self, value: &Expression<'_>, role: Role) -> bool {
        let Some(chain) = self.chain(value) else { return false };
        if let Some(Step { name: Name::Member(name), .. }) = chain.steps.last() {
            self.mention(name);
        }
        self.facts.reads.push(Read { chain, role });
        self.spine(value);
        true
    }

    fn mention(&mut self, name: &str) {
        if super::callbacks::looks_like_callback(name) {
            self.facts.mentioned.insert(name.to_owned());
        }
    }

    fn host_call(&mut self, call: &CallExpression<'_>) {
        let name = match call.callee.get_inner_expression() {
            Expression::Identifier(id) if self.symbol(id).is_none() => id.name.to_string(),
            callee => {
                let Some(member) = callee.as_member_expression() else { return };
                let Expression::Identifier(id) = member.object().get_inner_expression() else { return };
                let (None, Some(name)) = (self.symbol(id), member.static_property_name()) else { return };
                format!("{}.{name}", id.name)
            }
        };
        if !name.starts_with('$') && name != "generateTargetUrl" {
            return;
        }
        let literal = first_argument(call)
            .and_then(|argument| Some((literal_text(argument)?.to_owned(), range(argument.span()))));
        self.facts.host_calls.push(HostCall { name, literal, range: range(call.callee.span()) });
    }
}

impl<'a> Visit<'a> for Collector<'_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        match self.symbol(it) {
            Some(symbol) => drop(self.facts.bare.insert(symbol)),
            None => self.facts.globals.push(Global { name: it.name.to_string(), range: range(it.span) }),
        }
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        let inner = it.get_inner_expression();
        let role = std::mem::replace(&mut self.role, Role::Value);
        if let Expression::StringLiteral(text) = inner {
            return self.mention(text.value.as_str());
        }
        if inner.is_literal() {
            return;
        }
        let member = match inner {
            Expression::ChainExpression(chain) => chain.expression.as_member_expression(),
            other => other.as_member_expression(),
        };
        if let Some(member) = member
            && (self.global_member(member) || self.member(inner, role))
        {
            return;
        }
        walk::walk_expression(self, it);
    }

    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        if let SimpleAssignmentTarget::AssignmentTargetIdentifier(id) = it {
            if self.symbol(id).is_none() {
                self.facts.excused.insert(id.name.to_string());
            }
            return;
        }
        let Some(member) = it.as_member_expression() else { return };
        if let Some(name) = member.static_property_name()
            && (self.is_global(member.object(), "global") || self.is_global(member.object(), "globalThis"))
        {
            self.facts.excused.insert(name.to_owned());
        }
        let mut steps = Vec::new();
        if let (Some(()), Some(mut chain)) = (self.push_member(member, &mut steps), self.chain(member.object())) {
            chain.steps.extend(steps);
            self.facts.writes.push(chain);
        } else {
            // `payload[name] = …`: anything below may have been written.
            self.facts.writes.extend(self.chain(member.object()));
            walk::walk_simple_assignment_target(self, it);
        }
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        let property = it.left.as_member_expression().and_then(|member| member.static_property_info());
        if let Some((span, _)) = property {
            let at = range(span).start;
            self.facts.values.insert(at, self.def(&it.right));
            if self.exported.contains(&at) && matches!(it.right.get_inner_expression(), Expression::Identifier(_)) {
                return;
            }
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        let at = range(it.key.span()).start;
        if self.exported.contains(&at) {
            self.facts.values.insert(at, self.def(&it.value));
            if matches!(it.value.get_inner_expression(), Expression::Identifier(_)) {
                return;
            }
        }
        walk::walk_object_property(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.host_call(it);
        let callee = self.def(&it.callee);
        let is_spread = |argument: &Argument<'_>| matches!(argument, Argument::SpreadElement(_));
        let args: Vec<Def> = if it.arguments.iter().any(is_spread) {
            it.arguments.iter().map(|_| Def::Unknown).collect()
        } else {
            it.arguments
                .iter()
                .map(|argument| argument.as_expression().map_or(Def::Unknown, |it| self.def(it)))
                .collect()
        };
        // `Object.assign(payload.data, …)` writes.
        if let Some(member) = it.callee.get_inner_expression().as_member_expression()
            && member.static_property_name() == Some("assign")
            && let Some(Def::Chain(target)) = args.first()
        {
            self.facts.writes.push(target.clone());
        }
        match (&callee, it.callee.get_inner_expression()) {
            (Def::Chain(_), Expression::Identifier(_)) => {}
            _ => {
                if is_member(&it.callee) {
                    self.role = Role::Callee;
                }
                self.visit_expression(&it.callee);
            }
        }
        self.facts.calls.push(Call { callee, args });
        self.visit_arguments(&it.arguments);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let Some(init) = &it.init {
            match (&it.id, self.def(init)) {
                (BindingPattern::BindingIdentifier(id), def) => {
                    if is_member(init) && matches!(def, Def::Chain(_)) {
                        self.role = Role::Alias;
                    }
                    self.define(id.symbol_id.get(), def);
                }
                (pattern, Def::Chain(chain)) => self.bind(pattern, Some(chain)),
                (pattern, _) => self.bind(pattern, None),
            }
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        if let ForStatementLeft::VariableDeclaration(declaration) = &it.left {
            let item = self.chain(&it.right).and_then(|chain| chain.step(Name::Item, range(it.right.span())));
            for declarator in &declaration.declarations {
                self.bind(&declarator.id, item.clone());
            }
        }
        walk::walk_for_of_statement(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if let Some(id) = &it.id {
            self.define(id.symbol_id.get(), Def::Function(it.span.start));
        }
        self.params(it.span.start, &it.params);
        walk::walk_function(self, it, flags);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.params(it.span.start, &it.params);
        walk::walk_arrow_function_expression(self, it);
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        if it.operator == LogicalOperator::And {
            self.guard(&it.left);
        } else if is_default(it) {
            self.facts.defaulted.extend(self.chain(&it.left));
        } else {
            self.guard(&it.left);
            self.guard(&it.right);
        }
        walk::walk_logical_expression(self, it);
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.guard(&it.test);
        walk::walk_if_statement(self, it);
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.guard(&it.test);
        walk::walk_conditional_expression(self, it);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        if it.operator.is_equality() {
            self.compare(&it.left, &it.right);
            self.compare(&it.right, &it.left);
            if is_nothing(&it.right) {
                self.guard(&it.left);
            }
        }
        walk::walk_binary_expression(self, it);
    }

    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        for test in it.cases.iter().filter_map(|case| case.test.as_ref()) {
            self.compare(&it.discriminant, test);
        }
        walk::walk_switch_statement(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        match it.operator {
            UnaryOperator::Typeof => {
                self.guard(&it.argument);
                if let Expression::Identifier(id) = it.argument.get_inner_expression()
                    && self.symbol(id).is_none()
                {
                    self.facts.excused.insert(id.name.to_string());
                    return;
                }
                // Members of `process` and of the global object as well: what is asked for need not be there.
                let member = match it.argument.get_inner_expression() {
                    Expression::ChainExpression(chain) => chain.expression.as_member_expression(),
                    other => other.as_member_expression(),
                };
                if let Some(member) = member
                    && self.global_member(member)
                {
                    self.facts.excused.extend(self.facts.globals.pop().map(|global| global.name));
                    return;
                }
            }
            UnaryOperator::Delete => self.facts.writes.extend(self.chain(&it.argument)),
            _ => {}
        }
        walk::walk_unary_expression(self, it);
    }
}

fn is_member(value: &Expression<'_>) -> bool {
    match value.get_inner_expression() {
        Expression::ChainExpression(chain) => chain.expression.as_member_expression().is_some(),
        other => other.as_member_expression().is_some(),
    }
}

/// `a || {}`: the right side only stands in for nothing.
fn is_default(either: &LogicalExpression<'_>) -> bool {
    either.operator != LogicalOperator::And && is_trivial(&either.right)
}

/// A value that nothing can be read from, so that it cannot be what a path was meant to lead to.
fn is_trivial(value: &Expression<'_>) -> bool {
    match value.get_inner_expression() {
        Expression::ObjectExpression(object) => object.properties.is_empty(),
        Expression::ArrayExpression(array) => array.elements.is_empty(),
        Expression::Identifier(id) => id.name == "undefined",
        other => other.is_literal(),
    }
}

fn is_nothing(value: &Expression<'_>) -> bool {
    matches!(value.get_inner_expression(), Expression::NullLiteral(_))
        || value.is_specific_id("undefined")
        || literal_text(value) == Some("undefined")
}

fn first_argument<'x, 'a>(call: &'x CallExpression<'a>) -> Option<&'x Expression<'a>> {
    call.arguments.first().and_then(Argument::as_expression)
}

fn required<'a>(call: &CallExpression<'a>) -> Option<&'a str> {
    if !call.callee.is_specific_id("require") {
        return None;
    }
    literal_text(call.arguments.first()?.as_expression()?)
}
