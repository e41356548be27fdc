//! What reaches users: the version, the manual, the archive of a release and what `cargo binstall` asks for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::project::Shop;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Of a checkout, the commit and its date; a record names the version alone, which is what others compare.
#[test]
fn the_version_names_the_commit_and_a_record_does_not() {
    let shop = Shop::new().with_only_query("-- name: one\nSELECT 1;\n");
    let version = shop.run(&["--version"]).stdout;
    let version = version.trim_end();
    let plain = concat!("dbproof ", env!("CARGO_PKG_VERSION"));
    let git = Command::new("git")
        .current_dir(root())
        .args(["log", "-1", "--abbrev=7", "--date=short", "--format=%h %cd"])
        .output();
    match git.ok().filter(|git| git.status.success()) {
        Some(git) => {
            let commit = text(&git);
            assert_eq!(version, format!("{plain} ({})", commit.trim_end()));
        }
        None => assert_eq!(version, plain),
    }
    let (_, record) = shop.record(&["slow"]);
    assert_eq!(record["tool"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let shop = Shop::new();
    assert_eq!(shop.run(&["man", "--to", "manual"]).code, 0);
    let help = shop.run(&["--help"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").expect(&help);
    let names = commands
        .lines()
        .map_while(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split(' ').next().filter(|name| !name.is_empty()))
        .filter(|name| *name != "help");
    let mut expected: Vec<String> = names.map(|name| format!("dbproof-{name}.1")).collect();
    assert!(expected.len() > 14, "{expected:?}");
    expected.push("dbproof.1".to_owned());
    expected.sort_unstable();
    let mut written: Vec<String> = fs::read_dir(shop.path("manual"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort_unstable();
    assert_eq!(written, expected);
    for name in &written {
        let page = shop.read(&format!("manual/{name}"));
        let title = name.trim_end_matches(".1").to_uppercase();
        let version = env!("CARGO_PKG_VERSION");
        let head = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
        let date = head
            .strip_prefix(&format!(".TH {title} 1 \""))
            .and_then(|rest| {
                rest.strip_suffix(&format!("\" \"dbproof {version}\" \"dbproof manual\""))
            })
            .expect(head);
        assert!(date.len() == 10 || date.is_empty(), "{head}");
        assert!(page.contains(".SH SEE ALSO\n") || page.contains(".SH \"SEE ALSO\"\n"));
        assert_no_complaint(
            "man",
            &["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"],
            &shop.path("manual").join(name),
        );
        assert_no_complaint(
            "mandoc",
            &["-Tlint", "-W", "warning"],
            &shop.path("manual").join(name),
        );
    }
    let page = shop.run(&["man", "watch"]);
    assert_eq!(
        (page.code, page.stdout),
        (0, shop.read("manual/dbproof-watch.1"))
    );
    shop.run(&["man", "wach"])
        .failed_with(2, &["no command `wach`", "watch"]);
    shop.write("file", "");
    shop.run(&["man", "--to", "file"]).failed_with(3, &["file"]);
}

/// What a reader of manuals says of a page, where there is such a program.
#[track_caller]
fn assert_no_complaint(program: &str, arguments: &[&str], page: &Path) {
    let Ok(output) = Command::new(program).args(arguments).arg(page).output() else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = if program == "mandoc" {
        // Sources without git have no date.
        let said = String::from_utf8_lossy(&output.stdout);
        let lines = said.lines().filter(|line| !line.contains("missing date"));
        lines.collect()
    } else {
        said
    };
    assert_eq!(said, "", "{program} {}", page.display());
}

/// The archive is named and laid out as `cargo binstall` is told, and its sum is that of the archive.
#[test]
fn the_archive_of_a_release_is_what_binstall_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let target = "x86_64-unknown-linux-musl";
    let packaged = Command::new(root().join("scripts/package"))
        .args(["--binary", env!("CARGO_BIN_EXE_dbproof"), target])
        .arg(folder.path())
        .output()
        .unwrap();
    text(&packaged);

    let manifest = fs::read_to_string(root().join("crates/dbproof/Cargo.toml")).unwrap();
    let manifest: toml::Value = toml::from_str(&manifest).unwrap();
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let filled = |key: &str| {
        let mut text = binstall[key].as_str().unwrap().to_owned();
        for (name, value) in [
            ("repo", "https://github.com/dbproof/dbproof"),
            ("name", "dbproof"),
            ("bin", "dbproof"),
            ("version", env!("CARGO_PKG_VERSION")),
            ("target", target),
        ] {
            text = text.replace(&format!("{{ {name} }}"), value);
        }
        assert!(!text.contains('{'), "{text}");
        text
    };
    let (release, archive) = {
        let url = filled("pkg-url");
        let (release, archive) = url.rsplit_once('/').unwrap();
        (release.to_owned(), archive.to_owned())
    };
    assert!(release.ends_with(concat!("/releases/download/v", env!("CARGO_PKG_VERSION"))));
    let listed = text(
        &Command::new("tar")
            .arg("-tzf")
            .arg(folder.path().join(&archive))
            .output()
            .unwrap(),
    );
    let files: Vec<&str> = listed.lines().collect();
    assert!(files.contains(&filled("bin-dir").as_str()), "{listed}");
    for file in [
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "man/dbproof.1",
        "man/dbproof-watch.1",
        "completions/dbproof.bash",
        "completions/_dbproof",
        "completions/dbproof.fish",
    ] {
        assert!(
            files
                .iter()
                .any(|listed| listed.ends_with(&format!("/{file}"))),
            "{file}"
        );
    }
    // Checked as a user would, where they have the usual program.
    let sums = Command::new("sha256sum")
        .current_dir(folder.path())
        .args(["--check", &format!("{archive}.sha256")])
        .output();
    if let Ok(sums) = sums {
        assert_eq!(text(&sums), format!("{archive}: OK\n"));
    }
}

/// The workflow that init writes and the example are one file, and name no input that the action has not.
#[test]
fn the_workflow_names_inputs_of_the_action() {
    let workflow = fs::read_to_string(root().join("examples/ci/github.yml")).unwrap();
    let (_, step) = workflow
        .split_once("- uses: dbproof/dbproof@main\n")
        .unwrap();
    let named: Vec<&str> = step
        .lines()
        .skip_while(|line| line.trim() != "with:")
        .skip(1)
        .filter_map(|line| line.trim().split_once(':').map(|(name, _)| name))
        .collect();
    assert!(!named.is_empty());
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let (inputs, _) = action.split_once("\noutputs:").unwrap();
    let (_, inputs) = inputs.split_once("\ninputs:\n").unwrap();
    for name in named {
        assert!(
            inputs.contains(&format!("\n  {name}:\n"))
                || inputs.starts_with(&format!("  {name}:\n")),
            "{name}"
        );
    }
}

/// What the sources of a crate include is in its package, although some of it lies elsewhere in the repository.
#[test]
fn a_package_holds_what_its_build_reads() {
    let mut included = 0;
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let listed = Command::new(env!("CARGO"))
            .current_dir(&folder)
            .args(["package", "--list", "--allow-dirty", "--offline"])
            .output()
            .unwrap();
        let listed = text(&listed);
        let listed: Vec<&str> = listed.lines().collect();
        let holds = |file: &str| {
            let is_there = |name: &&str| *name == file || name.starts_with(&format!("{file}/"));
            listed.iter().any(is_there)
        };
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
            assert!(holds(file), "{file} of {}", folder.display());
        }
        for source in listed
            .iter()
            .filter(|name| Path::new(name).extension().is_some_and(|e| e == "rs"))
        {
            let path = folder.join(source);
            for file in includes(&fs::read_to_string(&path).unwrap(), source) {
                assert!(holds(&file), "{file}, which {} includes", path.display());
                included += 1;
            }
        }
    }
    assert!(included > 50, "{included}");
}

/// The files that a source includes, relative to its crate; those of tests alone are left out.
fn includes(text: &str, source: &str) -> Vec<String> {
    let calls = text.split("include_").skip(1);
    let calls = calls.filter(|call| {
        ["str!(", "bytes!(", "dir!("]
            .iter()
            .any(|c| call.starts_with(c))
    });
    let names = calls.filter_map(|call| {
        let (_, argument) = call.split_once('(')?;
        argument.trim_start().strip_prefix('"')?.split('"').next()
    });
    names
        .map(|name| {
            if let Some(name) = name.strip_prefix("$CARGO_MANIFEST_DIR/") {
                return name.to_owned();
            }
            let mut path: Vec<&str> = source.split('/').collect();
            path.pop();
            for part in name.split('/') {
                if part == ".." {
                    path.pop().expect("within the crate");
                } else {
                    path.push(part);
                }
            }
            path.join("/")
        })
        .filter(|file| !file.starts_with("tests/"))
        .collect()
}
