"""Writes the trained network as ONNX.

	python3 export.py state.pt ../fashion.onnx

The nodes are written one by one from network.NODES with the numbers of the
state, not by torch.onnx.export: names stay readable and batch normalization
stays a node of its own, so that folding it is the reader's work. Needs
python3-onnx 1.12. The bytes depend on nothing but the state.
"""

import os
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from network import BN_EPSILON, CLASSES, NODES, Network, key

OPSET = 13
IR_VERSION = 7  # that of ONNX 1.8, which brought opset 13

METADATA = {
    "input": "float32 [N,1,28,28]: pixel/255 for pixels 0..255 (0 = background), nothing else",
    "output": "float32 [N,10]: logits, no softmax",
    "classes": ", ".join(CLASSES),
    "data": "Fashion-MNIST, (c) 2017 Zalando SE, MIT licence",
}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: export.py state.pt model.onnx")
    net = Network()
    net.load_state_dict(torch.load(sys.argv[1]))
    model = proto(net)
    onnx.checker.check_model(model, full_check=True)
    with open(sys.argv[2] + ".tmp", "wb") as f:
        f.write(model.SerializeToString(deterministic=True))
    os.replace(sys.argv[2] + ".tmp", sys.argv[2])
    print(f"{os.path.getsize(sys.argv[2])} bytes, {len(model.graph.node)} nodes")


def proto(net):
    """The ModelProto of a trained Network."""
    nodes, tensors = [], []

    def tensor(name, values):
        values = np.ascontiguousarray(values, "<f4")
        tensors.append(helper.make_tensor(
            name, TensorProto.FLOAT, values.shape, values.tobytes(), raw=True))
        return name

    tensor("zero", np.float32(0))
    tensor("six", np.float32(6))

    outputs = {"input": "input"}  # node → the value it makes
    for name, op, *inputs in NODES:
        if isinstance(inputs[-1], dict):
            inputs.pop()
        value = "logits" if name == NODES[-1][0] else name + "/output"
        outputs[name] = value
        args = [outputs[i] for i in inputs]
        layer = net.layers[key(name)] if key(name) in net.layers else None
        attributes = {}
        if op == "conv":
            kind = "Conv"
            args.append(tensor(name + "/weight", layer.weight.detach().numpy()))
            if layer.bias is not None:
                args.append(tensor(name + "/bias", layer.bias.detach().numpy()))
            attributes = dict(kernel_shape=list(layer.kernel_size), strides=list(layer.stride),
                              pads=list(layer.padding) * 2, dilations=[1, 1], group=layer.groups)
        elif op == "bn":
            kind = "BatchNormalization"
            args += [tensor(name + "/scale", layer.weight.detach().numpy()),
                     tensor(name + "/bias", layer.bias.detach().numpy()),
                     tensor(name + "/mean", layer.running_mean.numpy()),
                     tensor(name + "/variance", layer.running_var.numpy())]
            attributes = dict(epsilon=BN_EPSILON)
        elif op == "fc":
            kind = "Gemm"
            args += [tensor(name + "/weight", layer.weight.detach().numpy()),
                     tensor(name + "/bias", layer.bias.detach().numpy())]
            attributes = dict(transB=1)
        elif op == "relu6":
            kind = "Clip"
            args += ["zero", "six"]
        elif op == "hardsigmoid":
            kind, attributes = "HardSigmoid", dict(alpha=1 / 6, beta=0.5)
        elif op in ("concat", "flatten"):
            kind, attributes = op.capitalize(), dict(axis=1)
        else:
            kind = {"relu": "Relu", "add": "Add", "mul": "Mul", "pool": "GlobalAveragePool"}[op]
        nodes.append(helper.make_node(kind, args, [value], name=name, **attributes))

    graph = helper.make_graph(
        nodes, "fashion",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        initializer=tensors)
    model = helper.make_model(graph, producer_name="notebooks/demo/train/export.py",
                              opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    model.doc_string = ("A small network trained on Fashion-MNIST: depthwise convolutions, two residual "
                        "sums, two branches joined by Concat, squeeze and excitation.")
    helper.set_model_props(model, METADATA)
    return model


if __name__ == "__main__":
    main()
