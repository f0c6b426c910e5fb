"""Interrupts a long analysis in the real kernel and measures until it is idle.

Arguments: a JSON object with argv, env, cwd, log, cells (run first), long (the
cell to interrupt; it prints a line when it begins), after (seconds from that
line to the interrupt). The long cell runs twice more: to its end, and again.
Prints a JSON object: seconds from the interrupt to the reply and to idle, and
what the runs printed.
"""
import json
import sys
import threading
import time

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

opt = json.loads(sys.argv[1])
km = KernelManager()
km._kernel_spec = KernelSpec(argv=opt["argv"], display_name="x", language="go", interrupt_mode="message")
with open(opt["log"], "w") as log:
    km.start_kernel(env=opt["env"], stderr=log, stdout=log, cwd=opt["cwd"])
    client = km.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)

        def run(code, began=None):
            text = []

            def output(m):
                c = m["content"]
                if m["msg_type"] == "stream":
                    text.append(c["text"])
                    if began is not None and "began" in c["text"]:
                        began.set()
                elif m["msg_type"] in ("display_data", "update_display_data"):
                    text.append(c["data"].get("text/plain", "") + "\n")
                elif m["msg_type"] == "error":
                    text.append("ERROR " + c["evalue"])
            start = time.monotonic()
            reply = client.execute_interactive(code, timeout=300, allow_stdin=False, output_hook=output)
            return {"status": reply["content"]["status"], "text": "".join(text), "seconds": time.monotonic() - start,
                    "end": time.monotonic()}

        for cell in opt["cells"]:
            if run(cell)["status"] != "ok":
                raise SystemExit("a cell failed: %s" % cell)
        began, sent = threading.Event(), []

        def interrupt():
            if began.wait(120):
                time.sleep(opt["after"])
                sent.append(time.monotonic())
                km.interrupt_kernel()
        worker = threading.Thread(target=interrupt)
        worker.start()
        stopped = run(opt["long"], began)  # returns at idle
        worker.join()
        whole = run(opt["long"])
        again = run(opt["long"])
    finally:
        client.stop_channels()
        km.shutdown_kernel(now=False)
print(json.dumps({"idle": stopped["end"] - sent[0], "stopped": stopped, "whole": whole, "again": again}))
