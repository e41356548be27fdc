use proptest::prelude::*;

use super::*;

fn check(sql: &str, expected: &str) {
    assert_eq!(template(sql, &[]).shape, expected, "{sql}");
}

#[test]
fn literals_and_parameters_give_one_shape() {
    for sql in [
        "SELECT id FROM orders WHERE user_id = $1 LIMIT $2",
        "select id from orders where user_id=-5 limit 20;",
        "select \"id\"\n from Orders  -- c\n where user_id = 'x' /* y */ limit 1.5",
        "select id from orders where user_id = E'a\\'b' limit $$1$$",
        "select id from orders where user_id = true limit 1",
        "select id from orders where user_id = null limit 1",
    ] {
        check(sql, "select id from orders where user_id = ? limit ?");
    }
}

#[test]
fn lists_have_no_length_but_are_no_equality() {
    for sql in [
        "select 1 from t where id in (1)",
        "select $3 from t where id IN ($1,$2)",
    ] {
        check(sql, "select ? from t where id in (?, ...)");
    }
    check(
        "select a from t where id = any($1)",
        "select a from t where id = any (?)",
    );
    check(
        "select a from t where (a, b) in ((1,2),(3,4))",
        "select a from t where (a, b) in ((?, ?), ...)",
    );
    check(
        "select a from t where id in (1::int, $1::int)",
        "select a from t where id in (?::int, ...)",
    );
    check(
        "select a from t where id in (a, 1)",
        "select a from t where id in (a, ?)",
    );
    check(
        "select a from t where id in (select id from u where x = 1)",
        "select a from t where id in (select id from u where x = ?)",
    );
    check(
        "insert into t (a, b) values (1, now())",
        "insert into t (a, b) values (?, now())",
    );
    check(
        "INSERT INTO t(a,b) VALUES (1,null),(2,$1) RETURNING id",
        "insert into t (a, b) values (?, ?), ... returning id",
    );
}

#[test]
fn what_is_no_value_stays() {
    check(
        "select a, count(*) from t group by 1 order by 2 desc, 1",
        "select a, count(*) from t group by 1 order by 2 desc, 1",
    );
    check(
        "select a::varchar(20), b::numeric(10,2)",
        "select a::varchar(20), b::numeric(10, 2)",
    );
    check(
        "select t.* from \"Order\" t where a is null and b is not true",
        "select t.* from \"Order\" t where a is null and b is not true",
    );
    check(
        "select \"order\", \"name\" from \"user\"",
        "select \"order\", name from \"user\"",
    );
    check("select a-1, a - -1", "select a - ?, a - ?");
    check("select a[1:2]", "select a[?: ?]");
    check("begin", "begin");
}

/// `expected` is one `kind relation.column=value` a slot.
fn check_slots(sql: &str, parameters: &[&str], expected: &[&str]) {
    let parameters: Vec<_> = parameters.iter().map(|p| Some((*p).to_owned())).collect();
    let seen: Vec<String> = template(sql, &parameters)
        .slots
        .into_iter()
        .map(|slot| {
            let column = slot.compared.map_or(String::new(), |c| {
                let name = |r: &RelationName| {
                    r.schema
                        .as_ref()
                        .map_or(r.name.clone(), |s| format!("{s}.{}", r.name))
                };
                let relation = match &c.relation {
                    Some(relation) => name(relation),
                    None => c.candidates.iter().map(name).collect::<Vec<_>>().join("|"),
                };
                format!(" {relation}.{}", c.column)
            });
            format!(
                "{:?}{column}={}",
                slot.kind,
                slot.value.as_deref().unwrap_or("NULL")
            )
        })
        .collect();
    assert_eq!(seen, expected, "{sql}");
}

#[test]
fn values_know_their_columns() {
    check_slots(
        "select * from orders o where o.user_id = $1 limit 5",
        &["7"],
        &["Value orders.user_id=7", "Limit=5"],
    );
    check_slots(
        "select * from shop.orders where 7 = user_id",
        &[],
        &["Value shop.orders.user_id=7"],
    );
    check_slots(
        "select * from a join b on a.id = b.a_id where x = 1 and b.y = 2",
        &[],
        &["Value a|b.x=1", "Value b.y=2"],
    );
    check_slots(
        "select * from t where id in (1, 2)",
        &[],
        &["Element t.id=1", "Element t.id=2"],
    );
    check_slots(
        "select * from t where id = any($1::int[])",
        &["{1,2}"],
        &["Array t.id={1,2}"],
    );
    check_slots(
        "update t set a = $1, b = b + 1 where id = $2",
        &["x", "9"],
        &["Assigned t.a=x", "Assigned=1", "Value t.id=9"],
    );
    check_slots(
        "insert into t (a, b) values ($1, 2), ($3, 4)",
        &["1", "", "3"],
        &[
            "Inserted t.a=1",
            "Inserted t.b=2",
            "Inserted t.a=3",
            "Inserted t.b=4",
        ],
    );
    check_slots(
        "insert into t (a, b) select 1, id from u where c = 2 on conflict (a) do update set b = 3 where c = 4",
        &[],
        &["Value=1", "Value u.c=2", "Assigned t.b=3", "Value t.c=4"],
    );
    check_slots(
        "delete from t using u where t.id = 1 and u.id = 2",
        &[],
        &["Value t.id=1", "Value u.id=2"],
    );
    check_slots(
        "select * from t where created > '2020' and id::text = '5'",
        &[],
        &["Value t.created=2020", "Value t.id=5"],
    );
    check_slots(
        "select (select count(*) from u where u.t_id = t.id and k = 3) from t where id = 4",
        &[],
        &["Value u.k=3", "Value t.id=4"],
    );
    check_slots(
        "with r as (select * from t where a = 1) select * from r where r.b = 2",
        &[],
        &["Value t.a=1", "Value .b=2"],
    );
    check_slots(
        "select extract(year from created) from t where id = 1",
        &[],
        &["Value t.id=1"],
    );
    check_slots(
        "select a from t where x = 1 union select a from u where y = 2",
        &[],
        &["Value t.x=1", "Value u.y=2"],
    );
    check_slots(
        "select * from t offset 5 rows fetch first 3 rows only",
        &[],
        &["Offset=5", "Limit=3"],
    );
}

#[test]
fn values_in_expressions_have_no_column() {
    for sql in [
        "select * from t where a + b = 1",
        "select * from t where lower(a) = 'x'",
        "select * from t where a = 1 + b",
        "select * from t where a <> 1",
        "select * from t where a not in (1)",
    ] {
        let slots = template(sql, &[]).slots;
        assert!(
            slots.iter().all(|s| s.compared.is_none()),
            "{sql}: {slots:?}"
        );
    }
}

#[test]
fn kinds_relations_and_tags() {
    for (sql, kind) in [
        ("select 1", StatementKind::Select),
        ("(select 1) union (select 2)", StatementKind::Select),
        (
            "with a as (delete from t returning id) select * from a",
            StatementKind::Select,
        ),
        (
            "with a as (select 1) insert into t select * from a",
            StatementKind::Insert,
        ),
        ("update t set a = 1", StatementKind::Update),
        ("delete from t", StatementKind::Delete),
        ("begin", StatementKind::Other),
        ("", StatementKind::Other),
    ] {
        assert_eq!(template(sql, &[]).kind, kind, "{sql}");
    }
    let seen = template(
        "select 1 from a, s.b as x left join c on true /*unit='t%201'*/",
        &[],
    );
    let names: Vec<_> = seen.relations.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(seen.tags, [("unit".to_owned(), "t 1".to_owned())]);
}

#[test]
fn elements_of_a_list_share_a_position() {
    let positions = |sql: &str| -> Vec<usize> {
        template(sql, &[])
            .slots
            .iter()
            .map(|slot| slot.position)
            .collect()
    };
    assert_eq!(
        positions("select 1 from t where a in (1, 2, 3) and b = 4"),
        [0, 1, 1, 1, 2]
    );
    assert_eq!(
        positions("insert into t values (1, 2), (3, 4)"),
        [0, 1, 0, 1]
    );
}

proptest! {
    #[test]
    fn never_panics(sql in r"(select |from |in |values |insert into |t |a\.b |= |\(|\)|,|::|\[|\]|'x'|\$1|5|-|with |as |by |any|union |\PC){0,40}") {
        let _ = template(&sql, &[]);
    }
}

#[test]
fn parameters_compared_for_equality_are_told_with_their_columns() {
    let check = |sql: &str, expected: &[(usize, &str, bool)]| {
        let found: Vec<(usize, String, bool)> = equality_parameters(sql)
            .into_iter()
            .map(|p| (p.parameter, p.column.column, p.array))
            .collect();
        let expected: Vec<(usize, String, bool)> = expected
            .iter()
            .map(|(number, column, array)| (*number, (*column).to_owned(), *array))
            .collect();
        assert_eq!(found, expected, "{sql}");
    };
    check(
        "SELECT * FROM orders o WHERE o.user_id = $2 AND status = $1 AND total > $3 LIMIT $4",
        &[(1, "user_id", false), (0, "status", false)],
    );
    check(
        "SELECT * FROM orders WHERE id = ANY($1) AND user_id IN ($2, $3)",
        &[
            (0, "id", true),
            (1, "user_id", false),
            (2, "user_id", false),
        ],
    );
    check(
        "UPDATE orders SET status = $1 WHERE id = $2",
        &[(1, "id", false)],
    );
    check("INSERT INTO orders (user_id) VALUES ($1)", &[]);
    check("SELECT * FROM orders WHERE user_id + 1 = $1", &[]);
}

/// What each value is used for, and the column that it is compared with.
fn uses(sql: &str) -> Vec<String> {
    let parsed = ParsedTemplate::of(sql);
    let one = |slot: &ParsedSlot| {
        let column = slot.compared.as_ref().map(|c| c.column.as_str());
        format!("{:?} {}", slot.kind, column.unwrap_or("-"))
    };
    parsed.slots.iter().map(one).collect()
}

#[test]
fn a_value_in_parentheses_or_cast_is_the_value() {
    for sql in [
        "select 1::int from t where a = ('1'::int8)",
        "select 1::int from t where a = (('1'))",
        "select 1::int from t where a = $1::uuid",
        "select 1::int from t where a = CAST($1 AS numeric(10, 2))",
        "select 1::int from t where a = (CAST('1' AS bigint)::int)",
        "select 1::int from t where $1 = t.a",
        "select 1::int from t where ('1'::int8) = t.a and true",
        "select 1::int from t where (CAST($1 AS bigint) = a)",
    ] {
        assert_eq!(uses(sql)[1..2], ["Value a"], "{sql}");
    }
    for sql in [
        "select 1 from t where a = f('1')",
        "select 1 from t where a = ('1') + 1",
        "select 1 from t where a = 1 + ('1'::int8)",
        "select 1 from t where a = CAST($1 AS bigint) + 1",
        "select 1 from t where coalesce(b, ('1')) = a",
    ] {
        let last = uses(sql).into_iter().nth(1);
        assert_eq!(last.as_deref(), Some("Value -"), "{sql}");
    }
}

#[test]
fn parentheses_do_not_hide_what_else_a_value_is_used_for() {
    assert_eq!(
        uses("update t set a = ('1'::int8), b = CAST($1 AS int) where c = ('2'::int8)"),
        ["Assigned a", "Assigned b", "Value c"]
    );
    assert_eq!(
        uses(
            "insert into t (a, b) values (('1'::int8), ('2')), ('3', CAST('4' AS int)), ('5', '6')"
        ),
        ["a", "b", "a", "b", "a", "b"].map(|c| format!("Inserted {c}"))
    );
    assert_eq!(
        uses("insert into t (a) values ('1'), ('2')"),
        ["Inserted a"; 2]
    );
    assert_eq!(
        uses("select a from t where a = any (('{1,2}'::int8[])) limit ('3'::int8) offset (4)"),
        ["Array a", "Limit -", "Offset -"]
    );
    assert_eq!(
        uses("select a from t where a in (('1'::int8), CAST($1 AS int))"),
        ["Element a"; 2]
    );
}
