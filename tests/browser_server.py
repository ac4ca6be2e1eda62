"""A learner's folder, and a JupyterLab on it, for the test in a browser.

All settings, logs and trainings go into the folder given; nothing of yours is read or
changed. JupyterLab listens on this machine only, with a random token.
"""

import json
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager

from notebook_jobs import environment

from course_lib import workspace
from course_lib.jupyter import SETTINGS, lab_command
from course_lib.standing import standings
from course_lib.start_page import write_start_page

HOST = "127.0.0.1"
START_SECONDS = 120
PROGRESS = "progress"  # the folder of the log of checks

# Cells that are scrolled out of sight stay in the page, so that the test can find them.
TRACKER = "notebook-extension/tracker"
IN_THE_PAGE = {TRACKER: SETTINGS[TRACKER] | {"windowingMode": "none"}}


def learner_copies(folder):
    """Copy the course's notebooks into `folder`, and make the learner's copies.

    Returns the folder of the copies: notebooks/my.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    for path in workspace.course_notebooks():
        shutil.copy(path, notebooks)
    workspace.start(notebooks)
    write_start_page(notebooks / "my", standings(notebooks))
    return notebooks / "my"


@contextmanager
def jupyterlab(copies, folder):
    """Start JupyterLab on the copies, as `course lab` does, and stop it.

    Gives a function from the path of a copy to the address to open. Settings,
    trainings and the log of checks go into `folder`.
    """
    port, token = free_port(), secrets.token_hex(16)
    options = [
        "--no-browser",
        f"--ServerApp.ip={HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",  # gives the page window.jupyterapp
    ]
    address = f"http://{HOST}:{port}"
    log = folder / "jupyterlab.log"
    with log.open("w", encoding="utf-8") as file:
        server = subprocess.Popen(
            lab_command(copies, "", options),
            env=lab_variables(folder),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(server, f"{address}/api?token={token}", log)
        yield lambda copy: f"{address}/lab/tree/{copy.name}?reset&token={token}"
    finally:
        server.terminate()  # JupyterLab ends its kernels
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port():
    """A port that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def lab_variables(folder):
    """The environment of JupyterLab and its kernels."""
    jupyter = folder / "jupyter"
    for name, values in (SETTINGS | IN_THE_PAGE).items():
        path = jupyter / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    folders = {
        "JUPYTERLAB_SETTINGS_DIR": jupyter / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": jupyter / "tabs",
        "JUPYTER_CONFIG_DIR": jupyter / "config",
        "JUPYTER_DATA_DIR": jupyter / "data",
        "JUPYTER_RUNTIME_DIR": jupyter / "runtime",
        "IPYTHONDIR": jupyter / "ipython",
        "COURSE_PROGRESS": folder / PROGRESS,
        "COURSE_RUNS": folder / "runs",
        "COURSE_CACHE": folder / "cache",
        "PYTHONPATH": workspace.NOTEBOOKS.parent,  # also from a checkout not installed
    }
    return environment({name: str(path) for name, path in folders.items()})


def wait_for(server, address, log):
    """Return when the address answers; AssertionError with the log if it never does."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    text = log.read_text(encoding="utf-8")
    raise AssertionError(f"JupyterLab did not start:\n{text[-3000:]}")
