//! The CI job of a project, made of the examples that are documented: [`job`].

use std::fs;
use std::path::Path;

use super::look::{Found, Provider};
use super::{CiJobs, Next};

/// A CI job to write, or what is left to the reader.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Job {
    /// The file's name and text.
    pub(super) file: Option<(&'static str, String)>,
    /// What is left to do, a sentence.
    pub(super) note: Option<String>,
}

const RUN: &str = "args: run\n";
const BRANCH: &str = "branches: [main]\n";

/// The job that runs the first of the next commands, where a CI can.
pub(super) fn job(folder: &Path, found: &Found, next: &[Next], jobs: CiJobs) -> Job {
    let Some(provider) = found.provider else {
        return Job::default();
    };
    let runs = next.iter().any(|(command, _)| command == "dbproof run");
    match (provider, found.tests) {
        (Provider::GitHub, tests) if runs || tests.is_some() => {
            let mut text = on_branch(jobs.github, folder);
            let mut job = Job::default();
            if let Some(tests) = tests.filter(|_| !runs) {
                text = text.replace(RUN, &format!("args: watch -- {tests}\n"));
                job.note = Some(format!(
                    "add the steps that `{tests}` needs (a language, its packages) to \
                     .github/workflows/dbproof.yml, before dbproof's"
                ));
            }
            job.file = Some((".github/workflows/dbproof.yml", text));
            job
        }
        (Provider::GitLab, _) if runs => Job {
            file: Some(("dbproof.gitlab-ci.yml", jobs.gitlab.to_owned())),
            note: Some(
                "add `include: dbproof.gitlab-ci.yml` to .gitlab-ci.yml, which is left as it is"
                    .to_owned(),
            ),
        },
        _ => Job {
            file: None,
            note: Some(
                "no CI job is written, since there is no schema here that it could make: run \
                 `dbproof watch -- COMMAND` where your tests run"
                    .to_owned(),
            ),
        },
    }
}

/// The workflow for the branch that pull requests of this repository are held against.
fn on_branch(workflow: &str, folder: &Path) -> String {
    match branch(folder) {
        Some(branch) => workflow.replace(BRANCH, &format!("branches: [{branch}]\n")),
        None => workflow.to_owned(),
    }
}

/// The default branch of the remote, or else `master` where it is the branch that is there. Only what needs no quoting.
fn branch(folder: &Path) -> Option<String> {
    let git = folder.join(".git");
    let head = |name: &str, refs: &str| {
        let text = fs::read_to_string(git.join(name)).ok()?;
        let branch = text.trim().strip_prefix("ref: ")?.strip_prefix(refs)?;
        Some(branch.to_owned())
    };
    let remote = head("refs/remotes/origin/HEAD", "refs/remotes/origin/");
    let branch = remote.or_else(|| head("HEAD", "refs/heads/").filter(|b| b == "master"))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let is_plain = branch.chars().all(is_plain) && branch.starts_with(char::is_alphabetic);
    is_plain.then_some(branch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: CiJobs = CiJobs {
        github: "on: branches: [main]\nargs: run\n",
        gitlab: "dbproof run\n",
    };

    fn check(
        (provider, tests, next): (Provider, Option<&'static str>, &str),
        file: Option<(&'static str, &str)>,
        note: &str,
    ) {
        let found = Found {
            provider: Some(provider),
            tests,
            ..Found::default()
        };
        let next = [(next.to_owned(), String::new())];
        let job = job(Path::new("/nowhere"), &found, &next, JOBS);
        let expected = file.map(|(name, text)| (name, text.to_owned()));
        assert_eq!(job.file, expected);
        assert!(job.note.unwrap_or_default().contains(note), "{note}");
    }

    #[test]
    fn the_job_does_what_a_ci_can_do_in_this_project() {
        let workflow = ".github/workflows/dbproof.yml";
        check(
            (Provider::GitHub, Some("npm test"), "dbproof run"),
            Some((workflow, JOBS.github)),
            "",
        );
        check(
            (Provider::GitHub, Some("pytest"), "dbproof watch -- pytest"),
            Some((workflow, "on: branches: [main]\nargs: watch -- pytest\n")),
            "`pytest` needs",
        );
        check(
            (Provider::GitHub, None, "dbproof watch -- COMMAND"),
            None,
            "no CI job",
        );
        check(
            (Provider::GitLab, None, "dbproof run"),
            Some(("dbproof.gitlab-ci.yml", JOBS.gitlab)),
            "include:",
        );
        check(
            (Provider::GitLab, Some("pytest"), "dbproof watch -- pytest"),
            None,
            "no CI job",
        );
    }

    #[test]
    fn the_branch_is_that_of_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(".git").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(branch(folder.path()), None);
        write("HEAD", "ref: refs/heads/feature\n");
        assert_eq!(branch(folder.path()), None);
        write("HEAD", "ref: refs/heads/master\n");
        assert_eq!(branch(folder.path()).as_deref(), Some("master"));
        write(
            "refs/remotes/origin/HEAD",
            "ref: refs/remotes/origin/trunk\n",
        );
        assert_eq!(branch(folder.path()).as_deref(), Some("trunk"));
        write(
            "refs/remotes/origin/HEAD",
            "ref: refs/remotes/origin/a]: b\n",
        );
        assert_eq!(branch(folder.path()), None);
    }
}
