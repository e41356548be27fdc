//! A copy of the database that the application works on, as it was in the end: [`copy`].

use dbproof_postgres::{Address, Databases, PostgresError, Session, connect};

use super::refused::{EXTENSIONS, functions_expression};

/// Larger databases are not copied, in bytes.
const MOST_BYTES: i64 = 1 << 30;

/// Copies a database and takes out of the copy what leads out of it: extensions that reach other servers
/// or files, and functions that call what is never run again. What was taken out is told.
///
/// # Errors
///
/// Why there is no copy, for the reader.
pub(super) async fn copy(
    databases: &Databases,
    source: &Address,
    name: &str,
) -> Result<(Address, Vec<String>), String> {
    let told = |error: PostgresError| reason(&error);
    let session = connect(source).await.map_err(told)?;
    let size = session
        .text("SELECT pg_database_size(current_database())")
        .await;
    session.close().await;
    let size = size.map_err(told)?;
    let size = size.and_then(|size| size.parse().ok()).unwrap_or(0_i64);
    if size > MOST_BYTES {
        return Err(format!(
            "it has {} MiB, and no more than {} MiB are copied",
            size >> 20,
            MOST_BYTES >> 20
        ));
    }
    let copy = databases.clone(source, name).await.map_err(told)?;
    let session = connect(&copy).await.map_err(told)?;
    let taken = seal(&session).await;
    session.close().await;
    match taken {
        Ok(taken) => Ok((copy, taken)),
        Err(error) => {
            // A copy that may lead out is used for nothing.
            databases.drop(&copy).await.map_err(told)?;
            Err(reason(&error))
        }
    }
}

fn reason(error: &PostgresError) -> String {
    match error {
        PostgresError::Server(error) if error.sqlstate == "55006" => {
            "somebody is still connected to it, and then it cannot be copied (SQLSTATE 55006)"
                .to_owned()
        }
        error => format!("it cannot be copied: {error}"),
    }
}

async fn seal(session: &Session) -> Result<Vec<String>, PostgresError> {
    let mut taken = Vec::new();
    let list = EXTENSIONS.iter().map(|name| format!("'{name}'"));
    let list = list.collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT quote_ident(extname) FROM pg_extension WHERE extname IN ({list})");
    for name in session.texts(&sql).await? {
        session
            .run(&format!("DROP EXTENSION IF EXISTS {name} CASCADE"))
            .await?;
        taken.push(format!("extension {name}"));
    }
    let servers = "SELECT quote_ident(fdwname) FROM pg_foreign_data_wrapper";
    for name in session.texts(servers).await? {
        session
            .run(&format!(
                "DROP FOREIGN DATA WRAPPER IF EXISTS {name} CASCADE"
            ))
            .await?;
        taken.push(format!("foreign data wrapper {name}"));
    }
    // Functions of extensions that stay come with them, and are no text of the application's.
    let sql = format!(
        "SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         JOIN pg_language l ON l.oid = p.prolang \
         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prokind IN ('f', 'p') \
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass \
               AND d.objid = p.oid AND d.deptype = 'e') \
           AND (l.lanname = 'c' OR p.prosrc ~* '{}' OR p.prosrc ~* '\\mcopy\\M.*\\mprogram\\M')",
        functions_expression()
    );
    for name in session.texts(&sql).await? {
        session
            .run(&format!("DROP ROUTINE IF EXISTS {name} CASCADE"))
            .await?;
        taken.push(format!("function {name}"));
    }
    Ok(taken)
}
