"""Files that must agree with pyproject.toml, and hold nothing of one machine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT)["project"]
FOLDERS_LEFT_OUT = {".git", ".venv", "__pycache__", ".hypothesis", "cache", "my"}


def locked_pins():
    """Return the lock's pins as (Requirement, number of hashes)."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, *rest = block.split("\\\n")
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", "".join(rest))
        pins.append((Requirement(head.strip()), len(hashes)))
    return pins


PINS = locked_pins()
WISHES = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
PLATFORMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    "macOS": {
        "sys_platform": "darwin",
        "platform_system": "Darwin",
        "os_name": "posix",
        "platform_machine": "arm64",
    },
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_lock_satisfies_each_requirement_with_one_pin(platform, version):
    environment = default_environment() | PLATFORMS[platform]
    environment |= {"python_version": version, "python_full_version": f"{version}.0"}
    for wish in map(Requirement, WISHES):
        found = [
            pin
            for pin, _ in PINS
            if canonicalize_name(pin.name) == canonicalize_name(wish.name)
            and (pin.marker is None or pin.marker.evaluate(environment))
        ]
        assert len(found) == 1, f"{wish}: {found}"
        (exact,) = found[0].specifier
        assert exact.operator == "==" and wish.specifier.contains(exact.version)


def test_every_pin_is_exact_and_has_hashes():
    assert len(PINS) > len(WISHES)
    for pin, hashes in PINS:
        assert [part.operator for part in pin.specifier] == ["=="], pin
        assert pin.url is None and hashes > 0, pin


def test_the_build_backend_is_locked():
    # start.py builds the course without isolation, with the locked setuptools.
    assert "setuptools" in {pin.name for pin, _ in PINS}


def test_conda_brings_python_and_pip_and_pip_the_rest():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    python, *rest = yaml.safe_load(text)["dependencies"]
    assert rest == ["pip", {"pip": ["-e .[test]"]}]
    name, version = python.split("=")
    assert name == "python"
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


# --- Nothing of one machine or one server in any file ---------------------------------


def source_files():
    """Return the project's files: what git does not ignore, or all without git."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        files = [ROOT / name for name in listing.split("\0") if name]
    else:
        files = [
            path
            for path in ROOT.rglob("*")
            if not FOLDERS_LEFT_OUT & set(path.relative_to(ROOT).parts)
            and ".egg-info" not in str(path)
        ]
    return [path for path in files if path.is_file()]


# Put together from pieces, so that this file holds none of them.
HOSTS = [".".join(pair) for pair in [("pypi", "org"), ("pythonhosted", "org")]]
HOSTS += [".".join(pair) for pair in [("anaconda", "org"), ("npmjs", "org")]]
HOSTS += ["download." + "pytorch"]
HOMES = re.compile(r"(?<![\w.~])/(?:home|root|Users|work|farm)" + r"/[\w.-]+")
WINDOWS_HOMES = re.compile(r"\b[A-Z]:\\+Users" + r"\\+\w")


def test_no_file_names_a_package_server_or_a_folder_of_one_machine():
    files = source_files()
    assert ROOT / "requirements.lock" in files
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # an image or an archive
            continue
        assert [host for host in HOSTS if host in text] == [], path
        assert HOMES.findall(text) + WINDOWS_HOMES.findall(text) == [], path


@pytest.mark.parametrize("name", ["requirements.lock", "environment.yml"])
def test_pinned_files_hold_no_address_and_choose_no_index(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert re.search(r"^\s*-*\s*--(extra-)?(index|find)", text, re.MULTILINE) is None


def test_pyproject_holds_addresses_only_as_links_for_readers():
    links = PROJECT.get("urls", {}).values()
    assert PYPROJECT.count("://") == sum("://" in link for link in links)
