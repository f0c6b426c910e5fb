"""Asks the real kernel for completions and for help on names.

Arguments: a JSON object with argv, env, cwd, log, cells (run first), complete and
inspect (lists of code with a | at the cursor). Prints a JSON object: for each
code, seconds and the matches, or the text.
"""
import json
import sys
import time

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

opt = json.loads(sys.argv[1])
km = KernelManager()
km._kernel_spec = KernelSpec(argv=opt["argv"], display_name="x", language="go", interrupt_mode="message")
out = {"complete": [], "inspect": []}
with open(opt["log"], "w") as log:
    km.start_kernel(env=opt["env"], stderr=log, stdout=log, cwd=opt["cwd"])
    client = km.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        for cell in opt["cells"]:
            reply = client.execute_interactive(cell, timeout=300, allow_stdin=False, output_hook=lambda m: None)
            if reply["content"]["status"] != "ok":
                raise SystemExit("a cell failed: %s" % reply["content"])

        def ask(kind, code):
            at = code.index("|")
            code = code[:at] + code[at + 1:]
            start = time.monotonic()
            if kind == "complete":
                reply = client.complete(code, cursor_pos=at, reply=True, timeout=120)["content"]
                got = reply["matches"]
            else:
                reply = client.inspect(code, cursor_pos=at, reply=True, timeout=120)["content"]
                got = "\n".join(str(v) for v in reply.get("data", {}).values())
            return {"seconds": time.monotonic() - start, "got": got, "status": reply["status"]}

        ask("complete", "%%\nfmt.Pr|")  # gopls loads the packages once
        time.sleep(opt["settle"])
        for kind in out:
            for code in opt[kind]:
                out[kind].append(ask(kind, code))
    finally:
        client.stop_channels()
        km.shutdown_kernel(now=False)
print(json.dumps(out))
