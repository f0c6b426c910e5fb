"""Runs cells in the real kernel, and prints a JSON list of what each printed.

Arguments: a JSON object with argv, env, cwd, log, cells.
"""
import json
import sys

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

opt = json.loads(sys.argv[1])
km = KernelManager()
km._kernel_spec = KernelSpec(argv=opt["argv"], display_name="x", language="go", interrupt_mode="message")
texts = []
with open(opt["log"], "w") as log:
    km.start_kernel(env=opt["env"], stderr=log, stdout=log, cwd=opt["cwd"])
    client = km.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        for cell in opt["cells"]:
            text = []

            def output(m):
                c = m["content"]
                if m["msg_type"] == "stream":
                    text.append(c["text"])
                elif m["msg_type"] in ("display_data", "update_display_data"):
                    text.append(c["data"].get("text/plain", "") + "\n")
                elif m["msg_type"] == "error":
                    text.append("ERROR " + c["evalue"])
            client.execute_interactive(cell, timeout=300, allow_stdin=False, output_hook=output)
            texts.append("".join(text))
    finally:
        client.stop_channels()
        km.shutdown_kernel(now=False)
print(json.dumps(texts))
