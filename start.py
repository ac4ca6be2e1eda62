"""Set up the course and start it, with nothing but Python 3.11 or newer.

    python start.py                  set up, then open the course in JupyterLab
    python start.py test [ARGS]      set up, then run the tests; ARGS go to pytest
    python start.py compare [ARGS]   set up, then run `course compare ARGS`
    python start.py VERB [ARGS]      the same for every other verb of `course`
    python start.py setup            set up only
    python start.py --help           this text

On Linux and macOS say `python3 start.py`, on Windows `py start.py`.

The set-up makes a folder .venv beside this file and installs the packages of
requirements.lock into it. Nothing outside this folder changes, except that
downloads are kept in your package cache. A second call finds the set-up done and
starts at once. Delete .venv to begin anew.
"""

# Standard library only. This file has to parse on Python 3.6, so that an old Python
# shows the message of `obstacle` instead of a syntax error.
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
SUFFIX = ".exe" if os.name == "nt" else ""
PYTHON = SCRIPTS / ("python" + SUFFIX)
COURSE = SCRIPTS / ("course" + SUFFIX)
STATE = VENV / "course-setup.txt"  # what the set-up installed, or UNFINISHED
LOCK = VENV / "course-setup.lock"  # held while a set-up runs
UNFINISHED = "unfinished"

INSTALLER = "uv>=0.9,<1"
DISK_GB = 6.5  # what .venv takes on Linux, with the CUDA libraries (measured)

# What `python start.py test` runs. A variable that you set yourself wins.
PYTEST = ["-n", "2", "--dist", "loadscope"]
TEST_SETTINGS = {
    "COURSE_PROFILE": "ci",
    "OMP_NUM_THREADS": "1",  # two test processes, one thread each: see PYTEST
}

OFFLINE = re.compile(
    "name resolution|NameResolutionError|getaddrinfo|dns error|NewConnectionError|"
    "Network is unreachable|Connection refused|ConnectTimeout|tcp connect error"
)


class SetupError(Exception):
    """The set-up cannot go on; the text says why and what to do."""


def obstacle(version, system, machine, pointer_bits, has_venv):
    """Return one line on why the set-up cannot work on such a machine, or None."""
    name = f"{version[0]}.{version[1]}"
    if version < (3, 11):
        return (
            f"Python 3.11 or newer is needed, and this is Python {name}. Install a "
            "newer one and start this file with it, for example: python3.12 start.py"
        )
    if pointer_bits < 64:
        return "This Python is a 32-bit build. Install the 64-bit build and try again."
    if (system, machine) == ("Darwin", "x86_64"):
        return (
            "This Python is built for Intel Macs, for which PyTorch has no packages "
            "any more. On Apple silicon, install the universal Python of python.org."
        )
    if not has_venv:
        return (
            "This Python comes without the modules venv and ensurepip. On Debian and "
            f"Ubuntu: sudo apt install python{name}-venv. Elsewhere install a full "
            "Python from python.org. Then run the same command again."
        )
    return None


def wanted_state(folder, version):
    """Return the text of STATE after a complete set-up of `folder`.

    Line 1 names what .venv is tied to, line 2 digests what was asked of it.
    """
    digest = hashlib.sha256()
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((folder / name).read_bytes())
    return f"Python {version[0]}.{version[1]} in {folder}\n{digest.hexdigest()}\n"


def plan(state, wanted, works):
    """Choose between "nothing", "update" and "anew" for .venv.

    state: the text of STATE, or None without one; wanted: its text when all is done;
    works: whether the Python in .venv starts and has the version of `wanted`.
    STATE says UNFINISHED while packages are written, so a set-up that was killed
    halfway is made anew, and never taken for a complete one.
    """
    if not works:
        return "anew"
    if state is None:  # made by another tool: keep it and add to it
        return "update"
    if state.partition("\n")[0] != wanted.partition("\n")[0]:  # or UNFINISHED
        return "anew"
    return "nothing" if state == wanted else "update"


def read_state():
    """Return the text of STATE, or None where there is none."""
    return STATE.read_text(encoding="utf-8") if STATE.exists() else None


def venv_works():
    """Return whether the Python in .venv starts and has this Python's version."""
    if not PYTHON.exists():
        return False
    ask = "import sys; print(*sys.version_info[:2])"
    answer = subprocess.run([str(PYTHON), "-c", ask], stdout=subprocess.PIPE)
    return answer.stdout.split() == [b"%d" % part for part in sys.version_info[:2]]


def wait_for_lock(file):
    """Lock `file` until this process ends; wait while another set-up holds it."""
    told = False
    while True:
        try:
            if os.name == "nt":
                import msvcrt

                return msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            import fcntl

            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            if not told:
                print("Another set-up of this folder is running. Waiting for it.")
            told = True
            time.sleep(0.5)
        except OSError:  # a file system without locks: go on without one
            return None


def child_environment(environment):
    """Return a copy of `environment` for the programs that this file starts."""
    child = dict(environment)
    # With this variable set, Python keeps no compiled files, and every process
    # compiles torch anew: 10 s and more for each kernel and each test process.
    child.pop("PYTHONDONTWRITEBYTECODE", None)
    child["VIRTUAL_ENV"] = str(VENV)
    child["PATH"] = str(SCRIPTS) + os.pathsep + child.get("PATH", "")
    return child


def explain(output):
    """Return the advice for a failed step from what the installer printed."""
    if OFFLINE.search(output):
        return (
            "The package server could not be reached. The first set-up needs the "
            "internet: check the connection (and the proxy, if you use one), then "
            "run the same command again. Packages already downloaded are kept."
        )
    if "No space left" in output or "os error 112" in output:
        return (
            f"The disk is full; on Linux the packages take {DISK_GB} GB. "
            "Free some space, then run the same command again."
        )
    return (
        "The lines above say why. Run the same command again; if it fails at the "
        "same place, delete the folder .venv and run it once more."
    )


def step(label, command):
    """Run one command of the set-up; show its seconds, or its output if it fails."""
    began = time.monotonic()
    print(f"{label} ...", flush=True)
    child = subprocess.Popen(
        [str(part) for part in command],
        cwd=str(HERE),
        env=child_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    lines = []
    with child:
        for line in child.stdout:
            lines.append(line)
            if line.strip().startswith("Download"):  # the large packages, by name
                print("    " + line.strip(), flush=True)
    if child.returncode:
        output = "".join(lines)
        print(output[-4000:], flush=True)
        raise SetupError(f"The set-up stopped at: {label}. {explain(output)}")
    print(f"    {time.monotonic() - began:.1f} s", flush=True)


def empty_venv():
    """Remove what is in .venv, except the two files of this script."""
    for item in VENV.iterdir():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(str(item))
        elif item not in (STATE, LOCK):
            item.unlink()


def install():
    """Install requirements.lock and the course into the Python of .venv."""
    pip = [PYTHON, "-m", "pip", "install"]
    uv = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    locked = ["--require-hashes", "-r", HERE / "requirements.lock"]
    course = ["--no-deps", "--no-build-isolation", "-e", HERE]  # setuptools is locked
    step("Getting the installer uv", [*pip, "--retries", "2", INSTALLER])
    try:
        step("Installing the packages (several minutes the first time)", uv + locked)
        step("Installing the course", uv + course)
    except SetupError:
        # pip knows the mirrors and certificates of your own pip settings, uv does not.
        print("Trying once more with pip, which is slower.")
        step("Installing the packages with pip", pip + locked)
        step("Installing the course with pip", pip + course)


def set_up():
    """Make .venv complete; return at once where it is."""
    wanted = wanted_state(HERE, sys.version_info)
    is_there = PYTHON.exists() and COURSE.exists()
    if plan(read_state(), wanted, works=is_there) == "nothing":
        return
    began = time.monotonic()
    VENV.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        wait_for_lock(lock)
        todo = plan(read_state(), wanted, works=venv_works())
        if todo == "nothing" and COURSE.exists():  # done by the one we waited for
            return
        STATE.write_text(UNFINISHED, encoding="utf-8")
        if todo == "anew":
            free = shutil.disk_usage(str(HERE)).free / 1e9
            if free < DISK_GB:
                print(f"Only {free:.1f} GB are free here; this may take {DISK_GB} GB.")
            empty_venv()
            # Not sys.executable: that is .venv itself where .venv is activated.
            python = getattr(sys, "_base_executable", sys.executable)
            step("Making the environment .venv", [python, "-m", "venv", VENV])
        else:
            step("Checking pip", [PYTHON, "-m", "ensurepip"])
        install()
        STATE.write_text(wanted, encoding="utf-8")
    print(f"Set-up complete in {time.monotonic() - began:.0f} s.\n", flush=True)


def command_for(verb, arguments):
    """Return the command of a verb, the folder to run it in and its own settings.

    The folder is None for the folder you are in: paths among the arguments of
    `course` are relative to it.
    """
    if verb == "test":
        return [PYTHON, "-m", "pytest", *PYTEST, *arguments], HERE, TEST_SETTINGS
    return [COURSE, verb, *arguments], None, {}


def hand_over(command, folder, settings):
    """Run `command` in place of this file and end with its exit status."""
    environment = child_environment(os.environ)
    for name, value in settings.items():
        environment.setdefault(name, value)
    words = [str(part) for part in command]
    if os.name != "nt":  # become the command: signals and exit status are its own
        if folder:
            os.chdir(str(folder))
        os.execve(words[0], words, environment)
    child = subprocess.Popen(words, cwd=folder, env=environment)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:  # Ctrl-C is for the command; wait until it has ended
            continue


def main(arguments):
    """Set up, then do what the first word says (without one: lab)."""
    stop = obstacle(
        version=tuple(sys.version_info[:2]),
        system=platform.system(),
        machine=platform.machine(),
        pointer_bits=64 if sys.maxsize > 2**32 else 32,
        has_venv=all(importlib.util.find_spec(m) for m in ("venv", "ensurepip")),
    )
    if stop:
        sys.exit(stop)
    if arguments and arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return
    sys.stdout.reconfigure(errors="replace")  # consoles that cannot show every letter
    try:
        set_up()
    except SetupError as error:
        sys.exit(f"\n{error}")
    except OSError as error:
        sys.exit(
            f"\nThe set-up stopped: {error}. Close programs that use the folder .venv, "
            "and see that you may write here and have disk space. Then run it again."
        )
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it begins the set-up anew.")
        sys.exit(130)
    verb, *rest = arguments or ["lab"]
    if verb == "setup":
        print(f"The course is ready in {VENV}")
        return
    hand_over(*command_for(verb, rest))


if __name__ == "__main__":
    main(sys.argv[1:])
