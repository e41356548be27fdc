//! The suites that prediction is judged by: what is in them goes through, each transaction alone.

use std::path::PathBuf;

use dbproof_postgres::{Binaries, EphemeralServer};

use self::application::{Style, call, connect, set_up};
use self::suite::Suite;

#[path = "../../benches/predictions/application.rs"]
mod application;
#[path = "../../benches/predictions/suite.rs"]
mod suite;

/// Calls every instance of every template, as the application does and as brute force does.
async fn check(name: &str, at_least: usize) {
    let suite = Suite::read(name).unwrap();
    let count = suite.templates.len();
    assert!(count >= at_least, "{}: {count}", suite.folder.display());
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref()).unwrap();
    let server = EphemeralServer::start(&binaries).await.unwrap();
    let client = connect(&server.address().url_with_password())
        .await
        .unwrap();
    set_up(&client, &suite).await.unwrap();
    let mut wrong = Vec::new();
    for template in &suite.templates {
        for instance in 0..template.instances.len() {
            let called = call(&client, template, instance, Style::Tests).await;
            client.batch_execute("ROLLBACK; BEGIN").await.unwrap();
            let alone = template.alone(instance).join(";\n");
            let ran = client.batch_execute(&alone).await;
            client.batch_execute("ROLLBACK").await.unwrap();
            wrong.extend(called.err());
            wrong.extend(
                ran.err()
                    .map(|error| format!("{}: {error:?}: {alone}", template.name)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What an application is seen with goes through for good, one after the other.
    for template in &suite.templates {
        for instance in 0..template.seen {
            let called = call(&client, template, instance, Style::Committed).await;
            called.unwrap();
        }
    }
}

#[tokio::test]
async fn every_transaction_of_the_first_suite_goes_through() {
    check("first", 40).await;
}

#[tokio::test]
async fn every_transaction_of_the_second_suite_goes_through() {
    check("second", 40).await;
}
