//! Which relations a column may belong to: [`RelationName`], [`Scopes`].

use super::token::{Token, TokenKind};

/// A relation as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelationName {
    /// Its schema, where the statement says so.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

/// Words that cannot be an alias, because they go on with the statement.
const AFTER_RELATION: &[&str] = &[
    "where",
    "join",
    "left",
    "right",
    "inner",
    "outer",
    "full",
    "cross",
    "natural",
    "on",
    "using",
    "group",
    "order",
    "limit",
    "offset",
    "fetch",
    "set",
    "values",
    "returning",
    "for",
    "window",
    "union",
    "intersect",
    "except",
    "having",
    "default",
    "select",
    "with",
    "when",
    "tablesample",
    "overriding",
];

/// The relations that each part of a statement sees.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    /// The scope of each token.
    of_token: Vec<usize>,
    all: Vec<Scope>,
    /// Names of common table expressions, which are no relations.
    common: Vec<String>,
    /// Every relation that is named, in order, each once.
    pub(crate) relations: Vec<RelationName>,
}

#[derive(Debug, Default, Clone)]
struct Scope {
    parent: Option<usize>,
    /// Aliases, and what they stand for; `None` for a subquery or function.
    sources: Vec<(String, Option<RelationName>)>,
    /// Whether its `FROM` is being read.
    in_from: bool,
    /// Whether it begins with the relation that is inserted into: a `SELECT` after that sees others.
    is_target: bool,
}

/// A parenthesis that is open.
struct Open {
    scope: usize,
    /// Whether it holds a subquery that stands where a relation can stand.
    is_derived: bool,
    /// Whether `FROM` inside of it belongs to a function, as in `extract(year from x)`.
    is_function_syntax: bool,
}

impl Scope {
    fn follow_clause(&mut self, token: &Token<'_>) {
        if token.is_word("from") {
            self.in_from = true;
        } else if [
            "where",
            "group",
            "order",
            "select",
            "set",
            "having",
            "limit",
            "returning",
        ]
        .iter()
        .any(|w| token.is_word(w))
        {
            self.in_from = false;
        }
    }
}

impl Scopes {
    /// Reads the significant tokens of a statement.
    pub(crate) fn of(tokens: &[Token<'_>]) -> Self {
        let mut scopes = Scopes {
            all: vec![Scope::default()],
            ..Scopes::default()
        };
        scopes.common = common_table_expressions(tokens);
        let mut open: Vec<Open> = Vec::new();
        let mut current = 0;
        for at in 0..tokens.len() {
            scopes.of_token.push(current);
            if tokens[at].is_symbol("(") {
                open.push(open_parenthesis(
                    tokens,
                    at,
                    current,
                    scopes.all[current].in_from,
                ));
                if is_query(tokens.get(at + 1)) {
                    current = scopes.below(Some(current));
                }
            } else if tokens[at].is_symbol(")") {
                if let Some(closed) = open.pop() {
                    current = closed.scope;
                    if closed.is_derived {
                        let alias = alias_at(tokens, at + 1);
                        scopes.all[current].sources.push((alias, None));
                    }
                }
            } else if ["union", "intersect", "except"]
                .iter()
                .any(|w| tokens[at].is_word(w))
            {
                current = scopes.below(scopes.all[current].parent);
            } else if !open.last().is_some_and(|o| o.is_function_syntax) {
                if tokens[at].is_word("select") && scopes.all[current].is_target {
                    current = scopes.below(Some(current));
                } else if let Some(target) = scopes.all[current].parent
                    && tokens[at].is_word("conflict")
                    && scopes.all[target].is_target
                {
                    current = target;
                }
                scopes.all[current].follow_clause(&tokens[at]);
                scopes.read_sources(tokens, at, current);
            }
        }
        scopes
    }

    fn below(&mut self, parent: Option<usize>) -> usize {
        self.all.push(Scope {
            parent,
            ..Scope::default()
        });
        self.all.len() - 1
    }

    /// The relation that a qualifier stands for where the token at `at` stands.
    pub(crate) fn qualified(&self, at: usize, qualifier: &str) -> Option<RelationName> {
        self.chain(at)
            .flat_map(|scope| &scope.sources)
            .find(|(alias, _)| alias == qualifier)
            .and_then(|(_, relation)| relation.clone())
    }

    /// The relations that an unqualified column can belong to where the token at `at` stands. None
    /// where a subquery could have it just as well.
    pub(crate) fn candidates(&self, at: usize) -> Vec<RelationName> {
        let nearest = self.chain(at).find(|scope| !scope.sources.is_empty());
        let relations = nearest.and_then(|scope| {
            scope
                .sources
                .iter()
                .map(|(_, relation)| relation.clone())
                .collect::<Option<Vec<_>>>()
        });
        relations.unwrap_or_default()
    }

    fn chain(&self, at: usize) -> impl Iterator<Item = &Scope> {
        let mut next = self.of_token.get(at).copied();
        std::iter::from_fn(move || {
            let scope = &self.all[next?];
            next = scope.parent;
            Some(scope)
        })
    }

    /// Reads the relations after `FROM`, `JOIN`, `USING`, `INTO` and `UPDATE`.
    fn read_sources(&mut self, tokens: &[Token<'_>], at: usize, scope: usize) {
        if !introduces_relations(tokens, at) {
            return;
        }
        let is_list = tokens[at].is_word("from") || tokens[at].is_word("using");
        self.all[scope].is_target |= tokens[at].is_word("into");
        let mut next = at + 1;
        loop {
            while ["only", "lateral"]
                .iter()
                .any(|w| tokens.get(next).is_some_and(|t| t.is_word(w)))
            {
                next += 1;
            }
            if tokens.get(next).is_some_and(|t| t.is_symbol("(")) {
                // The closing parenthesis adds a subquery; relations in parentheses are read at
                // their own JOIN, all but the first.
                if !is_query(tokens.get(next + 1)) {
                    next += 1;
                    continue;
                }
                next = closing(tokens, next) + 1;
            } else {
                match self.read_relation(tokens, next, scope, tokens[at].is_word("into")) {
                    Some(after) => next = after,
                    None => return,
                }
            }
            next = after_alias(tokens, next);
            if !is_list || !tokens.get(next).is_some_and(|t| t.is_symbol(",")) {
                return;
            }
            next += 1;
        }
    }

    /// Reads one relation or function, and says where its name or its arguments end.
    fn read_relation(
        &mut self,
        tokens: &[Token<'_>],
        at: usize,
        scope: usize,
        takes_columns: bool,
    ) -> Option<usize> {
        let (path, mut next) = dotted(tokens, at)?;
        let is_function = !takes_columns && tokens.get(next).is_some_and(|t| t.is_symbol("("));
        if is_function {
            next = closing(tokens, next) + 1;
        }
        let name = path.last()?.clone();
        let schema = path.len().checked_sub(2).map(|schema| path[schema].clone());
        let is_relation = !is_function && (schema.is_some() || !self.common.contains(&name));
        let relation = is_relation.then(|| RelationName {
            schema,
            name: name.clone(),
        });
        if let Some(relation) = &relation
            && !self.relations.contains(relation)
        {
            self.relations.push(relation.clone());
        }
        let alias = alias_at(tokens, next);
        let alias = if alias.is_empty() { name } else { alias };
        self.all[scope].sources.push((alias, relation));
        Some(next)
    }
}

/// Whether a token begins a query in parentheses.
pub(crate) fn is_query(token: Option<&Token<'_>>) -> bool {
    let words = [
        "select", "with", "values", "insert", "update", "delete", "table",
    ];
    token.is_some_and(|t| words.iter().any(|w| t.is_word(w)))
}

/// The parenthesis or bracket that closes the one at `at`, or the last token.
pub(crate) fn closing(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        if token.is_symbol("(") || token.is_symbol("[") {
            depth += 1;
        } else if token.is_symbol(")") || token.is_symbol("]") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return index;
            }
        }
    }
    tokens.len().saturating_sub(1)
}

/// The identifiers of `a.b.c` from `at` on, and where they end.
fn dotted(tokens: &[Token<'_>], at: usize) -> Option<(Vec<String>, usize)> {
    let mut path = vec![tokens.get(at)?.identifier()?];
    let mut next = at + 1;
    while tokens.get(next).is_some_and(|t| t.is_symbol(".")) {
        let Some(part) = tokens.get(next + 1).and_then(Token::identifier) else {
            break;
        };
        path.push(part);
        next += 2;
    }
    Some((path, next))
}

fn introduces_relations(tokens: &[Token<'_>], at: usize) -> bool {
    let token = &tokens[at];
    let previous = |words: &[&str]| {
        at.checked_sub(1)
            .is_some_and(|p| words.iter().any(|w| tokens[p].is_word(w)))
    };
    if token.is_word("from") {
        // `IS DISTINCT FROM x` compares.
        return !previous(&["distinct"]);
    }
    if token.is_word("using") {
        // `JOIN … USING (id)` names columns, `ORDER BY a USING >` an operator.
        let names = |t: &Token<'_>| matches!(t.kind, TokenKind::Word | TokenKind::QuotedIdentifier);
        return tokens.get(at + 1).is_some_and(names);
    }
    if token.is_word("update") {
        return !previous(&["for", "key", "do", "on", "of", "then"]);
    }
    token.is_word("join") || (token.is_word("into") && previous(&["insert", "merge"]))
}

/// The alias at `at`, or nothing.
fn alias_at(tokens: &[Token<'_>], at: usize) -> String {
    let at = at + usize::from(tokens.get(at).is_some_and(|t| t.is_word("as")));
    let alias = tokens
        .get(at)
        .filter(|t| !AFTER_RELATION.iter().any(|w| t.is_word(w)));
    alias.and_then(Token::identifier).unwrap_or_default()
}

fn after_alias(tokens: &[Token<'_>], at: usize) -> usize {
    let mut next = at + usize::from(tokens.get(at).is_some_and(|t| t.is_word("as")));
    if !alias_at(tokens, next).is_empty() {
        next += 1;
    }
    // The column names of `AS t (a, b)`.
    if tokens.get(next).is_some_and(|t| t.is_symbol("(")) {
        next = closing(tokens, next) + 1;
    }
    next
}

fn open_parenthesis(tokens: &[Token<'_>], at: usize, scope: usize, in_from: bool) -> Open {
    let previous = at.checked_sub(1).map(|p| &tokens[p]);
    let follows = |words: &[&str]| previous.is_some_and(|p| words.iter().any(|w| p.is_word(w)));
    let is_query = is_query(tokens.get(at + 1));
    Open {
        scope,
        is_derived: is_query
            && (follows(&["from", "join", "lateral"])
                || (in_from && previous.is_some_and(|p| p.is_symbol(",")))),
        is_function_syntax: !is_query
            && follows(&["extract", "substring", "trim", "overlay", "position"]),
    }
}

/// The names that `WITH name AS (` and `, name (columns) AS (` give.
fn common_table_expressions(tokens: &[Token<'_>]) -> Vec<String> {
    if !tokens.iter().any(|t| t.is_word("with")) {
        return Vec::new();
    }
    let mut names = Vec::new();
    for at in 1..tokens.len() {
        let begins = ["with", "recursive"]
            .iter()
            .any(|w| tokens[at - 1].is_word(w))
            || tokens[at - 1].is_symbol(",");
        let Some(name) = tokens[at].identifier().filter(|_| begins) else {
            continue;
        };
        let mut next = at + 1;
        if tokens.get(next).is_some_and(|t| t.is_symbol("(")) {
            next = closing(tokens, next) + 1;
        }
        if !tokens.get(next).is_some_and(|t| t.is_word("as")) {
            continue;
        }
        next += 1;
        while ["not", "materialized"]
            .iter()
            .any(|w| tokens.get(next).is_some_and(|t| t.is_word(w)))
        {
            next += 1;
        }
        if tokens.get(next).is_some_and(|t| t.is_symbol("(")) && is_query(tokens.get(next + 1)) {
            names.push(name);
        }
    }
    names
}
