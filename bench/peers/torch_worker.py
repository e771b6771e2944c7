"""The PyTorch peer of bench/peers: a process that is handed turns.

Reads commands from its standard input, one JSON object a line, some with numbers behind them (float32 or
int64, as they lie in memory), and answers each with one JSON line on its standard output.
"""
import json
import os
import sys
import time


def main():
    commands, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(values, tensor=None):
        answers.write(json.dumps(values).encode() + b"\n")
        if tensor is not None:
            answers.write(memoryview(tensor.contiguous().numpy()).cast("B"))
        answers.flush()

    try:
        import torch
        from torch.nn import functional
    except ImportError as error:
        answer({"error": str(error)})
        return

    def read(*shape, kind=torch.float32):
        tensor = torch.empty(shape, dtype=kind)
        if tensor.numel() > 0:
            into = memoryview(tensor.numpy()).cast("B")
            at = 0
            while at < len(into):
                count = commands.readinto(into[at:])
                if not count:
                    raise EOFError("numbers expected")
                at += count
        return tensor

    def blas():
        with open("/proc/self/maps") as maps:
            files = {os.path.realpath(line.split()[-1]) for line in maps if "blas" in line or "mkl_rt" in line}
        return ", ".join(sorted(file for file in files if "/" in file))

    experts, plans, x = {}, [], None

    def run(plan):
        y = torch.zeros_like(x)
        for expert, token, weight in plan:
            up, gate, down = experts[expert]
            rows = x[token]
            hidden = functional.silu(functional.linear(rows, gate)) * functional.linear(rows, up)
            y.index_add_(0, token, functional.linear(hidden, down) * weight[:, None])
        return y

    with torch.inference_mode():
        for line in commands:
            command = json.loads(line)
            what = command["do"]
            if what == "start":
                torch.set_num_threads(command["threads"])
                torch.mm(torch.ones(64, 64), torch.ones(64, 64))  # loads the library of its products
                answer({"version": "PyTorch " + torch.__version__, "blas": blas(),
                        "threads": torch.get_num_threads()})
            elif what == "begin":
                experts.clear()
                answer({})
            elif what == "load":
                depth, width = command["d_model"], command["width"]
                up, gate, down = read(width, depth), read(width, depth), read(width, depth)
                experts[command["expert"]] = (up, gate, down.t().contiguous())  # as nn.Linear keeps them
                answer({})
            elif what == "prepare":
                x = read(command["tokens"], command["d_model"])
                plans = []
                for _ in range(command["plans"]):
                    begin = read(command["experts"] + 1, kind=torch.int64).tolist()
                    token = read(begin[-1], kind=torch.int64)
                    weight = read(begin[-1])
                    plans.append([(e, token[begin[e]:begin[e + 1]], weight[begin[e]:begin[e + 1]])
                                  for e in range(command["experts"]) if begin[e + 1] > begin[e]])
                answer({})
            elif what == "run":
                start = time.perf_counter()
                y = run(plans[command["plan"]])
                seconds = time.perf_counter() - start
                answer({"seconds": seconds}, y if command["rows"] else None)
            else:
                answer({"error": "unknown command " + what})


main()
