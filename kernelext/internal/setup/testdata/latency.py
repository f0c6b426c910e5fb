"""Times a changed plot cell on a warm kernel, from execute request to reply.

Arguments: a JSON object with argv, env, cwd, log, cells, runs; the last cell holds
NNN, which is replaced before each run. Prints seconds by the clock and, where /proc
tells, of processor time of the kernel and all that it started: on a busy machine
only the latter compare.
"""
import json
import os
import sys
import time

import kernel

opt = json.loads(sys.argv[1])
with kernel.started(opt) as (km, client):
    def spent():
        try:
            with open("/proc/%d/stat" % km.provisioner.pid) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except (OSError, AttributeError):
            return float("nan")
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def run(code):
        start, begin = time.monotonic(), spent()
        status, text = kernel.run(client, code)
        if status != "ok":
            raise SystemExit("the cell failed: %s" % text)
        return time.monotonic() - start, spent() - begin

    for setup in opt["cells"][:-1]:
        run(setup)
    first, _ = run(opt["cells"][-1].replace("NNN", "first"))
    times = [run(opt["cells"][-1].replace("NNN", "run %d" % i)) for i in range(opt["runs"])]
print(json.dumps({"first": first, "times": [t for t, _ in times], "cpu": [c for _, c in times]}))
