//! Rows: in which mode, and told by which key.

use super::Scene;

#[tokio::test]
async fn each_locking_clause_and_each_kind_of_write_has_its_mode() {
    let mut scene = Scene::new().await;
    for (clause, mode) in [
        ("FOR KEY SHARE", "KeyShare"),
        ("FOR SHARE", "Share"),
        ("FOR NO KEY UPDATE", "NoKeyUpdate"),
        ("FOR UPDATE", "Update"),
    ] {
        let sql = format!("SELECT id FROM users WHERE id = 2 {clause}");
        let expected = format!("users RowShare, users[2] {mode}");
        scene.check(&[&sql], &[&expected]).await;
    }
    scene
        .check(
            &[
                "UPDATE users SET n = 5 WHERE id = 1",
                "UPDATE users SET email = 'other' WHERE id = 2",
                "UPDATE users SET id = 33 WHERE id = 9",
            ],
            &[
                "users RowExclusive, users[1] NoKeyUpdate, users_email_key=u1Old, users_pkey=1Old",
                // Its foreign keys refer to `id`, but any unique column counts as a key.
                "(users[2] Update, users_email_key=other, users_email_key=u2Old, users_pkey=2Old)",
                "!23503",
            ],
        )
        .await;
}
