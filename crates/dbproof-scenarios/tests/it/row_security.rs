//! Policies that do not apply to the role that dbproof connects as.

use dbproof_model::RegressVerdict;

use crate::parameter_sets::regress;

const BASE: &str = "
    CREATE TABLE t (id int PRIMARY KEY, owner int NOT NULL);
    INSERT INTO t SELECT i, i % 100 FROM generate_series(1, 5000) i;
    CREATE FUNCTION allowed(int) RETURNS boolean LANGUAGE plpgsql STABLE
        AS $$ BEGIN RETURN true; END $$;
    CREATE POLICY own ON t USING (owner = 1);";

const QUERY: &str = "-- name: q\nSELECT count(*) FROM t WHERE owner < 10;";

#[tokio::test]
async fn a_policy_that_was_not_executed_leaves_the_query_inconclusive() {
    let enable = "ALTER TABLE t ENABLE ROW LEVEL SECURITY;";
    let (query, findings) = regress(BASE, QUERY, enable, 1).await.unwrap();
    assert_eq!(query.verdict, RegressVerdict::Inconclusive);
    let finding = findings.iter().find(|f| f.code == "row-security-bypassed");
    assert_eq!(finding.unwrap().evidence["relation"], "t");

    let enabled = format!("{BASE} {enable}");
    let alter = "ALTER POLICY own ON t USING (allowed(owner));";
    let (query, _) = regress(&enabled, QUERY, alter, 1).await.unwrap();
    assert_eq!(query.verdict, RegressVerdict::Inconclusive);
}

#[tokio::test]
async fn policies_that_the_change_leaves_alone_are_no_doubt() {
    let enabled = format!("{BASE} ALTER TABLE t ENABLE ROW LEVEL SECURITY;");
    let rename = "ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u;";
    let (query, findings) = regress(&enabled, QUERY, rename, 1).await.unwrap();
    assert_eq!(query.verdict, RegressVerdict::Unchanged, "{findings:?}");
    // As long as row security is not enabled, its policies mean nothing.
    let alter = "ALTER POLICY own ON t USING (allowed(owner));";
    let (query, findings) = regress(BASE, QUERY, alter, 1).await.unwrap();
    assert_eq!(query.verdict, RegressVerdict::Unchanged, "{findings:?}");
}
