"""Settings of the site that ``make docs`` builds.

Sphinx with numpydoc and sphinx-gallery, because scikit-learn and its satellites (imbalanced-learn, skrub) use them: the
docstrings are written for numpydoc, and readers know their way around such a site. Nothing is downloaded, so the site
is also built without network access.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
sys.path.insert(0, str(DOCS.parent))

import public_names  # noqa: E402  (it stands beside this file)
from docutils import nodes  # noqa: E402
from sphinx import addnodes  # noqa: E402

import skxmr  # noqa: E402

project = "skxmr"
author = "The skxmr developers"
copyright = f"2026, {author}"
version = release = skxmr.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.py", "gallery/*.zip"]
templates_path = ["_templates"]
# Every :role: that leads nowhere is a warning, and `make docs` turns warnings into errors.
nitpicky = True

# The pages of the public names, written from the `__all__` lists before each build
public_names.write(DOCS / "api")
autosummary_generate = True
autosummary_context = {"members_of": public_names.members_of}
autodoc_typehints = "none"  # types stand in the docstrings, in words
autodoc_member_order = "bysource"
highlight_language = "none"  # a block that names no language is no code
default_role = "literal"  # `name` in a docstring is a piece of code
smartquotes = False  # quotes in the types of parameters are Python's
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template lists the methods

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
# The template calls a function, which Sphinx cannot keep between builds: it then reads all pages anew.
suppress_warnings = ["config.cache"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # `make docs` shows the pictures kept in this folder; `make docs-run` sets SKXMR_DOCS_RUN and runs the examples.
    # The cluster starts processes of its own, which cannot import an example that Sphinx runs.
    "plot_gallery": "SKXMR_DOCS_RUN" in os.environ,
    "filename_pattern": r"(quickstart|search_engine|explain|dagnn|scenes|rankings|learned)\.py$",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "within_subsection_order": "ExampleTitleSortKey",
    "default_thumb_file": str(DOCS / "quickstart.png"),
}

html_theme = "pydata_sphinx_theme"
html_title = "skxmr"
html_static_path = ["_static"]
html_css_files = ["skxmr.css"]
html_show_sourcelink = False
# Pages with wide tables, pictures or code need the room more than navigation on their left; the others have it.
measured = ("results", "fine_grained", "dagnn", "performance", "growth", "references")
others = ("user_guide", "methods", "scaling", "add_a_method", "architecture", "glossary", "changelog", "gallery/*")
shown = ("files", "search", "comparing", "pictures", "explaining", "tutorial_*")
html_sidebars = {page: [] for page in (*measured, *others, *shown)}
html_theme_options = {
    "show_prev_next": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def find_elsewhere(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Let a docstring name a public object of another module without its path, as ``:class:`Similarity```."""
    if node.get("refdomain") != "py" or node.get("refspecific"):
        return None
    node["refspecific"] = True
    place = (env, node["refdoc"], app.builder, node["reftype"], node["reftarget"], node, contnode)
    return env.get_domain("py").resolve_xref(*place)


def link_names(app: Any, doctree: Any) -> None:
    """Turn a public name that a page shows as code, such as `DAGNN`, into a link to its page."""
    named = (skxmr.datasets, skxmr.features, skxmr.inspection, skxmr.metrics, skxmr.model_selection, skxmr)
    paths = {name: f"{module.__name__}.{name}" for module in named for name in public_names.names(module)}
    for node in list(doctree.findall(nodes.literal)):
        path = paths.get(node.astext())
        if path and not isinstance(node.parent, nodes.reference | addnodes.pending_xref | nodes.title):
            options = {
                "refdomain": "py",
                "reftype": "obj",
                "reftarget": path,
                "refdoc": app.env.current_document.docname,
            }
            node.replace_self(addnodes.pending_xref("", node.deepcopy(), **options))


def keep_together(app: Any, doctree: Any) -> None:
    """Keep mean and spread of a figure on one line: a table scrolls sideways rather than break inside a figure."""
    for node in list(doctree.findall(nodes.Text)):
        if " ± " in node:
            node.parent.replace(node, nodes.Text(node.replace(" ± ", "\u00a0±\u00a0")))


def setup(app: Any) -> None:
    """Connect the handlers above."""
    app.connect("doctree-read", keep_together)
    app.connect("doctree-read", link_names)
    app.connect("missing-reference", find_elsewhere)
