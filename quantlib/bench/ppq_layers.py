"""Measures with PPQ what the bench measures with quantlib: the noise at the
network's output when one layer is quantized, and how its observers choose ranges.

Usage: ppq_layers.py request.json reply.json
"""
import contextlib
import io
import json
import sys
import warnings

warnings.filterwarnings("ignore")
with contextlib.redirect_stdout(io.StringIO()):  # PPQ prints a banner
    import numpy as np
    import torch
    import ppq.lib as PFL
    from ppq.api import load_onnx_graph
    from ppq.core import PPQ_CONFIG, OperationQuantizationConfig, QuantizationStates, TargetPlatform
    from ppq.executor import TorchExecutor
    from ppq.IR import GraphReplacer, QuantableGraph, Variable
    from ppq.IR.base.command import QuantizeOperationCommand
    from ppq.quantization.analyse import layerwise_error_analyse
    from ppq.quantization.observer import TensorObserverFactroy
    from ppq.quantization.optim import ParameterQuantizePass, RuntimeCalibrationPass

LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


torch.set_num_threads(1)


def config(bits, signed, axis, method="minmax"):
    if signed:  # symmetric, narrow range
        half = 2 ** (bits - 1) - 1
        return PFL.LinearQuantizationConfig(True, channel_axis=axis, quant_min=-half, quant_max=half, num_of_bits=bits, calibration=method)
    return PFL.LinearQuantizationConfig(False, quant_min=0, quant_max=2**bits - 1, num_of_bits=bits, calibration=method)


def unquantized():
    c = config(8, True, None)
    c.state = QuantizationStates.FP32
    return c


def channel_axis(op):
    if op.type == "ConvTranspose":
        return 1
    if op.type == "MatMul":
        return op.inputs[1].value.ndim - 1
    return 1 if op.type == "Gemm" and op.attributes.get("transB", 0) == 0 else 0


def layers(path, samples, bits, weight, activation):
    """NSR by layer. samples is [N, ...] float32, in batches of 8, of which
    PPQ's calibration wants at least 8."""
    graph = load_onnx_graph(path)
    quantable = QuantableGraph(GraphReplacer(graph))
    for op in list(graph.operations.values()):
        if op.type not in LAYERS:
            continue
        inputs = [unquantized() for _ in op.inputs]
        if activation:
            inputs[0] = config(bits, False, None)
        if weight:
            inputs[1] = config(bits, True, channel_axis(op))
        outputs = [unquantized() for _ in op.outputs]
        quantable(QuantizeOperationCommand(
            op_name=op.name, target_platform=TargetPlatform.INT8, config=OperationQuantizationConfig(inputs, outputs)))
    executor = TorchExecutor(graph, device="cpu")
    batches = [torch.from_numpy(samples[i:i + 8]) for i in range(0, len(samples), 8)]
    executor.tracing_operation_meta(inputs=batches[0])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # In this order activations are calibrated on the float network, as ours are;
        # PPQ's own order sees what flows behind quantized weights.
        RuntimeCalibrationPass(method="minmax").optimize(graph, batches, executor, calib_steps=len(batches))
        ParameterQuantizePass(method="minmax").optimize(graph, batches, executor)
        return layerwise_error_analyse(graph, batches, running_device="cpu", method="snr", steps=len(batches), verbose=False)


def observed(x, bits, signed, method):
    """The squared error that an observer's choice leaves on x, relative to Σx²."""
    c = config(bits, signed, None, method)
    v = Variable(name="x", value=None, is_parameter=False)
    o = TensorObserverFactroy.build_observer(v, c)
    t = torch.from_numpy(x)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        o.observe(t)
        o.render_quantization_config()
        if c.state == QuantizationStates.INITIAL:
            o.observe(t)  # histograms take two passes
            o.render_quantization_config()
    scale, offset = float(c.scale), float(c.offset)
    q = (np.clip(np.round(x / np.float32(scale)) + offset, c.quant_min, c.quant_max) - offset) * np.float32(scale)
    return {"scale": scale, "nsr": float(((q - x).astype(np.float64) ** 2).sum() / (x.astype(np.float64) ** 2).sum())}


def main():
    request = json.load(open(sys.argv[1]))
    reply = {"version": PPQ_CONFIG.VERSION, "layers": [], "observed": []}
    for r in request["layers"]:
        samples = np.fromfile(r["samples"], dtype="<f4").reshape(r["shape"])
        reply["layers"].append(layers(r["path"], samples, r["bits"], r["weight"], r["activation"]))
    for r in request["observed"]:
        x = np.fromfile(r["samples"], dtype="<f4")
        try:
            reply["observed"].append(observed(x, r["bits"], r["signed"], r["method"]))
        except Exception as e:
            reply["observed"].append({"error": f"{type(e).__name__}: {e}"})
    json.dump(reply, open(sys.argv[2], "w"))


main()
