"""runtime.py model.onnx x.npy y.npy: runs the model with onnxruntime, prints its version."""

import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
x = np.load(sys.argv[2])
y = [session.run(["logits"], {"input": x[i:i + 500]})[0] for i in range(0, len(x), 500)]
np.save(sys.argv[3], np.concatenate(y))
print(onnxruntime.__version__)
