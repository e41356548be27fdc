use super::*;

#[test]
fn strings_are_led_elsewhere_and_keep_the_rest() {
    let cases = [
        (
            "postgres://ann:s3@db.example/shop",
            "postgres://ann:s3@127.0.0.1:9/shop",
        ),
        (
            "postgresql+asyncpg://ann:a%40b@db:6543/shop?ssl=require&x=1",
            "postgresql+asyncpg://ann:a%40b@127.0.0.1:9/shop?x=1",
        ),
        (
            "jdbc:postgresql://db:6543/shop?user=ann&password=p@ss&sslmode=verify-full&sslrootcert=/x",
            "jdbc:postgresql://127.0.0.1:9/shop?user=ann&password=p@ss&sslmode=disable",
        ),
        (
            "postgres://ann:a/b?c@db/shop?schema=public&channel_binding=require",
            "postgres://ann:a/b?c@127.0.0.1:9/shop?schema=public&channel_binding=disable",
        ),
        (
            "postgres://db:5433/shop?options=a@b",
            "postgres://127.0.0.1:9/shop?options=a@b",
        ),
        (
            "postgres:///shop?host=/run/pg&port=5433",
            "postgres://127.0.0.1:9/shop",
        ),
        (
            "postgres://ann@[::1]:5432/shop",
            "postgres://ann@127.0.0.1:9/shop",
        ),
        (
            "postgres://ann@%2Ftmp%2Fpg/shop",
            "postgres://ann@127.0.0.1:9/shop",
        ),
        (
            "host=db user=ann password='a b' dbname=shop sslmode=require",
            "host=127.0.0.1 port=9 user=ann password='a b' dbname=shop sslmode=disable",
        ),
        (
            "Host=db;Port=5433;Username=ann;Password=x y;Database=shop;SSL Mode=Require",
            "Host=127.0.0.1;Port=9;Username=ann;Password=x y;Database=shop;SSL Mode=disable",
        ),
    ];
    for (text, expected) in cases {
        let string = ConnectionString::parse(text).expect(text);
        assert_eq!(string.led_to("127.0.0.1", 9), expected, "{text}");
        let shown = format!("{string:?} {}", string.shown("127.0.0.1", 9));
        let password = string.password().unwrap_or("\0".to_owned());
        assert!(!shown.contains(&password), "{shown}");
    }
}

#[test]
fn parts_and_addresses_are_read() {
    let check =
        |text: &str, place: &str, user: Option<&str>, password: Option<&str>, database: &str| {
            let string = ConnectionString::parse(text).expect(text);
            assert_eq!(string.place().to_string(), place, "{text}");
            assert_eq!(string.user().as_deref(), user, "{text}");
            assert_eq!(string.password().as_deref(), password, "{text}");
            assert_eq!(string.database().as_deref(), Some(database), "{text}");
            if user.is_some() {
                let address = string.address(None).expect(text);
                assert_eq!(
                    (Some(address.user()), address.database()),
                    (user, database),
                    "{text}"
                );
            }
        };
    check(
        "postgres://ann:a%40b@db:6543/my%20shop?schema=x",
        "db:6543",
        Some("ann"),
        Some("a@b"),
        "my shop",
    );
    check(
        "postgis://ann:it's@db/shop",
        "db:5432",
        Some("ann"),
        Some("it's"),
        "shop",
    );
    check(
        "jdbc:postgresql://db/shop?user=ann&password=p",
        "db:5432",
        Some("ann"),
        Some("p"),
        "shop",
    );
    check(
        "host=/run/pg dbname=shop user=ann",
        "/run/pg:5432",
        Some("ann"),
        None,
        "shop",
    );
    check(
        "Host=db;Database=shop;User Id=ann;Pwd=p",
        "db:5432",
        Some("ann"),
        Some("p"),
        "shop",
    );
    check(
        "postgres://ann:p@db/shop?sslmode=no-verify",
        "db:5432",
        Some("ann"),
        Some("p"),
        "shop",
    );
    check("postgres:///shop", "localhost:5432", None, None, "shop");
}

#[test]
fn what_leads_elsewhere_is_no_string_of_ours() {
    for text in [
        "mysql://ann@db/shop",
        "redis://localhost:6379",
        "https://example.org/postgres://",
        "Server=db;Database=shop;Trusted_Connection=True",
        "postgres://ann@db:port/shop",
        "host='open",
        "/usr/bin:/bin",
        "a=b",
        "",
    ] {
        assert_eq!(ConnectionString::parse(text), None, "{text}");
    }
}

#[test]
fn variables_name_a_server_only_with_host_or_port() {
    let of = |set: &[(&str, &str)]| {
        ConnectionString::of_variables(|name| {
            set.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
    };
    assert_eq!(of(&[("PGUSER", "ann"), ("PGDATABASE", "shop")]), None);
    let string = of(&[("PGHOST", "db"), ("PGUSER", "ann"), ("PGPASSWORD", "p w")]).unwrap();
    assert_eq!(string.shown("h", 1), "postgres://ann@h:1/");
    assert_eq!(string.address(None).unwrap().to_string(), "db:5432/ann");
}

#[test]
fn the_same_server_has_several_names() {
    let place = |text: &str| ConnectionString::parse(text).unwrap().place().clone();
    let local = place("postgres://localhost/a");
    assert!(local.is(&place("postgres://127.0.0.1:5432/b")));
    assert!(!local.is(&place("postgres://localhost:5433/a")));
    assert!(!local.is(&place("postgres://db/a")));
    assert!(place("postgres://DB.example/a").is(&place("postgresql://db.example:5432/b")));
}
