//! What a file exports, in each form that runs: an object literal assigned to `exports` or `module.exports`, or single
//! members of either; and the legacy list of events, which stands in the same literal.

use std::collections::HashMap;

use oxc_ast::ast::{
    ArrayExpressionElement, AssignmentExpression, AssignmentTarget, BindingPattern, Expression, ObjectExpression,
    ObjectPropertyKind, Program, PropertyKind, Statement,
};
use oxc_span::{GetSpan, Span};

use crate::model::{Code, Finding, Findings, Place};
use crate::text::Source;

use super::place;

/// One exported name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The name.
    pub name: String,
    /// The file, relative to the app's folder.
    pub file: String,
    /// Where the name stands.
    pub place: Place,
    /// How its value is written.
    pub form: Form,
    /// Whether it is an `async` function.
    pub is_async: bool,
    /// How it came to be exported.
    pub via: Via,
}

/// How an exported value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `f: function () {}`
    Function,
    /// `f() {}`
    Method,
    /// `f: () => {}`
    Arrow,
    /// `f: g` or `f`: the name of something declared elsewhere.
    Name,
    /// Anything else; it may still be a function when it runs.
    Value,
}

/// How a name came to be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// `exports = { … }`, the one form that the platform's packer sees.
    Literal,
    /// `exports = { ...other }` or `exports = other`, with an object literal behind the name.
    Indirect,
    /// `module.exports = { … }`
    ModuleExports,
    /// `exports.f = …`
    Member,
    /// `module.exports.f = …`
    ModuleMember,
}

/// One entry of `exports.events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyEvent {
    /// The event.
    pub event: String,
    /// The callback's name.
    pub callback: String,
    /// Where the event's name stands.
    pub place: Place,
}

/// What one file exports.
#[derive(Debug, Default)]
pub(super) struct Exports {
    pub(super) names: Vec<Export>,
    pub(super) legacy_events: Vec<LegacyEvent>,
    /// Faults in the list of events.
    pub(super) faults: Findings,
    /// Whether there may be more names, which only show when it runs.
    pub(super) open: bool,
}

/// Object literals that a top-level variable holds.
pub(super) type Literals<'b, 'a> = HashMap<&'a str, &'b ObjectExpression<'a>>;

/// Finds the object literals that top-level variables are declared with.
pub(super) fn literals<'b, 'a>(program: &'b Program<'a>) -> Literals<'b, 'a> {
    let mut literals = HashMap::new();
    for statement in &program.body {
        let Statement::VariableDeclaration(declaration) = statement else { continue };
        for declarator in &declaration.declarations {
            let BindingPattern::BindingIdentifier(id) = &declarator.id else { continue };
            let init = declarator.init.as_ref().map(Expression::get_inner_expression);
            if let Some(Expression::ObjectExpression(object)) = init {
                literals.insert(id.name.as_str(), &**object);
            }
        }
    }
    literals
}

/// Reads exports of one file.
pub(super) struct Reader<'r, 'b, 'a> {
    pub(super) file: &'r str,
    pub(super) source: &'r Source,
    pub(super) literals: Literals<'b, 'a>,
    pub(super) found: Exports,
}

impl Reader<'_, '_, '_> {
    /// An assignment; `at_top` where it is not inside a function.
    pub(super) fn assignment(&mut self, it: &AssignmentExpression<'_>, at_top: bool) {
        let Some(target) = target(&it.left) else { return };
        if !at_top {
            self.found.open = true;
            return;
        }
        match target {
            Target::Whole(via) => self.whole(&it.right, via),
            Target::Member(name, span, via) => self.name(name, span, &it.right, false, via),
            Target::Computed => self.found.open = true,
        }
    }

    /// `var exports = …` at the top: the wrapper round the file makes it the same as an assignment.
    pub(super) fn whole(&mut self, value: &Expression<'_>, via: Via) {
        match value.get_inner_expression() {
            Expression::ObjectExpression(object) => self.object(object, via, 0),
            // `exports = module.exports = …`: the inner one is met by itself, but the outer one is what counts.
            Expression::AssignmentExpression(inner) => self.whole_of_chain(inner, via),
            Expression::Identifier(id) => match self.literals.get(id.name.as_str()).copied() {
                Some(object) => self.object(object, if via == Via::Literal { Via::Indirect } else { via }, 0),
                None => self.found.open = true,
            },
            _ => self.found.open = true,
        }
    }

    fn whole_of_chain(&mut self, mut inner: &AssignmentExpression<'_>, via: Via) {
        while let Expression::AssignmentExpression(next) = inner.right.get_inner_expression() {
            inner = next;
        }
        self.whole(&inner.right, via);
    }

    fn object(&mut self, object: &ObjectExpression<'_>, via: Via, depth: usize) {
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let Some(name) = property.key.static_name() else {
                        self.found.open = true;
                        continue;
                    };
                    if name == "events" && matches!(property.value, Expression::ArrayExpression(_)) {
                        self.legacy(&property.value);
                    } else if property.kind == PropertyKind::Init {
                        self.name(&name, property.key.span(), &property.value, property.method, via);
                    } else {
                        self.add(&name, property.key.span(), Form::Value, false, via);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => self.spread(&spread.argument, via, depth),
            }
        }
    }

    /// `...{ … }`, or `...name` of a literal. `depth` ends `a = { ...b }, b = { ...a }`.
    fn spread(&mut self, value: &Expression<'_>, via: Via, depth: usize) {
        let via = if via == Via::Literal { Via::Indirect } else { via };
        match value.get_inner_expression() {
            Expression::ObjectExpression(object) => self.object(object, via, depth),
            Expression::Identifier(id) if depth < 8 => match self.literals.get(id.name.as_str()).copied() {
                Some(object) => self.object(object, via, depth + 1),
                None => self.found.open = true,
            },
            _ => self.found.open = true,
        }
    }

    fn name(&mut self, name: &str, span: Span, value: &Expression<'_>, method: bool, via: Via) {
        let (form, is_async) = match value.get_inner_expression() {
            Expression::FunctionExpression(function) if method => (Form::Method, function.r#async),
            Expression::FunctionExpression(function) => (Form::Function, function.r#async),
            Expression::ArrowFunctionExpression(arrow) => (Form::Arrow, arrow.r#async),
            Expression::Identifier(_) => (Form::Name, false),
            _ => (Form::Value, false),
        };
        self.add(name, span, form, is_async, via);
    }

    /// Adds a name; a later export of the same name is the one that counts.
    fn add(&mut self, name: &str, span: Span, form: Form, is_async: bool, via: Via) {
        let place = place(self.source, range(span));
        if let Some(earlier) = self.found.names.iter().position(|export| export.name == name) {
            if self.found.names[earlier].place == place {
                return;
            }
            self.found.names.remove(earlier);
        }
        let (name, file) = (name.to_owned(), self.file.to_owned());
        self.found.names.push(Export { name, file, place, form, is_async, via });
    }

    /// `events: [{ event: "…", callback: "…" }, …]`
    fn legacy(&mut self, list: &Expression<'_>) {
        let Expression::ArrayExpression(list) = list else { return };
        for item in &list.elements {
            let entry = item.as_expression().map(Expression::get_inner_expression);
            match entry {
                Some(Expression::ObjectExpression(entry)) => self.legacy_entry(entry),
                _ if matches!(item, ArrayExpressionElement::Elision(_)) => {}
                _ => self.fault(item.span(), "an entry of `exports.events` that is no object literal"),
            }
        }
    }

    fn legacy_entry(&mut self, entry: &ObjectExpression<'_>) {
        let (mut event, mut callback) = (None, None);
        for property in &entry.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else { continue };
            let text = literal_text(&property.value);
            let span = property.value.span();
            match property.key.static_name().as_deref() {
                Some("event") => event = text.map(|text| (text.to_owned(), span)),
                Some("callback") => {
                    callback = match &property.value {
                        Expression::Identifier(id) => Some(id.name.to_string()),
                        _ => text.map(str::to_owned),
                    }
                }
                _ => {}
            }
        }
        let (Some((event, span)), Some(callback)) = (event, callback) else {
            return self.fault(entry.span, "an entry of `exports.events` needs `event` and `callback`, both names");
        };
        let place = place(self.source, range(span));
        if !self.found.legacy_events.iter().any(|known| known.place == place) {
            self.found.legacy_events.push(LegacyEvent { event, callback, place });
        }
    }

    fn fault(&mut self, span: Span, what: &str) {
        let finding = Finding::new(Code::WrongShape, what)
            .at(place(self.source, range(span)))
            .hint(r#"write `{ event: "onUserUpdate", callback: "onUserUpdateCallback" }`"#);
        if !self.found.faults.contains(&finding) {
            self.found.faults.push(finding);
        }
    }
}

/// The text of a string literal, or of a template without substitutions.
pub(super) fn literal_text<'a>(value: &Expression<'a>) -> Option<&'a str> {
    match value.get_inner_expression() {
        Expression::StringLiteral(text) => Some(text.value.as_str()),
        Expression::TemplateLiteral(text) if text.expressions.is_empty() => {
            text.quasis.first()?.value.cooked.map(|text| text.as_str())
        }
        _ => None,
    }
}

/// The bytes of a span.
pub(super) const fn range(span: Span) -> std::ops::Range<usize> {
    span.start as usize..span.end as usize
}

/// What an assignment exports.
enum Target<'a> {
    Whole(Via),
    Member(&'a str, Span, Via),
    Computed,
}

fn target<'a>(left: &AssignmentTarget<'a>) -> Option<Target<'a>> {
    if let AssignmentTarget::AssignmentTargetIdentifier(id) = left {
        return (id.name == "exports").then_some(Target::Whole(Via::Literal));
    }
    let member = left.as_member_expression()?;
    let via = if member.object().is_specific_id("exports") {
        Via::Member
    } else if is_module_exports(member.object()) {
        Via::ModuleMember
    } else if member.object().is_specific_id("module") && member.static_property_name() == Some("exports") {
        return Some(Target::Whole(Via::ModuleExports));
    } else {
        return None;
    };
    Some(match member.static_property_info() {
        Some((span, name)) => Target::Member(name, span, via),
        None => Target::Computed,
    })
}

fn is_module_exports(value: &Expression<'_>) -> bool {
    value.get_inner_expression().as_member_expression().is_some_and(|member| {
        member.object().is_specific_id("module") && member.static_property_name() == Some("exports")
    })
}
