"""Runs ONNX Runtime for the bench: one JSON request a line on stdin, one JSON
reply a line on stdout. Tensors travel in raw little-endian files."""
import json
import sys
import threading
import time

import numpy as np
import onnxruntime as ort

sessions, feeds = {}, {}


def open_session(path, threads, level):
    o = ort.SessionOptions()
    o.intra_op_num_threads = threads
    o.inter_op_num_threads = 1
    levels = ort.GraphOptimizationLevel
    o.graph_optimization_level = levels.ORT_ENABLE_ALL if level == "all" else levels.ORT_DISABLE_ALL
    o.log_severity_level = 3
    # Its threads must not spin while the other runtime is measured.
    o.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])


def handle(r):
    op = r["op"]
    if op == "version":
        return {"version": ort.__version__}
    if op == "open":
        sessions[r["id"]] = open_session(r["path"], r["threads"], r["level"])
        return {}
    if op == "close":
        sessions.pop(r["id"], None)
        return {}
    if op == "feed":
        feeds[r["id"]] = {
            t["name"]: np.fromfile(t["path"], dtype=t["dtype"]).reshape(t["shape"])
            for t in r["tensors"]
        }
        return {}
    if op == "run":  # once, and keep the outputs
        out = sessions[r["id"]].run(None, feeds[r["feed"]])
        shapes = []
        for y, path in zip(out, r["paths"]):
            np.ascontiguousarray(y).tofile(path)
            shapes.append({"shape": list(y.shape), "dtype": str(y.dtype)})
        return {"outputs": shapes}
    if op == "time":  # n runs in each of some threads; seconds for all of them
        s, f, n = sessions[r["id"]], feeds[r["feed"]], r["n"]

        def work():
            for _ in range(n):
                s.run(None, f)

        workers = [threading.Thread(target=work) for _ in range(r["workers"] - 1)]
        start, cpu = time.perf_counter(), time.process_time()
        for w in workers:
            w.start()
        work()
        for w in workers:
            w.join()
        wall = time.perf_counter() - start
        return {"seconds": wall, "cpu": time.process_time() - cpu}
    raise ValueError("unknown request " + op)


for line in sys.stdin:
    try:
        reply = handle(json.loads(line))
    except Exception as e:  # told to the bench, which names the network
        reply = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(reply), flush=True)
