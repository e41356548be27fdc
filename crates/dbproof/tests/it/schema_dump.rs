//! `[project] schema`: a dump instead of migrations in SQL.

use crate::project::Shop;
use crate::since::git;

/// What `pg_dump --schema-only` wrote of the shop, its owners and grants included.
const DUMP: &str = include_str!("../structure.sql");

/// The shop with a schema dump instead of its migrations, committed as `start`.
fn checkout() -> Shop {
    let shop = Shop::new();
    std::fs::remove_dir_all(shop.path("migrations")).unwrap();
    let configuration = shop.read("dbproof.toml");
    let with_schema = "[project]\nschema = \"db/structure.sql\"\n";
    shop.write(
        "dbproof.toml",
        &configuration.replacen("[project]\n", with_schema, 1),
    );
    shop.write("db/structure.sql", DUMP);
    git(&shop, &["init", "--quiet"]);
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "--quiet", "--message", "the shop"]);
    git(&shop, &["tag", "start"]);
    shop
}

fn verdict<'a>(record: &'a serde_json::Value, query: &str) -> &'a str {
    let queries = record["scenarios"]["regress"]["queries"]
        .as_array()
        .unwrap();
    let query = queries.iter().find(|q| q["name"] == query).unwrap();
    query["verdict"].as_str().unwrap()
}

#[test]
fn a_dump_is_compared_with_the_one_of_a_revision() {
    let shop = checkout();
    let start = DUMP.find("CREATE INDEX idx_orders_user_created").unwrap();
    let end = start + DUMP[start..].find(';').unwrap() + 1;
    let without = format!("{}{}", &DUMP[..start], &DUMP[end..]);
    shop.write("db/structure.sql", &without);
    let (code, record) = shop.record(&["regress", "--base", "start"]);
    assert_eq!(code, 1, "{record:#}");
    assert_eq!(verdict(&record, "order_history"), "regressed");
    assert_eq!(verdict(&record, "user_lookup"), "unchanged");
    assert!(record["scenarios"]["regress"]["migration"].is_null());

    shop.write("db/structure.sql", DUMP);
    let (code, record) = shop.record(&["regress", "--base", "start"]);
    assert_eq!(code, 4);
    assert_eq!(record["findings"][0]["code"], "no-new-migration");
}

#[test]
fn a_change_is_applied_on_top_of_a_dump() {
    let shop = checkout();
    shop.write("change.sql", "DROP INDEX idx_users_email;\n");
    let (code, record) = shop.record(&["regress", "--migration", "change.sql"]);
    assert_eq!(code, 0, "{record:#}");
    assert_eq!(verdict(&record, "user_lookup"), "changed");
    assert_eq!(verdict(&record, "order_history"), "unchanged");
}

#[test]
fn a_dump_with_rows_is_refused_with_its_line() {
    let shop = checkout();
    let rows = format!("{DUMP}COPY public.users (id) FROM stdin;\n1\n\\.\n");
    shop.write("db/structure.sql", &rows);
    let place = format!("db/structure.sql:{}:1", DUMP.lines().count() + 1);
    shop.run(&["slow"])
        .failed_with(2, &["the dump holds rows", &place, "pg_dump --schema-only"]);
    shop.write("db/structure.sql", "\\connect shop\n");
    shop.run(&["slow"]).failed_with(
        2,
        &["`\\connect` is a command to psql", "db/structure.sql:1:1"],
    );
}
