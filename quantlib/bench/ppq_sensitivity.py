"""PPQ's layerwise_error_analyse in a process of its own.

Reads one JSON request from each line of standard input and answers each with
one line: {"op": "open", "path", "inputs", "shape", "threads"},
{"op": "run"}. Inputs are float32 in a raw file, sample after sample.
"""
import importlib.metadata
import json
import resource
import sys
import time

import numpy as np
import torch

answers = sys.stdout
sys.stdout = sys.stderr  # PPQ prints there


def open_(q):
    global graph, data, layers
    torch.set_num_threads(q["threads"])
    from ppq import TargetPlatform, QuantizationSettingFactory
    from ppq.api import load_onnx_graph, quantize_native_model, dispatch_graph
    from ppq.IR import QuantableOperation

    shape = q["shape"]
    x = np.fromfile(q["inputs"], dtype="<f4").reshape([-1, 1] + shape)
    data = [torch.from_numpy(s) for s in x]
    platform = TargetPlatform.PPL_CUDA_INT8
    graph = load_onnx_graph(q["path"])
    setting = QuantizationSettingFactory.default_setting()
    setting.fusion = True
    setting.equalization = False
    setting.lsq_optimization = False
    setting.quantize_activation_setting.calib_algorithm = "minmax"
    graph = dispatch_graph(graph, platform=platform)
    graph = quantize_native_model(
        graph, calib_dataloader=data, calib_steps=max(8, len(data)), input_shape=[1] + shape,
        setting=setting, platform=platform, device="cpu", verbose=0, do_quantize=True)
    layers = [o.name for o in graph.operations.values() if isinstance(o, QuantableOperation) and o.is_computing_op]
    return {"version": importlib.metadata.version("ppq"), "with": "torch " + torch.__version__, "layers": layers}


def run(q):
    from ppq.quantization.analyse import layerwise_error_analyse
    used = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    with torch.no_grad():
        noise = layerwise_error_analyse(graph, data, running_device="cpu", method="snr", steps=len(data) + 1, verbose=False)
    seconds = time.perf_counter() - start
    end = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": seconds, "cpu": end.ru_utime + end.ru_stime - used.ru_utime - used.ru_stime,
            "cells": len(noise) * len(data), "forwards": 2 * len(noise) * len(data),
            "noise": {k: float(v) for k, v in noise.items()}}


for line in sys.stdin:
    q = json.loads(line)
    try:
        out = {"open": open_, "run": run}[q["op"]](q)
    except Exception as e:  # the caller names the place
        import traceback
        traceback.print_exc()
        out = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(out), file=answers, flush=True)
