"""Runs notebooks headless and reports what happens, one JSON object a line.

Arguments: a JSON object with out, html, timeout, kernel and notebooks (a list
of absolute paths). Every executed notebook is written to out, also one that
failed, with the outputs up to the failing cell.
"""
import base64
import copy
import json
import os
import sys
import tempfile
import time
from html import escape

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


def say(**event):
    # stdout belongs to the events; libraries print to stderr.
    print(json.dumps(event), flush=True)


def write(path, text):
    folder, name = os.path.split(path)
    fd, tmp = tempfile.mkstemp(dir=folder, prefix="." + name + "-")
    with os.fdopen(fd, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(tmp, 0o644)
    os.replace(tmp, path)


def is_code(cell):
    return cell.cell_type == "code" and cell.source.strip() != ""


def images(nb):
    kinds = {}
    for cell in nb.cells:
        for out in cell.get("outputs", []):
            for kind in out.get("data", {}):
                if kind.startswith("image/"):
                    kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


# nbconvert's own page fetches RequireJS, MathJax and Mermaid from the network.
# Ours fetches nothing: it leaves them out, and the policy holds what a cell may
# have put in to that, too. Formulas stay in their source form.
TEMPLATE = """{% extends 'lab/index.html.j2' %}
{%- block html_head_js_requirejs -%}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""


def html(nb, name):
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="lab",
        exclude_anchor_links=True,
        extra_loaders=[DictLoader({"quantnb.html.j2": TEMPLATE})],
        template_file="quantnb.html.j2",
    )
    # The alt text of a picture lies in its metadata, where nbconvert does not look.
    nb = copy.deepcopy(nb)
    for cell in nb.cells:
        for out in cell.get("outputs", []):
            describe(out)
    body, _ = exporter.from_notebook_node(nb, resources={"metadata": {"name": name}})
    return body


def describe(out):
    """Puts a picture with alt text into an <img> that carries it."""
    data = out.get("data", {})
    alt = out.get("metadata", {}).get("image/png", {}).get("alt", "")
    if not alt or "text/html" in data:
        return
    for kind in ("image/svg+xml", "image/png"):
        if kind in data:
            raw = data[kind]
            raw = raw if kind == "image/png" else base64.b64encode(raw.encode()).decode()
            data["text/html"] = '<img alt="%s" style="max-width:100%%" src="data:%s;base64,%s">' % (
                escape(alt), kind, "".join(raw.split()))
            del data[kind]
            return


def error_of(nb):
    """The first cell with an error among its outputs, as the error's reply may be lost."""
    for i, cell in enumerate(nb.cells):
        for out in cell.get("outputs", []):
            if out.output_type == "error":
                return i
    return None


def run(path, opts):
    nb = nbformat.read(path, as_version=4)
    code = [i for i, c in enumerate(nb.cells) if is_code(c)]
    state = {"index": None, "start": 0.0}

    # nbclient calls the hooks with keywords, for every cell that it runs.
    def started(cell, cell_index):
        state.update(index=cell_index, start=time.monotonic())
        say(event="cell", notebook=path, number=code.index(cell_index) + 1, of=len(code))

    def done(cell, cell_index, execute_reply):
        seconds = time.monotonic() - state["start"]
        say(event="ran", notebook=path, number=code.index(cell_index) + 1, of=len(code), seconds=seconds)

    client = NotebookClient(
        nb,
        timeout=opts["timeout"],
        startup_timeout=120,
        kernel_name=opts["kernel"],
        allow_errors=False,
        record_timing=False,
        resources={"metadata": {"path": os.path.dirname(path)}},
        on_cell_execute=started,
        on_cell_executed=done,
    )
    start = time.monotonic()
    problem, kind = None, ""
    try:
        client.execute()
    except CellExecutionError as e:
        problem, kind = e, "error"
    except CellTimeoutError as e:
        problem, kind = e, "timeout"
    except DeadKernelError as e:
        problem, kind = e, "dead"
    index = state["index"]
    if problem is None:
        found = error_of(nb)
        if found is not None:
            problem, kind, index = RuntimeError("the cell has an error among its outputs"), "error", found

    name = os.path.splitext(os.path.basename(path))[0]
    base = os.path.join(opts["out"], name)
    write(base + ".ipynb", nbformat.writes(nb) + "\n")
    written = [base + ".ipynb"]
    if opts["html"]:
        write(base + ".html", html(nb, name))
        written.append(base + ".html")
    say(event="written", notebook=path, files=written, images=images(nb), seconds=time.monotonic() - start)

    if problem is None:
        return True
    cell = nb.cells[index] if index is not None else None
    outputs = cell.get("outputs", []) if cell else []
    err = next((o for o in outputs if o.output_type == "error"), None)
    say(
        event="failed",
        notebook=path,
        kind=kind,
        number=code.index(index) + 1 if index in code else 0,
        cell=index + 1 if index is not None else 0,
        execution=(cell.get("execution_count") or 0) if cell else 0,
        source=cell.source if cell else "",
        stderr="".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"),
        evalue=err.evalue if err else str(problem),
        traceback="\n".join(err.traceback) if err else "",
    )
    return False


def main():
    opts = json.loads(sys.argv[1])
    for path in opts["notebooks"]:
        if not run(path, opts):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
