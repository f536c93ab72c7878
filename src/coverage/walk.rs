//! The walk that finds what is to be counted and where its counter goes, by the rules of `istanbul-lib-instrument`: what is
//! a statement, a function and a branch, in which order they are numbered, and which place each has.
//!
//! Counters go where they change nothing else: before a statement, in a block made for a statement that stood alone, at the
//! head of a body behind its directives, and round an expression as `(count,expression)`. A function without a name would
//! lose the name that its place gives it; there it stands in an object from which that name is read.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, AssignmentPattern, AssignmentTarget,
    AssignmentTargetPropertyIdentifier, AssignmentTargetWithDefault, BindingPattern, BlockStatement, BreakStatement,
    Class, ConditionalExpression, ContinueStatement, DebuggerStatement, Directive, DoWhileStatement, Expression,
    ExpressionStatement, ForInStatement, ForOfStatement, ForStatement, FormalParameter, Function, FunctionBody,
    FunctionType, IfStatement, LabeledStatement, LogicalExpression, MethodDefinition, ObjectProperty, Program,
    PropertyDefinition, PropertyKey, PropertyKind, ReturnStatement, Statement, StaticBlock, SwitchCase,
    SwitchStatement, ThrowStatement, TryStatement, VariableDeclaration, VariableDeclarator, WhileStatement,
    WithStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};
use oxc_syntax::scope::ScopeFlags;

use super::comments::{Hint, Hints};
use super::lines::Lines;
use super::map::{BranchKind, FileMap, Loc};
use super::splice::Splices;

pub(super) struct Walk<'l> {
    lines: &'l Lines,
    hints: Hints,
    counter: String,
    map: FileMap,
    splices: Splices,
    /// Where the labels of the statement at hand begin, which its counter must precede.
    label: Option<u32>,
    /// Where the declaration at hand begins, where a counter can stand before it.
    hoist_to: Option<u32>,
    /// Whether the statement at hand stands in a list of statements.
    in_list: bool,
    /// The branch of the `switch` at hand.
    switch: usize,
}

/// An expression as Babel has it: without its parentheses, which are kept as places that a hint may precede.
struct Bare<'e, 'a> {
    inner: &'e Expression<'a>,
    starts: Vec<u32>,
}

fn bare<'e, 'a>(expression: &'e Expression<'a>) -> Bare<'e, 'a> {
    let mut inner = expression;
    let mut starts = vec![inner.span().start];
    while let Expression::ParenthesizedExpression(parenthesized) = inner {
        inner = &parenthesized.expression;
        starts.push(inner.span().start);
    }
    Bare { inner, starts }
}

impl<'l> Walk<'l> {
    pub(super) fn new(lines: &'l Lines, hints: Hints, counter: String) -> Self {
        Self {
            lines,
            hints,
            counter,
            map: FileMap::default(),
            splices: Splices::default(),
            label: None,
            hoist_to: None,
            in_list: false,
            switch: 0,
        }
    }

    pub(super) fn program(&mut self, program: &Program<'_>) {
        self.list(&program.body);
    }

    pub(super) fn into_parts(self) -> (FileMap, Splices) {
        (self.map, self.splices)
    }

    fn loc(&self, span: Span) -> Loc {
        self.lines.loc(span.start, span.end)
    }

    /// `{_$}._$[7]++`, an expression. Read by way of an object, as QuickJS notes a place for each name that is read plainly:
    /// an error that it has no place for would then be told with the counter's.
    fn count(&self, counter: usize) -> String {
        let name = &self.counter;
        format!("{{{name}}}.{name}[{counter}]++")
    }

    /// The same as a statement. One that begins with a keyword cannot go on from the line before, and for an `if` QuickJS
    /// notes no place either.
    fn count_statement(&self, counter: usize) -> String {
        format!("if({}){{}}", self.count(counter))
    }

    /// Whether a hint leaves out what begins here.
    fn skips(&mut self, starts: &[u32]) -> bool {
        !self.hints.is_empty() && self.hints.take(starts) == Some(Hint::Next)
    }

    fn list(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            self.in_list = true;
            self.visit_statement(statement);
        }
    }

    /// A counter before a statement, and before the labels that it bears.
    fn statement(&mut self, span: Span) {
        let counter = self.map.statement(self.loc(span));
        let at = self.label.take().unwrap_or(span.start);
        self.splices.put(at, self.count_statement(counter));
    }

    /// A statement below another that need not be a block; it becomes one, with `counters` at its head.
    fn body(&mut self, body: &Statement<'_>, counters: &str) {
        self.label = None;
        let span = body.span();
        if let Statement::BlockStatement(_) = body {
            self.splices.put(span.start + 1, counters);
            return self.visit_statement(body);
        }
        self.splices.put(span.start, format!("{{{counters}"));
        self.in_list = true;
        self.visit_statement(body);
        self.splices.put(span.end, "}");
    }

    /// An expression with counters before its value. `name` is what its place would call a function that has no name.
    fn wrap(&mut self, expression: &Expression<'_>, counters: &[usize], name: Option<&str>) {
        let inner = bare(expression).inner;
        let counts: Vec<String> = counters.iter().map(|&counter| self.count(counter)).collect();
        let (mut before, mut after) = (format!("({},", counts.join(",")), ")".to_owned());
        if let Some(name) = name.filter(|_| takes_a_name(inner)) {
            let key = serde_json::Value::from(name).to_string();
            let key: String = key.chars().map(escaped).collect();
            before.push_str(&format!("{{[{key}]:"));
            after.insert_str(0, &format!("}}[{key}]"));
        }
        let span = inner.span();
        self.splices.put(span.start, before);
        self.visit_expression(expression);
        self.splices.put(span.end, after);
    }

    /// The same where Istanbul loses the hint before the expression.
    fn wrap_unheard(&mut self, expression: &Expression<'_>, counter: usize, name: Option<&str>) {
        self.hints.take(&bare(expression).starts);
        self.wrap(expression, &[counter], name);
    }

    /// The head of a function's body, behind its directives.
    fn head(&mut self, body: &FunctionBody<'_>, counter: usize) {
        let count = self.count_statement(counter);
        match body.directives.last() {
            Some(Directive { span, .. }) => self.splices.put(span.end, format!(";{count}")),
            None => self.splices.put(body.span.start + 1, count),
        }
    }

    /// A function of that place and name, with a block for a body.
    fn function(&mut self, name: Option<(&str, Span)>, start: u32, function: &Function<'_>) {
        let Some(body) = &function.body else { return };
        let decl = self.declared(name.map(|(_, span)| span), start);
        let counter = self.map.function(name.map(|(name, _)| name), decl, self.loc(body.span));
        self.head(body, counter);
    }

    /// Where a function without a name is declared: at its first character.
    fn declared(&self, name: Option<Span>, start: u32) -> Loc {
        name.map_or_else(
            || {
                let start = self.lines.point(start);
                Loc { start, end: super::map::Point { column: start.column + 1, ..start } }
            },
            |span| self.loc(span),
        )
    }

    /// A default, of a parameter or in a pattern.
    fn default(&mut self, span: Span, value: &Expression<'_>, name: Option<&str>, left: impl FnOnce(&mut Self)) {
        let branch = self.map.branch(BranchKind::DefaultArg, self.loc(span));
        let counter = self.map.path(branch, Some(self.loc(bare(value).inner.span())));
        left(self);
        self.wrap_unheard(value, counter, name);
    }

    /// The operands of a chain of `&&`, `||` and `??`, each with its counter, `None` where a hint leaves it out.
    fn leaves(&mut self, expression: &Expression<'_>, branch: usize, found: &mut Vec<Option<usize>>) {
        let Bare { inner, starts } = bare(expression);
        let skipped = self.hints.peek(&starts) == Some(Hint::Next);
        match inner {
            Expression::LogicalExpression(logical) if !skipped => {
                self.leaves(&logical.left, branch, found);
                self.leaves(&logical.right, branch, found);
            }
            Expression::LogicalExpression(_) => {}
            _ if skipped => found.push(None),
            _ => {
                let loc = self.loc(inner.span());
                found.push(Some(self.map.path(branch, Some(loc))));
            }
        }
    }

    /// Walks a chain whose operands have been found.
    fn chain(&mut self, expression: &Expression<'_>, counters: &mut impl Iterator<Item = Option<usize>>) {
        let Bare { inner, starts } = bare(expression);
        match inner {
            Expression::LogicalExpression(logical) => {
                if !self.skips(&starts) {
                    self.chain(&logical.left, counters);
                    self.chain(&logical.right, counters);
                }
            }
            _ => match counters.next().flatten() {
                Some(counter) => self.wrap(expression, &[counter], None),
                None => self.visit_expression(expression),
            },
        }
    }

    fn way(&mut self, expression: &Expression<'_>, branch: usize) -> Option<usize> {
        let Bare { inner, starts } = bare(expression);
        if self.hints.peek(&starts) == Some(Hint::Next) {
            return None;
        }
        let loc = self.loc(inner.span());
        Some(self.map.path(branch, Some(loc)))
    }

    fn wrap_way(&mut self, expression: &Expression<'_>, counter: Option<usize>) {
        match counter {
            Some(counter) => self.wrap(expression, &[counter], None),
            None => self.visit_expression(expression),
        }
    }

    /// What every loop and `with` share: a counter before it, and its body in a block.
    fn looping(&mut self, span: Span, body: &Statement<'_>, rest: impl FnOnce(&mut Self)) {
        if self.skips(&[span.start]) {
            return;
        }
        self.statement(span);
        rest(self);
        self.body(body, "");
    }

    /// What a simple statement is: a counter, and what it holds.
    fn simple(&mut self, span: Span, rest: impl FnOnce(&mut Self)) {
        if !self.skips(&[span.start]) {
            self.statement(span);
            rest(self);
        }
    }
}

/// Whether an expression is a function or class that takes the name of what it is assigned to.
fn takes_a_name(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::ArrowFunctionExpression(_) => true,
        Expression::FunctionExpression(function) => function.id.is_none(),
        Expression::ClassExpression(class) => class.id.is_none(),
        _ => false,
    }
}

/// A character as ASCII, for a string of JavaScript.
fn escaped(char: char) -> String {
    if char.is_ascii() {
        return char.to_string();
    }
    let mut units = [0; 2];
    char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// What a pattern calls a function that is assigned to it.
fn name_of<'p>(pattern: &'p BindingPattern<'_>) -> Option<&'p str> {
    match pattern {
        BindingPattern::BindingIdentifier(id) => Some(id.name.as_str()),
        _ => None,
    }
}

impl<'a> Visit<'a> for Walk<'_> {
    /// A hint before code that does not heed it is lost, and not for what is further in.
    fn enter_node(&mut self, kind: AstKind<'a>) {
        let is_transparent =
            matches!(kind, AstKind::Program(_) | AstKind::ParenthesizedExpression(_) | AstKind::FormalParameters(_));
        if !is_transparent && !self.hints.is_empty() {
            self.hints.take(&[kind.span().start]);
        }
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        let Expression::ParenthesizedExpression(_) = it else { return walk::walk_expression(self, it) };
        let Bare { inner, starts } = bare(it);
        // Whatever precedes the parentheses precedes what they hold.
        if self.skips(&starts) && heeds(inner) {
            return;
        }
        walk::walk_expression(self, inner);
    }

    fn visit_block_statement(&mut self, it: &BlockStatement<'a>) {
        self.label = None;
        if !self.skips(&[it.span.start]) {
            self.list(&it.body);
        }
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        for statement in &it.body {
            // Not a place that Istanbul hoists to.
            self.in_list = false;
            self.visit_statement(statement);
        }
    }

    fn visit_function_body(&mut self, it: &FunctionBody<'a>) {
        if !self.skips(&[it.span.start]) {
            self.list(&it.statements);
        }
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        self.simple(it.span, |walk| walk.visit_expression(&it.expression));
    }

    fn visit_break_statement(&mut self, it: &BreakStatement<'a>) {
        self.simple(it.span, |_| {});
    }

    fn visit_continue_statement(&mut self, it: &ContinueStatement<'a>) {
        self.simple(it.span, |_| {});
    }

    fn visit_debugger_statement(&mut self, it: &DebuggerStatement) {
        self.simple(it.span, |_| {});
    }

    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        self.simple(it.span, |walk| walk::walk_return_statement(walk, it));
    }

    fn visit_throw_statement(&mut self, it: &ThrowStatement<'a>) {
        self.simple(it.span, |walk| walk::walk_throw_statement(walk, it));
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        self.simple(it.span, |walk| walk::walk_try_statement(walk, it));
    }

    fn visit_with_statement(&mut self, it: &WithStatement<'a>) {
        self.looping(it.span, &it.body, |walk| walk.visit_expression(&it.object));
    }

    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.looping(it.span, &it.body, |walk| walk.visit_expression(&it.test));
    }

    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        let mut visited = false;
        self.looping(it.span, &it.body, |_| visited = true);
        if visited {
            self.visit_expression(&it.test);
        }
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        self.looping(it.span, &it.body, |walk| {
            walk.in_list = false;
            if let Some(init) = &it.init {
                walk.visit_for_statement_init(init);
            }
            it.test.iter().chain(&it.update).for_each(|part| walk.visit_expression(part));
        });
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.looping(it.span, &it.body, |walk| {
            walk.in_list = false;
            walk.visit_for_statement_left(&it.left);
            walk.visit_expression(&it.right);
        });
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.looping(it.span, &it.body, |walk| {
            walk.in_list = false;
            walk.visit_for_statement_left(&it.left);
            walk.visit_expression(&it.right);
        });
    }

    fn visit_labeled_statement(&mut self, it: &LabeledStatement<'a>) {
        if self.skips(&[it.span.start]) {
            self.label = None;
            return;
        }
        let start = self.label.unwrap_or(it.span.start);
        self.statement(it.span);
        let bears_counter = !matches!(
            it.body,
            Statement::BlockStatement(_)
                | Statement::EmptyStatement(_)
                | Statement::FunctionDeclaration(_)
                | Statement::ClassDeclaration(_)
                | Statement::VariableDeclaration(_)
        );
        self.label = bears_counter.then_some(start);
        self.in_list = false;
        self.visit_statement(&it.body);
        self.label = None;
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        let hint = self.hints.take(&[it.span.start]);
        if hint == Some(Hint::Next) {
            self.label = None;
            return;
        }
        self.statement(it.span);
        let branch = self.map.branch(BranchKind::If, self.loc(it.span));
        let then = (hint != Some(Hint::If)).then(|| self.map.path(branch, Some(self.loc(it.span))));
        let place = it.alternate.as_ref().map(|alternate| self.loc(alternate.span()));
        let otherwise = (hint != Some(Hint::Else)).then(|| self.map.path(branch, place));
        self.visit_expression(&it.test);
        match then {
            Some(counter) => self.body(&it.consequent, &self.count_statement(counter)),
            // Not descended into; a block all the same, as an `else` may come after it.
            None => {
                let span = it.consequent.span();
                self.splices.put(span.start, "{");
                self.splices.put(span.end, "}");
            }
        }
        match (&it.alternate, otherwise) {
            (Some(alternate), Some(counter)) => self.body(alternate, &self.count_statement(counter)),
            (None, Some(counter)) => {
                let count = self.count_statement(counter);
                self.splices.put(it.consequent.span().end, format!("else{{{count}}}"));
            }
            (_, None) => {}
        }
    }

    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        if self.skips(&[it.span.start]) {
            self.label = None;
            return;
        }
        let branch = self.map.branch(BranchKind::Switch, self.loc(it.span));
        self.statement(it.span);
        self.visit_expression(&it.discriminant);
        for case in &it.cases {
            self.switch = branch;
            self.visit_switch_case(case);
        }
    }

    fn visit_switch_case(&mut self, it: &SwitchCase<'a>) {
        if self.skips(&[it.span.start]) {
            return;
        }
        let counter = self.map.path(self.switch, Some(self.loc(it.span)));
        let at = it.consequent.first().map_or(it.span.end, |first| first.span().start);
        self.splices.put(at, self.count_statement(counter));
        if let Some(test) = &it.test {
            self.visit_expression(test);
        }
        for statement in &it.consequent {
            // Not a place that Istanbul hoists to.
            self.in_list = false;
            self.visit_statement(statement);
        }
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        let hoist_to = std::mem::take(&mut self.in_list).then_some(it.span.start);
        if self.skips(&[it.span.start]) {
            return;
        }
        for declarator in &it.declarations {
            self.hoist_to = hoist_to;
            self.visit_variable_declarator(declarator);
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        let hoist_to = self.hoist_to.take();
        if self.skips(&[it.span.start]) {
            return;
        }
        let Some(init) = &it.init else { return self.visit_binding_pattern(&it.id) };
        let inner = bare(init).inner;
        let counter = self.map.statement(self.loc(inner.span()));
        self.visit_binding_pattern(&it.id);
        let is_function = matches!(
            inner,
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) | Expression::ClassExpression(_)
        );
        match hoist_to.filter(|_| is_function) {
            Some(at) => {
                self.splices.put(at, self.count_statement(counter));
                self.visit_expression(init);
            }
            None => self.wrap_unheard(init, counter, name_of(&it.id)),
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.label = None;
        if self.skips(&[it.span.start]) {
            return;
        }
        let name = it.id.as_ref().map(|id| (id.name.as_str(), id.span));
        let counted = matches!(it.r#type, FunctionType::FunctionDeclaration | FunctionType::FunctionExpression);
        if counted {
            self.function(name, it.span.start, it);
        }
        walk::walk_function(self, it, flags);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        if self.skips(&[it.span.start]) {
            return;
        }
        let decl = self.declared(None, it.span.start);
        match &it.body {
            ArrowFunctionBody::FunctionBody(body) => {
                let counter = self.map.function(None, decl, self.loc(body.span));
                self.head(body, counter);
                self.visit_formal_parameters(&it.params);
                self.visit_function_body(body);
            }
            body => {
                let Some(value) = body.as_expression() else { return };
                let loc = self.loc(bare(value).inner.span());
                let function = self.map.function(None, decl, loc);
                self.visit_formal_parameters(&it.params);
                let statement = self.map.statement(loc);
                self.wrap(value, &[function, statement], None);
            }
        }
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if !(it.is_declaration() && self.skips(&[it.span.start])) {
            walk::walk_class(self, it);
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        // Istanbul knows of no private methods; it looks into them all the same.
        if matches!(it.key, PropertyKey::PrivateIdentifier(_)) {
            return walk::walk_function(self, &it.value, ScopeFlags::Function);
        }
        if self.skips(&[it.span.start]) {
            return;
        }
        self.function(None, it.span.start, &it.value);
        self.visit_property_key(&it.key);
        walk::walk_function(self, &it.value, ScopeFlags::Function);
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        let method = match &it.value {
            Expression::FunctionExpression(function) if it.method || it.kind != PropertyKind::Init => function,
            // A hint before a plain property is for nobody.
            _ => return walk::walk_object_property(self, it),
        };
        if self.skips(&[it.span.start]) {
            return;
        }
        self.function(None, it.span.start, method);
        self.visit_property_key(&it.key);
        walk::walk_function(self, method, ScopeFlags::Function);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        if self.skips(&[it.span.start]) {
            return;
        }
        let counter = it.value.as_ref().map(|value| self.map.statement(self.loc(bare(value).inner.span())));
        self.visit_property_key(&it.key);
        let (Some(value), Some(counter)) = (&it.value, counter) else { return };
        let name = match &it.key {
            PropertyKey::PrivateIdentifier(id) => Some(format!("#{}", id.name)),
            key => key.static_name().map(|name| name.into_owned()),
        };
        self.wrap_unheard(value, counter, name.as_deref());
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        let Some(value) = &it.initializer else { return walk::walk_formal_parameter(self, it) };
        if !self.skips(&[it.span.start]) {
            let left = |walk: &mut Self| walk.visit_binding_pattern(&it.pattern);
            self.default(it.span, value, name_of(&it.pattern), left);
        }
    }

    fn visit_assignment_pattern(&mut self, it: &AssignmentPattern<'a>) {
        if !self.skips(&[it.span.start]) {
            let left = |walk: &mut Self| walk.visit_binding_pattern(&it.left);
            self.default(it.span, &it.right, name_of(&it.left), left);
        }
    }

    fn visit_assignment_target_with_default(&mut self, it: &AssignmentTargetWithDefault<'a>) {
        let name = match &it.binding {
            AssignmentTarget::AssignmentTargetIdentifier(id) => Some(id.name.as_str()),
            _ => None,
        };
        if !self.skips(&[it.span.start]) {
            self.default(it.span, &it.init, name, |walk| walk.visit_assignment_target(&it.binding));
        }
    }

    fn visit_assignment_target_property_identifier(&mut self, it: &AssignmentTargetPropertyIdentifier<'a>) {
        // What begins here is the property, which heeds no hint.
        self.hints.take(&[it.span.start]);
        if let Some(value) = &it.init {
            self.default(it.span, value, Some(it.binding.name.as_str()), |_| {});
        }
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        if self.skips(&[it.span.start]) {
            return;
        }
        let branch = self.map.branch(BranchKind::CondExpr, self.loc(it.span));
        let then = self.way(&it.consequent, branch);
        let otherwise = self.way(&it.alternate, branch);
        self.visit_expression(&it.test);
        self.wrap_way(&it.consequent, then);
        self.wrap_way(&it.alternate, otherwise);
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        if self.skips(&[it.span.start]) {
            return;
        }
        let branch = self.map.branch(BranchKind::BinaryExpr, self.loc(it.span));
        let mut found = Vec::new();
        self.leaves(&it.left, branch, &mut found);
        self.leaves(&it.right, branch, &mut found);
        let mut counters = found.into_iter();
        self.chain(&it.left, &mut counters);
        self.chain(&it.right, &mut counters);
    }
}

/// Whether Istanbul heeds a hint before an expression of that kind.
fn heeds(expression: &Expression<'_>) -> bool {
    matches!(
        expression,
        Expression::ArrowFunctionExpression(_)
            | Expression::FunctionExpression(_)
            | Expression::ConditionalExpression(_)
            | Expression::LogicalExpression(_)
    )
}
