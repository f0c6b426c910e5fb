"""Times a changed plot cell on a warm kernel, from execute request to reply.

Arguments: a JSON object with argv, env and cells; the last cell holds NNN,
which is replaced before each run. Prints seconds by the clock and, where /proc
tells, of processor time of the kernel and all that it started: on a busy machine
only the latter compare.
"""
import json
import os
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

        def spent():
            try:
                with open("/proc/%d/stat" % km.provisioner.pid) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except (OSError, AttributeError):
                return float("nan")
            return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

        def run(code):
            start, begin = time.monotonic(), spent()
            reply = client.execute_interactive(code, timeout=300, allow_stdin=False, output_hook=lambda m: None)
            if reply["content"]["status"] != "ok":
                raise SystemExit("the cell failed: %s" % reply["content"])
            return time.monotonic() - start, spent() - begin

        for setup in opt["cells"][:-1]:
            run(setup)
        first, _ = run(opt["cells"][-1].replace("NNN", "first"))
        times = [run(opt["cells"][-1].replace("NNN", "run %d" % i)) for i in range(opt["runs"])]
    finally:
        client.stop_channels()
        km.shutdown_kernel(now=False)
print(json.dumps({"first": first, "times": [t for t, _ in times], "cpu": [c for _, c in times]}))
