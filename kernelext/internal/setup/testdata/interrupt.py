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

import kernel

opt = json.loads(sys.argv[1])
with kernel.started(opt) as (km, client):
    def run(code, each=lambda text: None):
        start = time.monotonic()
        status, text = kernel.run(client, code, each)
        end = time.monotonic()
        return {"status": status, "text": text, "seconds": end - start, "end": end}

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
    stopped = run(opt["long"], lambda text: began.set() if "began" in text else None)  # returns at idle
    worker.join()
    whole = run(opt["long"])
    again = run(opt["long"])
print(json.dumps({"idle": stopped["end"] - sent[0], "stopped": stopped, "whole": whole, "again": again}))
