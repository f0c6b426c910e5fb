"""The embedded network: one description, two readers.

build() gives the PyTorch module that train.py trains; nodes() lists the same
network as ONNX nodes, which export.py writes with the trained numbers.
"""

import torch
from torch import nn
import torch.nn.functional as F

# Batch normalization as in PyTorch's default.
BN_EPSILON = 1e-5

CLASSES = ["t-shirt/top", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "ankle boot"]

# One row per node, in order of execution:
#   conv: name, "conv", input, out channels, kernel, stride, groups ("dw" or 1), bias
#   other nodes: name, operator, inputs
# A node's input is the name of the node whose output it reads.
NODES = [
    # 28×28
    ("stem/conv", "conv", "input", dict(out=16, kernel=3)),
    ("stem/bn", "bn", "stem/conv"),
    ("stem/relu", "relu", "stem/bn"),
    # 14×14, depthwise separable
    ("block1/dw", "conv", "stem/relu", dict(kernel=3, stride=2, depthwise=True)),
    ("block1/dw_bn", "bn", "block1/dw"),
    ("block1/dw_clip", "relu6", "block1/dw_bn"),
    ("block1/pw", "conv", "block1/dw_clip", dict(out=32)),
    ("block1/pw_bn", "bn", "block1/pw"),
    ("block1/relu", "relu", "block1/pw_bn"),
    # inverted residual
    ("block2/expand", "conv", "block1/relu", dict(out=64)),
    ("block2/expand_bn", "bn", "block2/expand"),
    ("block2/expand_clip", "relu6", "block2/expand_bn"),
    ("block2/dw", "conv", "block2/expand_clip", dict(kernel=3, depthwise=True)),
    ("block2/dw_bn", "bn", "block2/dw"),
    ("block2/dw_clip", "relu6", "block2/dw_bn"),
    ("block2/project", "conv", "block2/dw_clip", dict(out=32)),
    ("block2/project_bn", "bn", "block2/project"),
    ("block2/add", "add", "block2/project_bn", "block1/relu"),
    # two branches, joined by Concat
    ("branch/a", "conv", "block2/add", dict(out=32)),
    ("branch/a_bn", "bn", "branch/a"),
    ("branch/a_relu", "relu", "branch/a_bn"),
    ("branch/b_reduce", "conv", "block2/add", dict(out=16)),
    ("branch/b_reduce_bn", "bn", "branch/b_reduce"),
    ("branch/b_reduce_relu", "relu", "branch/b_reduce_bn"),
    ("branch/b", "conv", "branch/b_reduce_relu", dict(out=32, kernel=3)),
    ("branch/b_bn", "bn", "branch/b"),
    ("branch/b_relu", "relu", "branch/b_bn"),
    ("branch/concat", "concat", "branch/a_relu", "branch/b_relu"),
    # 7×7, with squeeze and excitation
    ("block3/dw", "conv", "branch/concat", dict(kernel=3, stride=2, depthwise=True)),
    ("block3/dw_bn", "bn", "block3/dw"),
    ("block3/dw_clip", "relu6", "block3/dw_bn"),
    ("block3/pw", "conv", "block3/dw_clip", dict(out=96)),
    ("block3/pw_bn", "bn", "block3/pw"),
    ("block3/relu", "relu", "block3/pw_bn"),
    ("se/pool", "pool", "block3/relu"),
    ("se/reduce", "conv", "se/pool", dict(out=24, bias=True)),
    ("se/relu", "relu", "se/reduce"),
    ("se/expand", "conv", "se/relu", dict(out=96, bias=True)),
    ("se/gate", "hardsigmoid", "se/expand"),
    ("se/mul", "mul", "block3/relu", "se/gate"),
    # residual, depthwise separable
    ("block4/dw", "conv", "se/mul", dict(kernel=3, depthwise=True)),
    ("block4/dw_bn", "bn", "block4/dw"),
    ("block4/dw_clip", "relu6", "block4/dw_bn"),
    ("block4/pw", "conv", "block4/dw_clip", dict(out=96)),
    ("block4/pw_bn", "bn", "block4/pw"),
    ("block4/add", "add", "block4/pw_bn", "se/mul"),
    ("block4/relu", "relu", "block4/add"),
    # classifier
    ("head/conv", "conv", "block4/relu", dict(out=160)),
    ("head/bn", "bn", "head/conv"),
    ("head/relu", "relu", "head/bn"),
    ("head/pool", "pool", "head/relu"),
    ("head/flatten", "flatten", "head/pool"),
    ("head/fc", "fc", "head/flatten", dict(out=10)),
]


class Network(nn.Module):
    """Runs NODES in order. The module of node "a/b" is called "a-b" inside."""

    def __init__(self):
        super().__init__()
        channels = {"input": 1}
        self.layers = nn.ModuleDict()
        for name, op, *rest in NODES:
            settings = rest.pop() if isinstance(rest[-1], dict) else {}
            into = channels[rest[0]]
            out = into
            if op == "conv":
                out = into if settings.get("depthwise") else settings["out"]
                k = settings.get("kernel", 1)
                self.layers[key(name)] = nn.Conv2d(
                    into, out, k, stride=settings.get("stride", 1), padding=k // 2,
                    groups=into if settings.get("depthwise") else 1,
                    bias=settings.get("bias", False))
            elif op == "bn":
                self.layers[key(name)] = nn.BatchNorm2d(into, eps=BN_EPSILON)
            elif op == "fc":
                out = settings["out"]
                self.layers[key(name)] = nn.Linear(into, out)
            elif op == "concat":
                out = sum(channels[i] for i in rest)
            channels[name] = out

    def forward(self, x):
        values = {"input": x}
        for name, op, *rest in NODES:
            if isinstance(rest[-1], dict):
                rest = rest[:-1]
            args = [values[i] for i in rest]
            if op in ("conv", "bn", "fc"):
                y = self.layers[key(name)](args[0])
            elif op == "relu":
                y = F.relu(args[0])
            elif op == "relu6":
                y = F.relu6(args[0])
            elif op == "hardsigmoid":
                y = F.hardsigmoid(args[0])  # max(0, min(1, x/6 + 1/2))
            elif op == "add":
                y = args[0] + args[1]
            elif op == "mul":
                y = args[0] * args[1]
            elif op == "concat":
                y = torch.cat(args, 1)
            elif op == "pool":
                y = args[0].mean((2, 3), keepdim=True)
            elif op == "flatten":
                y = args[0].flatten(1)
            else:
                raise ValueError(f"network: node {name}: unknown operator {op}")
            values[name] = y
        return y


def key(name):
    """The module name of a node (PyTorch allows no dot, we keep no slash)."""
    return name.replace("/", "-")
