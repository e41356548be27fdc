//! What is in a project's folder: [`Found`].

use std::fs;
use std::path::{Path, PathBuf};

use dbproof_analysis::sql;

use crate::error::RunError;

/// Folders that hold others' files, or what a build makes.
const PASSED_OVER: &[&str] = &[
    "node_modules",
    "target",
    "vendor",
    "venv",
    "dist",
    "build",
    "__pycache__",
    "tmp",
];

/// How deep migrations are looked for: `src/main/resources/db/migration` is five.
const DEEPEST: usize = 6;

/// What was found in a project's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The folder of migrations in plain SQL, relative to the project's, and whose layout it is.
    pub(super) migrations: Option<(PathBuf, &'static str)>,
    /// A schema dump.
    pub(super) schema: Option<PathBuf>,
    /// Migrations that are no SQL, by the tool that runs them.
    pub(super) other_migrations: Option<&'static str>,
    /// A folder of `.sql` files with `-- name:` headers.
    pub(super) queries: Option<PathBuf>,
    /// Whether there are specifications of rows already.
    pub(super) has_data: bool,
    /// The command of the project's tests.
    pub(super) tests: Option<&'static str>,
    /// Where its builds run.
    pub(super) provider: Option<Provider>,
    /// A Compose file with a PostgreSQL in it.
    pub(super) compose: Option<PathBuf>,
    /// The file that sets `DATABASE_URL`.
    pub(super) url_in: Option<PathBuf>,
}

/// Where builds run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    GitHub,
    GitLab,
}

impl Found {
    /// What was found, a sentence each. Never a value out of a file.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if let Some((folder, tool)) = &self.migrations {
            told.push(format!("migrations in {}/ ({tool})", folder.display()));
        }
        if let Some(schema) = &self.schema {
            told.push(format!("the schema in {}", schema.display()));
        }
        if let Some(tool) = self.other_migrations {
            told.push(format!("migrations of {tool}, which are no SQL"));
        }
        if let Some(queries) = &self.queries {
            told.push(format!("named queries in {}/", queries.display()));
        }
        if let Some(tests) = self.tests {
            told.push(format!("tests, run by `{tests}`"));
        }
        if let Some(compose) = &self.compose {
            told.push(format!("PostgreSQL in {}", compose.display()));
        }
        if let Some(file) = &self.url_in {
            told.push(format!("DATABASE_URL in {}", file.display()));
        }
        match self.provider {
            Some(Provider::GitHub) => told.push("builds on GitHub".to_owned()),
            Some(Provider::GitLab) => told.push("builds on GitLab".to_owned()),
            None => {}
        }
        told
    }
}

/// Looks at a project's folder. Nothing is run and nothing is written.
pub(super) fn at(folder: &Path) -> Result<Found, RunError> {
    let entries = fs::read_dir(folder);
    entries.map_err(|source| RunError::File {
        action: format!("read the folder {}", folder.display()),
        source,
    })?;
    let mut found = Found {
        has_data: !files_of(&folder.join("data"), "toml").is_empty(),
        tests: tests(folder),
        provider: provider(folder),
        compose: compose(folder),
        url_in: url_in(folder),
        ..Found::default()
    };
    let dumps = [
        "db/structure.sql",
        "schema.sql",
        "db/schema.sql",
        "sql/schema.sql",
    ];
    for below in folders(folder, DEEPEST) {
        let inside = below.strip_prefix(folder).unwrap_or(&below).to_owned();
        if found.migrations.is_none()
            && let Some(tool) = layout(folder, &below)
        {
            found.migrations = Some((inside, tool));
        } else if found.queries.is_none() && has_named_queries(&below) {
            found.queries = Some(inside);
        }
    }
    if found.migrations.is_none() {
        let dump = dumps.iter().map(Path::new);
        found.schema = dump
            .map(Path::to_owned)
            .find(|dump| folder.join(dump).is_file());
        found.other_migrations = other_migrations(folder);
    }
    Ok(found)
}

/// The folders below one, those near the top first, each level in the order of names.
fn folders(top: &Path, deepest: usize) -> Vec<PathBuf> {
    let mut all = vec![top.to_owned()];
    let mut level = vec![top.to_owned()];
    for _ in 0..deepest {
        let mut next = Vec::new();
        for folder in level {
            let below = fs::read_dir(&folder).into_iter().flatten().flatten();
            // A link could lead in a circle.
            let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            next.extend(below.map(|entry| entry.path()).filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                !name.starts_with('.') && !PASSED_OVER.contains(&&*name)
            }));
        }
        next.sort();
        all.extend(next.iter().cloned());
        level = next;
    }
    all
}

/// Whose layout the migrations in a folder have, if there are any.
fn layout(project: &Path, folder: &Path) -> Option<&'static str> {
    let names = names(folder);
    let sql = files_of(folder, "sql");
    let is_prisma = |name: &String| folder.join(name).join("migration.sql").is_file();
    if names.iter().any(is_prisma) {
        return Some("Prisma");
    }
    if sql
        .iter()
        .any(|name| name.starts_with('V') && name.contains("__"))
    {
        let is_refinery = mentions(&project.join("Cargo.toml"), "refinery");
        return Some(if is_refinery { "refinery" } else { "Flyway" });
    }
    let is_numbered = |name: &String| {
        let digits = name.chars().take_while(char::is_ascii_digit).count();
        digits > 0 && name[digits..].starts_with(['_', '-', '.'])
    };
    if !sql.iter().any(is_numbered) {
        return None;
    }
    let uses_sqlx = mentions(&project.join("Cargo.toml"), "sqlx");
    let is_dbmate = |name: &&String| mentions(&folder.join(name), "migrate:up");
    Some(if sql.iter().any(|name| name.ends_with(".up.sql")) {
        if uses_sqlx { "sqlx" } else { "golang-migrate" }
    } else if sql.iter().find(is_dbmate).is_some() {
        "dbmate"
    } else if uses_sqlx {
        "sqlx"
    } else {
        "plain SQL"
    })
}

/// Migrations that only their tool can run.
fn other_migrations(folder: &Path) -> Option<&'static str> {
    let is = |file: &str| folder.join(file).exists();
    if is("manage.py") {
        Some("Django")
    } else if is("alembic.ini") {
        Some("Alembic")
    } else if is("db/migrate") {
        Some("Rails")
    } else if is("knexfile.js") || is("knexfile.ts") {
        Some("Knex")
    } else {
        None
    }
}

/// The command of the project's tests, by what its tools leave in the folder.
fn tests(folder: &Path) -> Option<&'static str> {
    let is = |file: &str| folder.join(file).exists();
    let says = |file: &str, text: &str| mentions(&folder.join(file), text);
    if is("pytest.ini") || says("pyproject.toml", "pytest") || says("setup.cfg", "pytest") {
        Some("pytest")
    } else if is("manage.py") {
        Some("python manage.py test")
    } else if is(".rspec") {
        Some("bundle exec rspec")
    } else if is("bin/rails") {
        Some("bin/rails test")
    } else if says("package.json", "\"test\":") {
        Some("npm test")
    } else if is("mvnw") {
        Some("./mvnw test")
    } else if is("gradlew") {
        Some("./gradlew test")
    } else if is("go.mod") {
        Some("go test ./...")
    } else if is("Cargo.toml") {
        Some("cargo test")
    } else {
        None
    }
}

fn provider(folder: &Path) -> Option<Provider> {
    let is = |file: &str| folder.join(file).exists();
    let remote = |host: &str| mentions(&folder.join(".git/config"), host);
    if is(".gitlab-ci.yml") || !is(".github/workflows") && remote("gitlab") {
        Some(Provider::GitLab)
    } else if is(".github") || remote("github.com") {
        Some(Provider::GitHub)
    } else {
        None
    }
}

fn compose(folder: &Path) -> Option<PathBuf> {
    let names = ["compose", "docker-compose"];
    let files = names
        .iter()
        .flat_map(|name| [format!("{name}.yaml"), format!("{name}.yml")]);
    let images = [
        "image: postgres",
        "image: \"postgres",
        "image: 'postgres",
        "postgis/postgis",
    ];
    files.map(PathBuf::from).find(|file| {
        images
            .iter()
            .any(|image| mentions(&folder.join(file), image))
    })
}

fn url_in(folder: &Path) -> Option<PathBuf> {
    let files = [".env", ".env.local", ".env.development", ".env.test"].map(PathBuf::from);
    files.into_iter().find(|file| {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        text.lines().any(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line);
            line.starts_with("DATABASE_URL=")
        })
    })
}

/// Whether a folder holds query files as dbproof reads them.
fn has_named_queries(folder: &Path) -> bool {
    let files = files_of(folder, "sql").into_iter();
    let mut texts = files.filter_map(|name| {
        let text = fs::read_to_string(folder.join(&name)).ok()?;
        text.contains("-- name:").then_some((name, text))
    });
    texts.any(|(name, text)| sql::parse_query_file(&name, &text).is_ok_and(|q| !q.is_empty()))
}

/// The names of a folder's files with this extension.
fn files_of(folder: &Path, extension: &str) -> Vec<String> {
    let mut files = names(folder);
    files.retain(|name| Path::new(name).extension().is_some_and(|e| e == extension));
    files
}

/// The names in a folder, in order; none where it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn mentions(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|content| content.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Found {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        at(folder.path()).unwrap()
    }

    fn migrations(files: &[(&str, &str)]) -> Option<(String, &'static str)> {
        let found = project(files).migrations;
        found.map(|(folder, tool)| (folder.display().to_string(), tool))
    }

    #[test]
    fn the_layouts_of_migrations_are_told_apart() {
        let sqlx = ("Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n");
        for (files, expected) in [
            (
                &[("migrations/1_a.sql", ""), sqlx][..],
                ("migrations", "sqlx"),
            ),
            (&[("m/0001_a.up.sql", "")][..], ("m", "golang-migrate")),
            (
                &[("src/main/resources/db/migration/V1__a.sql", "")][..],
                ("src/main/resources/db/migration", "Flyway"),
            ),
            (
                &[("prisma/migrations/2024_a/migration.sql", "")][..],
                ("prisma/migrations", "Prisma"),
            ),
            (
                &[("db/migrations/2024_a.sql", "-- migrate:up\n")][..],
                ("db/migrations", "dbmate"),
            ),
            (
                &[("migrations/001_a.sql", "")][..],
                ("migrations", "plain SQL"),
            ),
        ] {
            let (folder, tool) = migrations(files).expect(expected.0);
            assert_eq!((folder.as_str(), tool), expected);
        }
    }

    #[test]
    fn what_is_no_migration_is_passed_over() {
        assert_eq!(
            migrations(&[("queries/a.sql", ""), ("README.md", "")]),
            None
        );
        assert_eq!(
            migrations(&[("node_modules/x/migrations/1_a.sql", "")]),
            None
        );
        assert_eq!(migrations(&[(".git/migrations/1_a.sql", "")]), None);
    }

    #[test]
    fn tests_builds_and_servers_are_found_by_their_files() {
        let found = project(&[
            ("manage.py", ""),
            (".gitlab-ci.yml", ""),
            ("compose.yaml", "services:\n  db:\n    image: postgres:16\n"),
            (
                ".env",
                "# x\nexport DATABASE_URL=postgres://me:secret@db/app\n",
            ),
        ]);
        assert_eq!(found.tests, Some("python manage.py test"));
        assert_eq!(found.other_migrations, Some("Django"));
        assert_eq!(found.provider, Some(Provider::GitLab));
        assert_eq!(found.compose.as_deref(), Some(Path::new("compose.yaml")));
        assert_eq!(found.url_in.as_deref(), Some(Path::new(".env")));
        assert!(!found.told().concat().contains("secret"));
        let found = project(&[
            ("compose.yaml", "image: mysql"),
            (".env", "#DATABASE_URL=x"),
        ]);
        assert_eq!(
            (found.compose, found.url_in, found.tests),
            (None, None, None)
        );
    }

    #[test]
    fn named_queries_are_found_and_other_sql_is_not() {
        let named = "-- name: one\nSELECT 1;\n";
        let found = project(&[("sql/a.sql", named), ("other/b.sql", "SELECT 1;")]);
        assert_eq!(found.queries.as_deref(), Some(Path::new("sql")));
        assert_eq!(project(&[("other/b.sql", "SELECT 1;")]).queries, None);
    }
}
