"""How the course starts JupyterLab: on the learner's copies, with its own settings."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

# Settings of the course's JupyterLab. Yours, in your home folder, stay as they are.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": True},  # light or dark, as yours
    "docmanager-extension/plugin": {  # the start page is for reading
        "defaultViewers": {"markdown": "Markdown Preview"}
    },
    "notebook-extension/tracker": {  # the checks name line numbers
        "codeCellConfig": {"lineNumbers": True}
    },
}


def lab_command(folder: Path, page: str, arguments: Sequence[str]) -> list[str]:
    """The command that opens JupyterLab in a folder, at one of its files.

    arguments: more options of `jupyter lab`; they come last and so win.
    """
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}"]
    command.append(f"--LabApp.default_url=/lab/tree/{quote(page)}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return [*command, *arguments]


def lab_environment(folder: Path) -> dict[str, str]:
    """The environment of JupyterLab: settings and open tabs are kept in the folder.

    A setting that you changed there is left alone. A folder of settings that you
    chose yourself, by JUPYTERLAB_SETTINGS_DIR, is used as it is.
    """
    environment = dict(os.environ)
    if "JUPYTERLAB_SETTINGS_DIR" in environment:
        return environment
    settings = folder / ".jupyterlab" / "settings"
    for name, values in SETTINGS.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values, indent=4), encoding="utf-8")
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(settings)
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / ".jupyterlab" / "tabs")
    return environment
