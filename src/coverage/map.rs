//! What there is to count in a file: Istanbul's maps, and the counter that belongs to each of their entries.

/// A place as Istanbul writes it: lines from 1, columns from 0, in UTF-16 units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// From a point up to another, which is no longer part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loc {
    /// Where it begins.
    pub start: Point,
    /// Where it has ended.
    pub end: Point,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, or `(anonymous_N)`.
    pub name: String,
    /// What declares it: its name, or its first character where it has none.
    pub decl: Loc,
    /// Its body.
    pub loc: Loc,
}

/// What makes a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchKind {
    /// `if`, which has an `else` even where none is written.
    If,
    /// `? :`
    CondExpr,
    /// `&&`, `||`, `??`
    BinaryExpr,
    /// `switch`
    Switch,
    /// The default of a parameter or of a part of a pattern.
    DefaultArg,
}

impl BranchKind {
    /// As Istanbul calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::CondExpr => "cond-expr",
            Self::BinaryExpr => "binary-expr",
            Self::Switch => "switch",
            Self::DefaultArg => "default-arg",
        }
    }
}

/// A place where the code goes one way or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// What makes it.
    pub kind: BranchKind,
    /// All of it.
    pub loc: Loc,
    /// The ways. An `else` that is not written has no place. None at all where each has a hint that leaves it out: then the
    /// branch is not counted.
    pub paths: Vec<Option<Loc>>,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The statement of that index.
    Statement(usize),
    /// The function of that index.
    Function(usize),
    /// A branch, and which of its ways.
    Path(usize, usize),
}

/// What there is to count in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileMap {
    /// Its statements, and the values that its declarations begin with.
    pub statements: Vec<Loc>,
    /// Its functions.
    pub functions: Vec<Function>,
    /// Its branches.
    pub branches: Vec<Branch>,
    /// What each counter counts.
    pub slots: Vec<Slot>,
}

/// How often each entry of a [`FileMap`] was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Of the statements.
    pub statements: Vec<u64>,
    /// Of the functions.
    pub functions: Vec<u64>,
    /// Of each branch's ways.
    pub branches: Vec<Vec<u64>>,
}

impl FileMap {
    pub(super) fn statement(&mut self, loc: Loc) -> usize {
        self.statements.push(loc);
        self.slot(Slot::Statement(self.statements.len() - 1))
    }

    pub(super) fn function(&mut self, name: Option<&str>, decl: Loc, loc: Loc) -> usize {
        let index = self.functions.len();
        let name = name.map_or_else(|| format!("(anonymous_{index})"), str::to_owned);
        self.functions.push(Function { name, decl, loc });
        self.slot(Slot::Function(index))
    }

    /// A branch that has no ways yet; answers its index.
    pub(super) fn branch(&mut self, kind: BranchKind, loc: Loc) -> usize {
        self.branches.push(Branch { kind, loc, paths: Vec::new() });
        self.branches.len() - 1
    }

    /// One more way of a branch; answers its counter.
    pub(super) fn path(&mut self, branch: usize, loc: Option<Loc>) -> usize {
        let Some(Branch { paths, .. }) = self.branches.get_mut(branch) else { return 0 };
        paths.push(loc);
        let slot = Slot::Path(branch, paths.len() - 1);
        self.slot(slot)
    }

    fn slot(&mut self, slot: Slot) -> usize {
        self.slots.push(slot);
        self.slots.len() - 1
    }

    /// What the counters say of each entry; counters that are missing were never reached.
    pub fn counted(&self, counters: &[u64]) -> Counted {
        let mut counted = Counted {
            statements: vec![0; self.statements.len()],
            functions: vec![0; self.functions.len()],
            branches: self.branches.iter().map(|branch| vec![0; branch.paths.len()]).collect(),
        };
        for (slot, &count) in self.slots.iter().zip(counters) {
            let place = match *slot {
                Slot::Statement(index) => counted.statements.get_mut(index),
                Slot::Function(index) => counted.functions.get_mut(index),
                Slot::Path(branch, path) => counted.branches.get_mut(branch).and_then(|paths| paths.get_mut(path)),
            };
            if let Some(place) = place {
                *place = count;
            }
        }
        counted
    }
}
