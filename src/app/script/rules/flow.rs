//! Where the payload goes: which path of which event's payload each name in the files stands for.
//!
//! Names are followed through declarations, destructuring, parameters of functions that are only ever called by name,
//! callbacks of array methods, and the exports of required files. A name that could also be something else is not
//! followed at all.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::schema::{Schemas, Shape};

use super::callbacks::offset;
use super::facts::{Base, Call, Chain, Def, ITEM_TO_CALLBACK, Name, Role};
use super::{File, Wants};

/// How many names may stand for each other in a row.
const DEEPEST: usize = 24;

/// More places than this that one name can come from are as good as unknown.
const MOST_ORIGINS: usize = 32;

/// Calls that are known to leave what they are handed as it is.
const HARMLESS: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "request",
    "send",
    "log",
    "info",
    "warn",
    "error",
    "debug",
    "trace",
    "stringify",
    "push",
    "unshift",
    "concat",
    "includes",
    "indexOf",
    "isEmpty",
    "isEqual",
    "has",
    "keys",
    "values",
    "pick",
    "omit",
    "cloneDeep",
    "clone",
    "resolve",
    "then",
];

/// A function, by its file and where it begins there.
type FunctionId = (usize, u32);

/// What is known of parameters, by function and number; nothing where they can be anything.
type Params = HashMap<(FunctionId, usize), Option<Vec<Origin>>>;

/// A callback, and what its events hand it.
pub(super) struct Handler<'w> {
    /// The events, each with what its payload looks like; none where one of them has no schema.
    pub(super) events: Vec<(&'w str, Shape)>,
}

/// One thing that a name can stand for: a path in the payload of a callback.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// The callback's number.
    pub(super) handler: usize,
    pub(super) path: Vec<Name>,
}

/// What a name stands for.
enum Value {
    Unknown,
    Paths(Vec<Origin>),
    Function(FunctionId),
    /// The exports of a file.
    Module(usize),
}

/// The ways of the payloads through all files.
pub(super) struct Flow<'f, 'w> {
    files: &'f [File],
    pub(super) handlers: Vec<Handler<'w>>,
    /// The callbacks that a function is.
    roots: HashMap<FunctionId, Vec<usize>>,
    /// Functions that may be called by who knows whom.
    escaped: HashSet<FunctionId>,
    calls: HashMap<FunctionId, Vec<(usize, &'f Call)>>,
    /// Functions that an array method calls, and the array.
    on_items: HashMap<FunctionId, (usize, Chain)>,
    params: RefCell<Params>,
}

impl<'f, 'w> Flow<'f, 'w> {
    pub(super) fn new(files: &'f [File], wants: &'w Wants, schemas: &Schemas) -> Self {
        let mut flow = Self {
            files,
            handlers: Vec::new(),
            roots: HashMap::new(),
            escaped: HashSet::new(),
            calls: HashMap::new(),
            on_items: HashMap::new(),
            params: RefCell::default(),
        };
        flow.add_roots(wants, schemas);
        flow.add_calls();
        flow.add_escapes();
        // What was asked for before all calls were known was answered too soon.
        flow.params.borrow_mut().clear();
        flow
    }

    fn add_roots(&mut self, wants: &'w Wants, schemas: &Schemas) {
        let mut by_name: Vec<(&str, Handler<'w>, bool)> = Vec::new();
        for wanted in &wants.callbacks {
            let at = by_name.iter().position(|(name, ..)| *name == wanted.name).unwrap_or_else(|| {
                by_name.push((&wanted.name, Handler { events: Vec::new() }, true));
                by_name.len() - 1
            });
            match schemas.event(&wanted.event).filter(|_| wanted.is_home) {
                Some(event) => {
                    let shape = event.shape(Some(wants.platform)).clone();
                    by_name[at].1.events.push((&wanted.event, shape));
                }
                None => by_name[at].2 = false,
            }
        }
        for (name, mut handler, is_known) in by_name {
            if !is_known || wants.functions.contains(name) {
                handler.events.clear();
            }
            self.add_root(name, handler);
        }
        for name in &wants.functions {
            if !wants.callbacks.iter().any(|wanted| wanted.name == *name) {
                self.add_root(name, Handler { events: Vec::new() });
            }
        }
    }

    fn add_root(&mut self, name: &str, handler: Handler<'w>) {
        let Value::Function(function) = self.export(0, name, 0) else { return };
        self.roots.entry(function).or_default().push(self.handlers.len());
        self.handlers.push(handler);
    }

    fn add_calls(&mut self) {
        for (number, file) in self.files.iter().enumerate() {
            for call in &file.facts.calls {
                if let Value::Function(function) = self.def(number, &call.callee, 0) {
                    self.calls.entry(function).or_default().push((number, call));
                }
                if let (Def::Chain(callee), Some(Def::Function(function))) = (&call.callee, call.args.first())
                    && let Some((last, array)) = callee.steps.split_last()
                    && matches!(&last.name, Name::Member(name) if ITEM_TO_CALLBACK.contains(&name.as_str()))
                {
                    let array = Chain { base: callee.base.clone(), steps: array.to_vec() };
                    self.on_items.insert((number, *function), (number, array));
                }
            }
        }
    }

    fn add_escapes(&mut self) {
        let mut escaped = Vec::new();
        let mut note = |value: Value| match value {
            Value::Function(function) => escaped.push(function),
            Value::Module(module) => {
                let functions = self.files[module].facts.values.values();
                escaped.extend(functions.filter_map(|def| match self.def(module, def, 0) {
                    Value::Function(function) => Some(function),
                    _ => None,
                }));
            }
            Value::Unknown | Value::Paths(_) => {}
        };
        for (number, file) in self.files.iter().enumerate() {
            for symbol in &file.facts.bare {
                note(self.base(number, &Base::Symbol(*symbol), 0));
            }
            for read in file.facts.reads.iter().filter(|read| read.role == Role::Value) {
                note(self.chain(number, &read.chain, 0));
            }
            // `helper.call(this, payload)` and the like.
            for read in file.facts.reads.iter().filter(|read| read.role == Role::Callee) {
                if let Some((_, inner)) = read.chain.steps.split_last()
                    && let Value::Function(function) =
                        self.chain(number, &Chain { base: read.chain.base.clone(), steps: inner.to_vec() }, 0)
                {
                    note(Value::Function(function));
                }
            }
        }
        self.escaped.extend(escaped);
    }

    /// What stands at a chain of a file: the paths it can be, or nothing where that is not known for sure.
    pub(super) fn origins(&self, file: usize, chain: &Chain) -> Vec<Origin> {
        match self.chain(file, chain, 0) {
            Value::Paths(origins) => origins,
            _ => Vec::new(),
        }
    }

    /// Whether a call may change what it is handed.
    pub(super) fn may_change(&self, file: usize, call: &Call) -> bool {
        let Def::Chain(callee) = &call.callee else { return false };
        if let Some(Name::Member(name)) = callee.steps.last().map(|step| &step.name)
            && HARMLESS.contains(&name.as_str())
        {
            return false;
        }
        matches!(self.chain(file, callee, 0), Value::Unknown)
    }

    fn def(&self, file: usize, def: &Def, depth: usize) -> Value {
        match def {
            Def::Chain(chain) => self.chain(file, chain, depth + 1),
            Def::Function(function) => Value::Function((file, *function)),
            Def::Literal | Def::Unknown => Value::Unknown,
        }
    }

    fn chain(&self, file: usize, chain: &Chain, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Unknown;
        }
        let mut value = self.base(file, &chain.base, depth);
        let mut steps = chain.steps.iter();
        if let (Value::Module(module), Some(first)) = (&value, chain.steps.first()) {
            let Name::Member(name) = &first.name else { return Value::Unknown };
            value = self.export(*module, name, depth + 1);
            steps.next();
        }
        match value {
            Value::Paths(mut origins) => {
                let steps: Vec<Name> = steps.map(|step| step.name.clone()).collect();
                origins.iter_mut().for_each(|origin| origin.path.extend_from_slice(&steps));
                Value::Paths(origins)
            }
            value if steps.len() == 0 => value,
            _ => Value::Unknown,
        }
    }

    fn base(&self, file: usize, base: &Base, depth: usize) -> Value {
        match base {
            Base::Symbol(symbol) => match self.files[file].facts.defs.get(symbol) {
                Some(def) if depth <= DEEPEST => self.def(file, def, depth + 1),
                _ => Value::Unknown,
            },
            Base::Param(function, index) => self.param((file, *function), *index, depth),
            Base::Require(specifier) => {
                self.files[file].modules.get(specifier).map_or(Value::Unknown, |module| Value::Module(*module))
            }
            Base::Exports => Value::Module(file),
        }
    }

    /// What a file exports by that name.
    fn export(&self, file: usize, name: &str, depth: usize) -> Value {
        let Some(module) = self.files.get(file).filter(|module| module.is_sound) else { return Value::Unknown };
        let export = module.contents.exports.names.iter().find(|export| export.name == name);
        let def = export.and_then(|export| module.facts.values.get(&offset(&export.place)?));
        match def {
            Some(def) if depth <= DEEPEST => self.def(file, def, depth + 1),
            _ => Value::Unknown,
        }
    }

    /// What a parameter can be: all that any call hands over, where all calls are known.
    fn param(&self, function: FunctionId, index: usize, depth: usize) -> Value {
        let key = (function, index);
        if let Some(known) = self.params.borrow().get(&key) {
            return known.clone().map_or(Value::Unknown, Value::Paths);
        }
        // A function that calls itself meets this answer.
        self.params.borrow_mut().insert(key, None);
        let origins = self.handed(function, index, depth + 1);
        self.params.borrow_mut().insert(key, origins.clone());
        origins.map_or(Value::Unknown, Value::Paths)
    }

    fn handed(&self, function: FunctionId, index: usize, depth: usize) -> Option<Vec<Origin>> {
        if self.escaped.contains(&function) || depth > DEEPEST {
            return None;
        }
        let mut origins = Vec::new();
        if let (Some(handlers), 0) = (self.roots.get(&function), index) {
            origins.extend(handlers.iter().map(|handler| Origin { handler: *handler, path: Vec::new() }));
        }
        if let Some((file, array)) = self.on_items.get(&function) {
            let Value::Paths(mut items) = self.chain(*file, array, depth) else { return None };
            if index > 0 {
                return None;
            }
            items.iter_mut().for_each(|item| item.path.push(Name::Item));
            origins.extend(items);
        }
        for (file, call) in self.calls.get(&function).into_iter().flatten() {
            let Some(arg) = call.args.get(index) else { continue };
            let Value::Paths(found) = self.def(*file, arg, depth) else { return None };
            origins.extend(found);
            if origins.len() > MOST_ORIGINS {
                return None;
            }
        }
        let mut seen = HashSet::new();
        origins.retain(|origin| seen.insert(origin.clone()));
        (!origins.is_empty()).then_some(origins)
    }
}
