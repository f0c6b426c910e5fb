"""Runs cells in the real kernel, and prints a JSON list of what each printed.

Arguments: a JSON object with argv, env, cwd, log, cells.
"""
import json
import sys

import kernel

opt = json.loads(sys.argv[1])
with kernel.started(opt) as (_, client):
    texts = [kernel.run(client, cell)[1] for cell in opt["cells"]]
print(json.dumps(texts))
