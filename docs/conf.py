"""Settings of Sphinx for the course's static site; `course site` uses them.

The notebooks are shown with the outputs that they were committed with: nothing runs.
"""

project = "Attention modules in CNNs"
author = "The attention course authors"
extensions = ["myst_nb"]
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_js_files = ["keyboard.js"]
html_show_sphinx = False
html_copy_source = False
exclude_patterns = ["_build"]

nb_execution_mode = "off"
nb_merge_streams = True
# Widgets need a running kernel, so the site shows the static figure before each one.
nb_mime_priority_overrides = [("*", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 3
suppress_warnings = [
    "myst.header",
    "mystnb.unknown_mime_type",
    "misc.highlighting_failure",
]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
