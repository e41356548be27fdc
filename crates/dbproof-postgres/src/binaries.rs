//! The machine's own PostgreSQL server binaries: [`Binaries`].

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PostgresError;

/// The oldest major version that dbproof works with.
const OLDEST: u32 = 14;

/// A server version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version, such as 15.
    pub major: u32,
    /// The minor version, such as 18.
    pub minor: u32,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.18 (Debian …)` and `17beta1` alike.
    fn parse(text: &str) -> Option<Self> {
        let number = text
            .split_whitespace()
            .find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits = |s: &str| -> Option<u32> {
            let end = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
            s[..end].parse().ok()
        };
        let major = digits(number)?;
        let minor = number
            .split_once('.')
            .and_then(|(_, rest)| digits(rest))
            .unwrap_or(0);
        Some(Version { major, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A folder with `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub folder: PathBuf,
    /// The version of its `postgres`.
    pub version: Version,
}

impl Binaries {
    /// The binaries in `chosen`, or else the newest on this machine.
    pub fn find(chosen: Option<&Path>) -> Result<Self, PostgresError> {
        match chosen {
            Some(folder) => {
                Self::inspect(folder).map_err(|reason| PostgresError::UnusableBinaries {
                    folder: folder.to_owned(),
                    reason,
                })
            }
            None => Self::newest(&candidates()),
        }
    }

    fn newest(folders: &BTreeSet<PathBuf>) -> Result<Self, PostgresError> {
        folders
            .iter()
            .filter_map(|folder| Self::inspect(folder).ok())
            .max_by_key(|binaries| binaries.version)
            .ok_or_else(|| PostgresError::NoBinaries {
                searched: "PATH, pg_config and the usual folders of Debian, Red Hat, Homebrew \
                           and Postgres.app"
                    .to_owned(),
                install: install_command(),
            })
    }

    fn inspect(folder: &Path) -> Result<Self, String> {
        for name in ["initdb", "postgres"] {
            if !folder.join(name).is_file() {
                return Err(format!("{name} is missing"));
            }
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .map_err(|error| format!("postgres cannot be run: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = Version::parse(&text)
            .ok_or_else(|| format!("`postgres --version` says {:?}", text.trim()))?;
        if version.major < OLDEST {
            return Err(format!("version {version} is older than {OLDEST}"));
        }
        // A symbolic link in PATH leads to the folder that holds the server's other programs.
        let folder = std::fs::canonicalize(folder.join("postgres"))
            .ok()
            .and_then(|path| path.parent().map(Path::to_owned))
            .filter(|parent| parent.join("initdb").is_file())
            .unwrap_or_else(|| folder.to_owned());
        Ok(Binaries { folder, version })
    }
}

/// Every folder in which server binaries are usually found.
fn candidates() -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.insert(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ));
    }
    let patterns = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr/lib64/pgsql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/usr/local/lib/postgresql", "", "bin"),
        ("/usr/local", "pgsql", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    for (parent, prefix, below) in patterns {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let matching = entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix));
        folders.extend(matching.map(|e| e.path().join(below)));
    }
    folders
}

/// The one command that installs server binaries on this system.
fn install_command() -> &'static str {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is = |word: &str| {
        release
            .lines()
            .filter(|l| l.starts_with("ID=") || l.starts_with("ID_LIKE="))
            .any(|l| l.contains(word))
    };
    if cfg!(target_os = "macos") {
        "brew install postgresql@17"
    } else if is("debian") || is("ubuntu") {
        "sudo apt-get install -y postgresql"
    } else if is("fedora") || is("rhel") {
        "sudo dnf install -y postgresql-server"
    } else if is("alpine") {
        "sudo apk add postgresql"
    } else if is("arch") {
        "sudo pacman -S postgresql"
    } else if is("suse") {
        "sudo zypper install postgresql-server"
    } else {
        "the `postgresql` server package of your system's package manager"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        let check = |text, expected| {
            assert_eq!(
                Version::parse(text).map(|v| v.to_string()).as_deref(),
                expected
            );
        };
        check(
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
            Some("15.18"),
        );
        check("postgres (PostgreSQL) 17beta1", Some("17.0"));
        check("postgres (PostgreSQL) devel", None);
        check("", None);
    }

    #[test]
    fn a_machine_without_binaries_is_told_what_to_install() {
        let error = Binaries::newest(&BTreeSet::from([PathBuf::from("/nonexistent")])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("install") && text.contains("--pg-bin"),
            "{text}"
        );
    }

    #[test]
    fn a_chosen_folder_without_binaries_is_named() {
        let error = Binaries::find(Some(Path::new("/nonexistent"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent holds no usable PostgreSQL server binaries: initdb is missing"
        );
    }
}
