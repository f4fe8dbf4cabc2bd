"""PyTorch's side of compare, started with the interpreter that has it:

    torch_side.py steps REFERENCE THREADS SYSTEM PRESET CHANGES BATCH MODE
    torch_side.py layers REFERENCE THREADS

Answers lines of JSON on standard input; see the two functions below. CHANGES are settings as a JSON
object; those that the reference does not have are left out.
"""

import json
import os
import sys
import time

sys.dont_write_bytecode = True

# Compilers and libraries may print: the answers keep the real standard output to themselves.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="ascii")
os.dup2(2, 1)


def tell(answer):
    ANSWERS.write(json.dumps(answer) + "\n")
    ANSWERS.flush()


def memory(key):
    """VmRSS: this process's memory now; VmHWM: the most since it was reset. In bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(key + ":"):
                return 1024 * int(line.split()[1])
    raise KeyError(key)


def reset_peak():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def timed(work, runs):
    """Milliseconds of one of the runs: by the clock, and of this process on all cores."""
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(runs):
        work()
    return {
        "ms": 1e3 * (time.perf_counter() - start) / runs,
        "cpu_ms": 1e3 * (time.process_time() - cpu) / runs,
    }


# ---- networks of the reference --------------------------------------------------------------------


def tupled(value):
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


def build(system, preset, changes):
    """The networks, by a preset of the same name; else by the settings of ours."""
    from systems import SYSTEMS

    module = SYSTEMS[system]
    if preset in module.PRESETS:
        return module, module.build(preset)
    base = next(iter(module.PRESETS))
    known = {k: tupled(v) for k, v in changes.items() if k in module.PRESETS[base]}
    return module, module.build(base, **known)


def draw(spec, layout):
    import numpy
    from systems import common

    values = common.decode(spec, common.draw(spec, numpy.random.default_rng(0)))
    return {k: v.contiguous(memory_format=layout) if v.dim() == 4 else v for k, v in values.items()}


def steps(torch, system, preset, changes, batch, mode):
    """Says {"torch", "ms"} when the first step is made; then for each number of steps N
    {"ms", "cpu_ms", "peak_bytes"}: a step's time, and this process's peak during these steps
    less what it had when PyTorch was loaded and nothing built."""
    torch.zeros(1)
    before = memory("VmRSS")
    module, nets = build(system, preset, changes)
    optimisers = module.make_optimisers(nets)
    last = "channels_last" in mode
    layout = torch.channels_last if last else torch.contiguous_format
    if last:
        nets.each("to", memory_format=layout)
    if "compiled" in mode:
        for name in nets:
            nets[name].forward = torch.compile(nets[name].forward)
    data = draw(module.batch_spec(nets.cfg, batch), layout)
    # Dropout masks are drawn by PyTorch, as a user would have it.
    noise = {k: v for k, v in module.noise_spec(nets.cfg, batch).items() if v[0][:4] != "keep"}
    noise = draw(noise, layout)

    def step():
        module.train_step(nets, optimisers, data, noise)

    first = timed(step, 1)
    tell({"torch": torch.__version__, "ms": first["ms"]})
    for line in sys.stdin:
        reset_peak()
        answer = timed(step, json.loads(line))
        answer["peak_bytes"] = memory("VmHWM") - before
        tell(answer)


# ---- layers -----------------------------------------------------------------------------------------


def list_layers(question):
    """The distinct convolutions of a forward pass, as `ganocl bench --layers` takes them."""
    import measure

    _, nets = build(question["system"], question["preset"], question["changes"])
    system = question["system"]
    found = []
    for calls in measure.forward_calls(system, nets, 1).values():
        for c in calls:
            if c.op == "linear":
                continue
            _, channels, h, w = c.input
            first, second, r, s = c.weight
            plain = "conv" if c.op == "conv" else "transposed"
            layer = {
                "kind": plain if c.groups == 1 else "depthwise",
                "input": [question["batch"], h, w, channels],
                "filter": [r, s, second, first],
                "stride": c.stride[0],
                "pad": c.padding[0],
                "out_pad": c.output_padding[0],
            }
            if layer not in found:
                found.append(layer)
    return found


class Layer:
    """A layer's operands in one memory format, and its three directions."""

    def __init__(self, torch, question, mode):
        n, h, w, c = question["input"]
        r, s, second, first = question["filter"]
        layout = torch.channels_last if mode == "channels_last" else torch.contiguous_format
        self.torch = torch
        self.transposed = question["kind"] == "transposed"
        self.groups = c if question["kind"] == "depthwise" else 1
        self.stride, self.pad = [question["stride"]] * 2, [question["pad"]] * 2
        self.out_pad = [question["out_pad"]] * 2
        self.x = torch.randn(n, c, h, w).contiguous(memory_format=layout)
        self.f = torch.randn(first, second, r, s).contiguous(memory_format=layout)
        self.dy = torch.randn_like(self.forward()).contiguous(memory_format=layout)

    def forward(self):
        return self.torch.ops.aten.convolution(
            self.x,
            self.f,
            None,
            self.stride,
            self.pad,
            [1, 1],
            self.transposed,
            self.out_pad,
            self.groups,
        )

    def backward(self, mask):
        return self.torch.ops.aten.convolution_backward(
            self.dy,
            self.x,
            self.f,
            None,
            self.stride,
            self.pad,
            [1, 1],
            self.transposed,
            self.out_pad,
            self.groups,
            mask,
        )

    def data(self):
        return self.backward([True, False, False])

    def weight(self):
        return self.backward([False, True, False])


def layers(torch):
    """{"system", "preset", "changes", "batch"}: its layers. A layer with "direction", "mode" and
    "runs": {"ms", "cpu_ms"} after a run that is not timed if it is not the last layer asked for."""
    ready, warm, last = {}, set(), None
    tell({"torch": torch.__version__})
    for line in sys.stdin:
        question = json.loads(line)
        if "system" in question:
            tell(list_layers(question))
            continue
        runs, mode, direction = (question.pop(k) for k in ("runs", "mode", "direction"))
        if question != last:
            ready, warm, last = {}, set(), question
        if mode not in ready:
            ready[mode] = Layer(torch, question, mode)
        work = getattr(ready[mode], direction)
        if (mode, direction) not in warm:
            warm.add((mode, direction))
            work()
        tell(timed(work, runs))


def main(task, reference, threads, *rest):
    sys.path.insert(0, reference)
    import torch

    torch.set_num_threads(int(threads))
    if task == "steps":
        system, preset, changes, batch, mode = rest
        steps(torch, system, preset, json.loads(changes), int(batch), mode)
    else:
        with torch.no_grad():
            layers(torch)


if __name__ == "__main__":
    main(*sys.argv[1:])
