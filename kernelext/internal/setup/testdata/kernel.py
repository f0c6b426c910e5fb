"""A kernel for the scripts beside it."""
import contextlib

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager


@contextlib.contextmanager
def started(opt):
    """Starts the kernel of opt's argv, env, cwd and log; gives manager and client."""
    km = KernelManager()
    km._kernel_spec = KernelSpec(argv=opt["argv"], display_name="x", language="go", interrupt_mode="message")
    with open(opt["log"], "w") as log:
        km.start_kernel(env=opt["env"], stderr=log, stdout=log, cwd=opt["cwd"])
        client = km.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            yield km, client
        finally:
            client.stop_channels()
            km.shutdown_kernel(now=False)


def run(client, code, each=lambda text: None):
    """Runs a cell until the kernel is idle; gives the reply's status and what was printed."""
    text = []

    def output(m):
        c = m["content"]
        if m["msg_type"] == "stream":
            text.append(c["text"])
            each(c["text"])
        elif m["msg_type"] in ("display_data", "update_display_data"):
            text.append(c["data"].get("text/plain", "") + "\n")
        elif m["msg_type"] == "error":
            text.append("ERROR " + c["evalue"])
    reply = client.execute_interactive(code, timeout=300, allow_stdin=False, output_hook=output)
    return reply["content"]["status"], "".join(text)
