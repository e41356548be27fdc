"""Installs what the clients need under target/clients/, and nothing anywhere else."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path


class Missing(Exception):
    """What this machine lacks for a client, so that it cannot be checked here."""


class Installer:
    """Installs each thing once, when the first client asks for it."""

    def __init__(self, root: Path):
        self.root = root
        self.clients = root / "tests/clients"
        self.target = root / "target/clients"
        self.done: dict[str, dict[str, str] | Missing] = {}

    def placeholders(self, needs: str) -> dict[str, str]:
        """Installs what a client needs; returns what stands for `{python}` and the like in its command."""
        if needs not in self.done:
            try:
                self.done[needs] = getattr(self, f"install_{needs}")()
            except Missing as missing:
                self.done[needs] = missing
        found = self.done[needs]
        if isinstance(found, Missing):
            raise found
        return found

    def install_psql(self) -> dict[str, str]:
        return {"psql": program("psql")}

    def install_pgbench(self) -> dict[str, str]:
        return {"pgbench": program("pgbench")}

    def install_python(self) -> dict[str, str]:
        folder = self.target / "python"
        requirements = self.clients / "requirements.txt"
        python = folder / "bin/python"

        def install():
            shutil.rmtree(folder, ignore_errors=True)
            run([sys.executable, "-m", "venv", folder])
            run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                 "--requirement", requirements])

        self.once("python", [requirements], install, python)
        return {"python": str(python)}

    def install_node(self) -> dict[str, str]:
        return self.node_package("node", prisma=True)

    def install_node_shop(self) -> dict[str, str]:
        return self.node_package("node_shop")

    def node_package(self, name: str, prisma: bool = False) -> dict[str, str]:
        """npm ci in a copy of the folder, since node finds packages beside the sources alone."""
        node, npm = program("node"), program("npm")
        folder = self.target / name
        shutil.copytree(self.clients / name, folder, dirs_exist_ok=True)
        sources = [self.clients / name / "package-lock.json", *sorted((self.clients / name).glob("**/*.prisma"))]

        def install():
            # Scripts of packages would download what no registry holds.
            run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder)
            if prisma:
                # Generating takes no engine, yet it is downloaded for it unless one is named.
                run(["env", "PRISMA_SCHEMA_ENGINE_BINARY=/bin/true", "PRISMA_HIDE_UPDATE_MESSAGE=1", node,
                     "node_modules/prisma/build/index.js", "generate"], cwd=folder)

        self.once(name, sources, install, folder / "node_modules")
        return {"node": node, "installed": str(folder)}

    def install_rust(self) -> dict[str, str]:
        folder = self.target / "rust"
        run([program("cargo"), "build", "--locked", "--quiet", "--manifest-path", self.clients / "rust/Cargo.toml",
             "--target-dir", folder])
        return {"rust": str(folder / "debug")}

    def install_jdbc(self) -> dict[str, str]:
        java = program("java")
        folder = self.debian("jdbc", ["libpostgresql-jdbc-java"])
        return {"java": java, "jars": ":".join(str(jar) for jar in sorted(folder.glob("usr/share/java/*.jar")))}

    def install_activerecord(self) -> dict[str, str]:
        folder = self.debian("activerecord", ["ruby", "ruby-activerecord", "ruby-pg"])
        libraries = [
            *folder.glob("usr/lib/ruby/vendor_ruby"),
            *folder.glob("usr/lib/*/ruby/vendor_ruby/*"),
            *folder.glob("usr/lib/ruby/3*"),
            *folder.glob("usr/lib/*/ruby/3*"),
            *folder.glob("usr/share/rubygems-integration/all/gems/*/lib"),
            *folder.glob("usr/share/rubygems-integration/all/gems/*/lib/concurrent-ruby"),
        ]
        [ruby] = folder.glob("usr/bin/ruby?*")
        # Where the packages keep what RubyGems asks about a gem: that it is here, and its version.
        gems = [found.parent for found in folder.glob("usr/**/specifications")]
        return {
            "ruby": str(ruby),
            "libraries": ":".join(map(str, libraries)),
            "gems": ":".join(map(str, gems)),
            "shared": shared_libraries(folder),
        }

    def install_pgx(self) -> dict[str, str]:
        folder = self.debian("pgx", ["golang-go", "golang-github-jackc-pgx-v4-dev", "golang-github-lib-pq-dev"])
        [go] = folder.glob("usr/lib/go-*/bin/go")
        program = folder / "client"
        run(["env", "GO111MODULE=off", "CGO_ENABLED=0", f"GOPATH={folder}/usr/share/gocode", "GOFLAGS=-p=1",
             f"GOROOT={go.parents[1]}", f"GOCACHE={folder}/cache", go, "build", "-o", program,
             self.clients / "pgx/main.go"])
        return {"program": str(program)}

    def install_php_pdo(self) -> dict[str, str]:
        folder = self.debian("php_pdo", ["php-cli", "php-pgsql"])
        [php] = folder.glob("usr/bin/php?.?")
        [extensions] = folder.glob("usr/lib/php/2*")
        return {"php": str(php), "extensions": str(extensions), "shared": shared_libraries(folder)}

    def debian(self, name: str, packages: list[str]) -> Path:
        """Debian's packages, with what they need and this machine lacks, unpacked and not installed."""
        folder = self.target / name
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            raise Missing("its packages are brought by apt-get, which is not here")

        def install():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            needed = lacking(packages)
            run(["apt-get", "download", "-q", *needed], cwd=folder)
            for archive in sorted(folder.glob("*.deb")):
                run(["dpkg", "-x", archive.name, "."], cwd=folder)
                archive.unlink()

        self.once(name, [], install, folder / "usr")
        return folder

    def once(self, name: str, sources: list[Path], install, product: Path) -> None:
        """Installs where the sources have changed since the last time, or the product is gone."""
        stamp = self.target / f"{name}.stamp"
        digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
        if product.exists() and stamp.exists() and stamp.read_text() == digest:
            return
        stamp.unlink(missing_ok=True)
        install()
        stamp.write_text(digest)


def shared_libraries(folder: Path) -> str:
    """Where the libraries of unpacked packages are."""
    return ":".join(str(found) for found in folder.glob("usr/lib/*-linux-gnu*"))


def lacking(packages: list[str]) -> list[str]:
    """The packages, and all that they depend on, less what is installed."""
    options = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
    depends = subprocess.run(
        ["apt-cache", "depends", "--recurse", *(f"--no-{option}" for option in options), *packages],
        capture_output=True, text=True,
    )
    # Names at the beginning of a line are packages; those in angle brackets exist in name alone.
    names = [line for line in depends.stdout.splitlines() if line[:1].isalnum() and ":" not in line]
    if depends.returncode or not names:
        raise Missing(f"apt knows no {packages[0]}; perhaps after apt-get update")
    status = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\n"], capture_output=True, text=True
    ).stdout
    installed = {line.split()[0] for line in status.splitlines() if line.endswith("install ok installed")}
    return [name for name in dict.fromkeys(names) if name not in installed]


def program(name: str) -> str:
    """The path of a program."""
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed")
    return found


def run(command: list, cwd: Path | None = None) -> None:
    """Runs an installation; its output is progress, and tells what is wrong where it fails."""
    words = [str(word) for word in command]
    print("+", *words, file=sys.stderr, flush=True)
    status = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
    if status:
        raise Missing(f"the installation failed ({status}): {' '.join(words)}")
