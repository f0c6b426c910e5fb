"""Asks the real kernel for completions and for help on names.

Arguments: a JSON object with argv, env, cwd, log, cells (run first), complete and
inspect (lists of code with a | at the cursor). Prints a JSON object: for each
code, seconds and the matches, or the text.
"""
import json
import sys
import time

import kernel

opt = json.loads(sys.argv[1])
out = {"complete": [], "inspect": []}
with kernel.started(opt) as (_, client):
    for cell in opt["cells"]:
        status, text = kernel.run(client, cell)
        if status != "ok":
            raise SystemExit("a cell failed: %s" % text)

    def ask(kind, code):
        at = code.index("|")
        code = code[:at] + code[at + 1:]
        start = time.monotonic()
        if kind == "complete":
            reply = client.complete(code, cursor_pos=at, reply=True, timeout=120)["content"]
            got = reply["matches"]
        else:
            reply = client.inspect(code, cursor_pos=at, reply=True, timeout=120)["content"]
            got = "\n".join(str(v) for v in reply.get("data", {}).values())
        return {"seconds": time.monotonic() - start, "got": got, "status": reply["status"]}

    ask("complete", "%%\nfmt.Pr|")  # gopls loads the packages once
    time.sleep(opt["settle"])
    for kind in out:
        for code in opt[kind]:
            out[kind].append(ask(kind, code))
print(json.dumps(out))
