"""Times a changed plot cell on a warm kernel, from execute request to reply.

Arguments: a JSON object with argv, env and cells; the last cell holds NNN,
which is replaced before each run. Prints a JSON list of seconds.
"""
import json
import sys
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

        def run(code):
            start = time.monotonic()
            reply = client.execute_interactive(code, timeout=300, allow_stdin=False, output_hook=lambda m: None)
            if reply["content"]["status"] != "ok":
                raise SystemExit("the cell failed: %s" % reply["content"])
            return time.monotonic() - start

        for setup in opt["cells"][:-1]:
            run(setup)
        first = run(opt["cells"][-1].replace("NNN", "first"))
        times = [run(opt["cells"][-1].replace("NNN", "run %d" % i)) for i in range(opt["runs"])]
    finally:
        client.stop_channels()
        km.shutdown_kernel(now=False)
print(json.dumps({"first": first, "times": times}))
