"""aimet-onnx's analyze_per_layer_sensitivity in a process of its own.

Reads one JSON request from each line of standard input and answers each with
one line: {"op": "open", "path", "inputs", "shape", "threads"}, {"op": "run"}.
Inputs are float32 in a raw file, sample after sample. The score of a network is
its noise-to-signal power against the float network, whose outputs are kept.
"""
import importlib.metadata
import json
import resource
import sys
import time

import numpy as np
import onnx
import onnxruntime

answers = sys.stdout
sys.stdout = sys.stderr  # the library prints there


def open_(q):
    global sim, data, floats, name, evaluate, forwards
    make = onnxruntime.InferenceSession.__init__

    def limited(self, path_or_bytes, sess_options=None, *args, **kw):
        options = sess_options or onnxruntime.SessionOptions()
        options.intra_op_num_threads = q["threads"]
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        make(self, path_or_bytes, options, *args, **kw)

    onnxruntime.InferenceSession.__init__ = limited
    from aimet_onnx.quantsim import QuantizationSimModel

    data = np.fromfile(q["inputs"], dtype="<f4").reshape([-1, 1] + q["shape"])
    model = onnx.load(q["path"])
    name = model.graph.input[0].name
    plain = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    floats = [plain.run(None, {name: x})[0].astype(np.float64) for x in data]
    sim = QuantizationSimModel(model, providers=["CPUExecutionProvider"])
    sim.compute_encodings([{name: x} for x in data])
    forwards = 0

    def evaluate(session):
        global forwards
        noise = 0.0
        for x, f in zip(data, floats):
            forwards += 1
            y = session.run(None, {name: x})[0]
            noise += float(((y - f) ** 2).sum() / (f ** 2).sum())
        return noise / len(data)

    return {"version": importlib.metadata.version("aimet-onnx"), "with": "onnxruntime " + onnxruntime.__version__, "layers": []}


def run(q):
    global forwards
    from aimet_onnx.quant_analyzer import analyze_per_layer_sensitivity
    forwards = 0
    used = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    noise = analyze_per_layer_sensitivity(sim, evaluate)
    seconds = time.perf_counter() - start
    end = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": seconds, "cpu": end.ru_utime + end.ru_stime - used.ru_utime - used.ru_stime,
            "cells": len(noise) * len(data), "forwards": forwards, "noise": {k: float(v) for k, v in noise.items()}}


for line in sys.stdin:
    q = json.loads(line)
    try:
        out = {"open": open_, "run": run}[q["op"]](q)
    except Exception as e:  # the caller names the place
        import traceback
        traceback.print_exc()
        out = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(out), file=answers, flush=True)
