#!/usr/bin/env python3
"""Writes parity.json: what ONNX Runtime makes of the MLPerf Tiny networks.

usage: python3 parity.py FOLDER_OF_MODELS   (needs onnx, onnxruntime and numpy)

Networks that end in a Softmax are measured before it: on random inputs it is
saturated, and would hide differences.

Inputs are not stored. Both sides make them with the linear congruential
generator x' = (1664525·x + 1013904223) mod 2^32, from the seed of the network,
one step before each element:

    value = lo + (hi - lo)·(x >> 8)/2^24   in float64, rounded to float32
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

BATCH = 3

# network: shape of one sample, seed, and the range of its inputs
NETWORKS = {
    "autoencoder_toycar": ([640], 11, -30.0, 30.0),
    "dscnn_kws": ([1, 49, 10], 12, -100.0, 100.0),
    "mobilenetv1_vww96": ([3, 96, 96], 13, 0.0, 1.0),
    "resnet8_cifar10": ([3, 32, 32], 14, 0.0, 255.0),
    "resnet8_large_cifar10": ([3, 32, 32], 15, 0.0, 255.0),
}


def numbers(seed, count, lo, hi):
    x, out = seed, np.empty(count, np.float64)
    for i in range(count):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out[i] = lo + (hi - lo) * ((x >> 8) / 2.0**24)
    return out.astype(np.float32)


def main(folder):
    record = {"onnxruntime": onnxruntime.__version__, "batch": BATCH, "networks": []}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for name, (shape, seed, lo, hi) in NETWORKS.items():
        data = (pathlib.Path(folder) / (name + ".onnx")).read_bytes()
        model = onnx.load_from_string(data)
        value = model.graph.output[0].name
        for node in model.graph.node:
            if node.op_type == "Softmax" and node.output[0] == value:
                value = node.input[0]
                model.graph.output.append(onnx.helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None))
                break
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        x = numbers(seed, BATCH * int(np.prod(shape)), lo, hi).reshape([BATCH] + shape)
        (y,) = session.run([value], {session.get_inputs()[0].name: x})
        record["networks"].append({
            "name": name, "sha256": hashlib.sha256(data).hexdigest(), "input": shape,
            "value": value, "seed": seed, "lo": lo, "hi": hi, "output": list(y.shape),
            "values": [float(str(v)) for v in y.astype(np.float32).ravel()],
        })
    out = pathlib.Path(__file__).with_name("parity.json")
    text = "{\n" + ",\n".join(
        json.dumps(k) + ": " + (json.dumps(v) if k != "networks" else
                                "[\n" + ",\n".join(json.dumps(n) for n in v) + "\n]")
        for k, v in record.items()) + "\n}\n"
    scratch = out.with_name(".parity.json.part")
    scratch.write_text(text)
    scratch.rename(out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
