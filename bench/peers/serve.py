"""`python serve.py jax|torch THREADS DATA.json`: takes steps when told to, one line in, one line out.

In: {"row", "form", "mode", "steps"}. Out: {"seconds", "cpu"}, of the wall and of the processor. The first time, steps
include compilation.
"""

import json
import os
import resource
import sys
import time

name, threads, path = sys.argv[1:]
if name == "jax":
    # There is no other way to tell XLA how many threads its pools have; read when it starts.
    os.environ["NPROC"] = os.environ["PJRT_NPROC"] = threads
    if threads == "1":
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import in_jax as peer
else:
    import in_torch as peer

    peer.torch.set_num_threads(int(threads))

import numpy as np
from rows import rows, setting

with open(path) as file:
    batch = json.load(file)
images, labels = np.array(batch["images"], "f").reshape(len(batch["labels"]), -1), np.array(batch["labels"])


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


# The width that XLA prefers on any processor unless it is told otherwise; PyTorch has kernels for what the processor is.
if name == "jax":
    bits = 256
else:
    capability = peer.torch.backends.cpu.get_cpu_capability()
    bits = 512 if "512" in capability else 256 if "AVX2" in capability else 128
print(f"ready {bits}", flush=True)
steppers = {}
for line in sys.stdin:
    order = json.loads(line)
    key = order["row"], order["form"], order["mode"]
    wall, used = time.perf_counter(), cpu()
    if key not in steppers:
        row = rows[order["row"]]
        steppers[key] = peer.prepare(row, order["form"], order["mode"], *setting(row, images, labels))
    steppers[key](order["steps"])
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpu": cpu() - used}), flush=True)
