"""Measures the exported model and writes ../reference.json and ../SHA256SUMS.

	python3 reference.py ..

Reads the weights back from ../fashion.onnx, so that it can be run without
training. Wants, beside Debian's python3-torch and python3-onnx, a Python with
onnxruntime, named by the environment variable ONNXRUNTIME_PYTHON; it runs
runtime.py. Weight-only figures use PyTorch on weights with batch
normalization folded:

	fold:  w·γ/√(σ²+ε) per output channel, in float64, rounded to float32
	scale: max|w| / (2^(b−1)−1) per output channel, symmetric, float32
	w':    even(w/scale)·scale, even = half to even; biases stay float32

for all Conv and Gemm weights, activations float32.
"""

import copy
import hashlib
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.numpy_helper
import torch

import data
import pack
import train
from network import NODES, Network, key

BITS = [8, 6, 5, 4, 3, 2]
FIRST = 16  # images whose logits are kept
FILES = ["fashion.onnx", "reference.json", "calibration.png", "calibration.labels",
         "test.png", "test.labels"]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: reference.py folder")
    torch.set_num_threads(2)
    folder = sys.argv[1]
    path = os.path.join(folder, "fashion.onnx")
    _, _, test_x, test_y = data.load()
    pick = pack.balanced(test_y, 2000)
    x = train.scaled(test_x)
    y = torch.from_numpy(test_y.copy()).long()

    net = network(path).to(memory_format=torch.channels_last).eval()

    version, logits = onnxruntime_logits(path, x.numpy())
    right = logits.argmax(1) == test_y
    with torch.no_grad():
        ours = net(x[pick[:FIRST]]).numpy()

    folded = fold(net)
    weight_only = []
    for bits in BITS:
        hits = predictions(quantized(folded, bits), x) == y
        weight_only.append({"bits": bits, "top1_2000": percent(hits[pick].numpy()),
                            "top1_10000": percent(hits.numpy())})
    each = {}
    for name, op, *_ in NODES:
        if op in ("conv", "fc"):
            hits = predictions(quantized(folded, 3, only=name), x[pick]) == y[pick]
            each[name] = percent(hits.numpy())

    result = {
        "model": {"file": "fashion.onnx", "sha256": sha256(path)},
        "input": "pixel/255 as float32",
        "onnxruntime": version,
        "torch": torch.__version__,
        "top1_2000": percent(right[pick]),
        "top1_10000": percent(right),
        "torch_top1_10000": percent((predictions(net, x) == y).numpy()),
        "folded_top1_10000": percent((predictions(folded, x) == y).numpy()),
        "torch_minus_onnxruntime_max": float(np.abs(ours - logits[pick[:FIRST]]).max()),
        "weight_only_rule": "symmetric min-max per output channel, batch norm folded first, "
                            "scale = max|w|/(2^(b-1)-1), half to even; all Conv and Gemm weights; "
                            "activations and biases float32",
        "weight_only": weight_only,
        "weight_only_3_bits_one_layer_top1_2000": each,
        "predictions_2000": "".join(str(c) for c in logits[pick].argmax(1)),
        "logits_of_first_16": [[float(v) for v in row] for row in logits[pick[:FIRST]]],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    pack.replace(os.path.join(folder, "reference.json"), (text + "\n").encode())
    sums = "".join(f"{sha256(os.path.join(folder, f))}  {f}\n" for f in FILES)
    pack.replace(os.path.join(folder, "SHA256SUMS"), sums.encode())
    for name, value in result.items():
        if name not in ("logits_of_first_16", "predictions_2000"):
            print(f"{name}: {value}")


def network(path):
    """The Network whose numbers are those of an ONNX file by export.py."""
    tensors = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy())
               for t in onnx.load(path).graph.initializer}
    net = Network()
    state = {}
    for name, op, *_ in NODES:
        if op == "bn":
            state[key(name) + ".weight"] = tensors[name + "/scale"]
            state[key(name) + ".bias"] = tensors[name + "/bias"]
            state[key(name) + ".running_mean"] = tensors[name + "/mean"]
            state[key(name) + ".running_var"] = tensors[name + "/variance"]
            state[key(name) + ".num_batches_tracked"] = torch.tensor(0)
        elif op in ("conv", "fc"):
            state[key(name) + ".weight"] = tensors[name + "/weight"]
            if name + "/bias" in tensors:
                state[key(name) + ".bias"] = tensors[name + "/bias"]
    net.layers.load_state_dict(state)
    return net


def onnxruntime_logits(model, x):
    """Returns onnxruntime's version and its logits [N,10] for x."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtime.py")
    with tempfile.TemporaryDirectory() as folder:
        into, out = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
        np.save(into, x)
        version = subprocess.run([os.environ["ONNXRUNTIME_PYTHON"], script, model, into, out],
                                 check=True, capture_output=True, text=True).stdout.strip()
        return version, np.load(out)


def fold(net):
    """A copy of net whose batch normalizations are folded and left as identities."""
    folded = copy.deepcopy(net)
    for name, op, *inputs in NODES:
        if op != "bn":
            continue
        bn, conv = folded.layers[key(name)], folded.layers[key(inputs[0])]
        gain = bn.weight.double() / torch.sqrt(bn.running_var.double() + bn.eps)
        conv.weight.data = (conv.weight.double() * gain[:, None, None, None]).float()
        conv.bias = torch.nn.Parameter((bn.bias.double() - bn.running_mean.double() * gain).float())
        folded.layers[key(name)] = torch.nn.Identity()
    return folded.to(memory_format=torch.channels_last).eval()


def quantized(folded, bits, only=None):
    """A copy with the weights of Conv and Gemm (or of one of them) fake-quantized."""
    out = copy.deepcopy(folded)
    for name, op, *_ in NODES:
        if op in ("conv", "fc") and only in (None, name):
            w = out.layers[key(name)].weight.data
            top = w.abs().flatten(1).max(1).values.reshape([-1] + [1] * (w.dim() - 1))
            scale = top / (2 ** (bits - 1) - 1)
            codes = torch.where(scale > 0, torch.round(w / scale), torch.zeros_like(w))
            out.layers[key(name)].weight.data = codes * scale
    return out


@torch.no_grad()
def predictions(net, x):
    return torch.cat([net(x[i:i + 500].contiguous(memory_format=torch.channels_last)).argmax(1)
                      for i in range(0, len(x), 500)])


def percent(hits):
    return round(100 * float(np.mean(hits)), 2)


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


if __name__ == "__main__":
    main()
