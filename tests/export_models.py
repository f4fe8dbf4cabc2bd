"""Whether exported models are the trained ones: scripts/check-export starts this.

    export_models.py GANOCL all|tiny|MODEL...

Each model gets weights, drawn such that every layer matters (one of them is trained instead), and is
exported. The ONNX file has to pass the ONNX checker with its strict
shape inference, and ONNX Runtime has to make of it what `ganocl forward` makes of the same weights, within
1e-4 of the largest value, for one picture and for three at once. Beyond that the pictures of `ganocl sample` and `ganocl
translate` are made again from their seeds: the random numbers are Philox, written here a second time.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-4
failures = []


def check(holds, *what):
    text = " ".join(str(part) for part in what)
    if not holds:
        failures.append(text)
        print("check-export: FAILED:", text, flush=True)
    return holds


def ganocl(*words):
    done = subprocess.run([program, "--device", device, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ganocl {' '.join(words)}: {done.returncode}: {done.stderr.strip()}")
    return done.stdout


# ---- files ----


def read_safetensors(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            values = np.frombuffer(data[8 + length + first : 8 + length + last], "<f4")
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def write_safetensors(path, tensors, metadata=None):
    header, body = {"__metadata__": metadata} if metadata else {}, b""
    for name, values in tensors.items():
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def write_png(path, pixels):
    """[H, W, C] bytes, C 1 or 3."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def read_png(path):
    """[H, W, C] bytes of an 8-bit picture that is not interlaced."""
    data, at, body = open(path, "rb").read(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        part = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", part[:10])
        elif kind == b"IDAT":
            body += part
        at += 12 + length
    channels = {0: 1, 2: 3}[colour]
    raw, stride = zlib.decompress(body), width * channels
    before = [0] * stride
    rows = []
    for y in range(height):
        kind, line = raw[y * (stride + 1)], raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)]
        row = [0] * stride
        for i, value in enumerate(line):
            left = row[i - channels] if i >= channels else 0
            corner = before[i - channels] if i >= channels else 0
            add = (0, left, before[i], (left + before[i]) // 2, paeth(left, before[i], corner))[kind]
            row[i] = (value + add) & 255
        rows.append(row)
        before = row
    return np.array(rows, np.uint8).reshape(height, width, channels)


# ---- random numbers: Philox4x32-10 (Salmon et al. 2011), as host/base/philox.h uses it ----


def philox(seed, step, stream, n):
    index = np.arange(n, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    c = [index & low, index >> np.uint64(32), np.full(n, stream, np.uint64), np.full(n, step, np.uint64)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            b & low,
            (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            a & low,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def uniform(seed, step, stream, n):
    return (philox(seed, step, stream, n)[0] >> np.uint64(8)).astype(np.float64) * 2.0**-24


def normal(seed, step, stream, n):
    r = philox(seed, step, stream, n)
    u1 = (r[0] >> np.uint64(8)).astype(np.float64) * 2.0**-24 + 2.0**-25
    u2 = (r[1] >> np.uint64(8)).astype(np.float64) * 2.0**-24
    return np.sqrt(-2 * np.log(u1)) * np.cos(6.283185307179586 * u2)


def noise_stream(name):
    """FNV-1a: host/nn/names.c."""
    value = 2166136261
    for byte in b"noise " + name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


NO_STEP, SEED_STREAM = 0xFFFFFFFF, 0x73656564


# ---- models ----


def shape_of(port, n):
    return [n if isinstance(size, str) else size for size in port.shape]


def draw(session, n, seed):
    """Inputs for n pictures: normal random numbers, zeros and ones for masks."""
    random = np.random.default_rng(seed)
    inputs = {}
    for port in session.get_inputs():
        shape = shape_of(port, n)
        if port.name == "temperature":
            continue
        if port.name.startswith("mask"):
            inputs[port.name] = random.integers(0, 2, shape).astype(np.float32)
        elif port.name.split(".")[-1].startswith("u_"):
            inputs[port.name] = random.uniform(1e-5, 1 - 1e-5, shape).astype(np.float32)
        elif port.name in ("x", "source", "target"):
            inputs[port.name] = random.uniform(0, 1, shape).astype(np.float32)
        else:
            inputs[port.name] = random.normal(size=shape).astype(np.float32)
    return inputs


def open_onnx(path):
    """Checks the file; a session of ONNX Runtime."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session, inputs):
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def compare(what, got, wanted):
    if got.shape != wanted.shape and not (got.size == wanted.size and len(got) == len(wanted)):
        return check(False, what, got.shape, "is not", wanted.shape)
    scale = float(np.max(np.abs(wanted)))
    error = float(np.max(np.abs(got.reshape(wanted.shape) - wanted))) / scale
    check(scale > 0 and error <= TOLERANCE, what, "differs by", error, "of", scale)
    return error


def rows_are_independent(what, session, inputs, outputs):
    """Pictures do not depend on their neighbours, and N is free."""
    for i in range(len(next(iter(inputs.values())))):
        one = run(session, {name: values[i : i + 1] for name, values in inputs.items()})
        for name, values in one.items():
            compare(f"{what}: {name} of picture {i} alone", values, outputs[name][i : i + 1])


def against_forward(what, model, session, weights, network, settings, rename, folder, unused=None):
    """The same inputs through `ganocl forward`; rename: an ONNX name as the pass has it; unused: shapes of
    inputs that forward asks for although nothing depends on them."""
    inputs = draw(session, 3, 1)
    outputs = run(session, inputs)
    given, made = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
    tensors = {rename(name): values for name, values in inputs.items()}
    for name, shape in (unused or {}).items():
        tensors.setdefault(name, np.zeros([3, *shape], np.float32))
    write_safetensors(given, tensors)
    changes = [word for setting in settings for word in ("--set", setting)]
    ganocl("forward", model, "--network", network, "--weights", weights, "--in", given, "--out", made, *changes)
    wanted = read_safetensors(made)
    worst = 0
    for name, values in outputs.items():
        other = "out" if len(wanted) == 1 else PASS_NAMES.get(name, name)
        if check(other in wanted, what, "forward gives no", other, "but", list(wanted)):
            worst = max(worst, compare(f"{what}: {name}", values, wanted[other]) or 0)
    rows_are_independent(what, session, inputs, outputs)
    return worst


PASS_NAMES = {"pictures": "sample.mean"}


def check_sample(what, run_folder, session, temperature):
    """Pictures of `ganocl sample`, made again: seeds 3 and 4."""
    sheet = run_folder + "-sample.png"
    ganocl("sample", run_folder, "--seeds", "3-4", "--grid", "2x1", "--out", sheet)
    ports = [port for port in session.get_inputs() if port.name.startswith("z")]
    inputs = {port.name: [] for port in ports}
    for seed in (3, 4):
        lengths = [int(np.prod(shape_of(port, 1))) for port in ports]
        values = normal(seed, NO_STEP, SEED_STREAM, sum(lengths)).astype(np.float32)
        for port, length in zip(ports, lengths):
            part, values = values[:length], values[length:]
            shape = shape_of(port, 1)
            if len(shape) == 4:  # drawn in the order H, W, C
                part = part.reshape(shape[2], shape[3], shape[1]).transpose(2, 0, 1)
            inputs[port.name].append(part.reshape(shape[1:]))
    made = run(session, {name: np.stack(values) for name, values in inputs.items()})["pictures"]
    low = float(0 if "nvae" in what else -1)
    bytes_ = np.clip((made - low) / (1 - low), 0, 1) * 255
    wanted = read_png(sheet).astype(np.float64)
    wanted = np.concatenate(np.split(wanted, 2, axis=1)).reshape(2, wanted.shape[0], -1, wanted.shape[2])
    error = np.max(np.abs(bytes_.transpose(0, 2, 3, 1) - wanted))
    check(error <= 0.5 + 255 * TOLERANCE, what, "sample: pictures differ by", error, "levels")


def check_translate(what, run_folder, session, folder):
    """`ganocl translate` draws dropout by its seed: the masks of picture 0."""
    size = session.get_inputs()[0].shape
    pixels = np.random.default_rng(5).integers(0, 256, (size[2], size[3], size[1])).astype(np.uint8)
    os.mkdir(os.path.join(folder, "in"))
    write_png(os.path.join(folder, "in", "a.png"), pixels)
    out = os.path.join(folder, "translated")
    ganocl("--seed", "7", "translate", run_folder, "--in", os.path.join(folder, "in"), "--out", out)
    inputs = {"source": (pixels.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)}
    for port in session.get_inputs():
        if port.name.startswith("mask"):
            _, c, h, w = port.shape
            keep = uniform(7, 0, noise_stream(port.name), h * w * c) < 0.5
            inputs[port.name] = keep.reshape(1, h, w, c).transpose(0, 3, 1, 2).astype(np.float32)
    made = run(session, inputs)["pictures"][0].transpose(1, 2, 0)
    bytes_ = np.clip((made + 1) / 2, 0, 1) * 255
    error = np.max(np.abs(bytes_ - read_png(os.path.join(out, "a.png"))))
    check(error <= 0.5 + 255 * TOLERANCE, what, "translate: the picture differs by", error, "levels")


# ---- weights ----


def draw_tensor(random, name, shape, tensors):
    """Of a size that keeps activations near 1; statistics and gains that are no neutral elements."""
    if name.endswith("running_var"):
        return random.uniform(0.5, 1.5, shape)
    if name.endswith("log_gain"):  # of weight norm: of the filter's size, about
        weight = tensors[name.removesuffix("log_gain") + "weight"]
        return np.log(np.sqrt((weight**2).sum((1, 2, 3)))) + random.normal(0, 0.1, shape)
    if len(shape) >= 2 and name.endswith("weight"):
        return random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    centre = 1 if name.endswith("weight") else 0  # batch norm's
    return random.normal(centre, 0.2, shape)


def make_checkpoint(model, changes, path):
    facts = json.loads(ganocl("describe", model, "--json", *changes))
    random = np.random.default_rng(11)
    tensors = {}
    for network in facts["networks"]:
        for tensor in network["tensors"]:
            if tensor["role"] != "extra":
                name = tensor["name"]
                tensors[name] = draw_tensor(random, name, tensor["shape"], tensors)
    if facts["settings"].get("ema", 0) > 0:  # averages are other weights
        for name in [name for name in tensors if name.startswith("G.")]:
            tensors[f"G.average/{name}"] = draw_tensor(random, name, tensors[name].shape, tensors)
    metadata = {"format": "ganocl checkpoint 1", "model": model, "settings": json.dumps(facts["settings"])}
    write_safetensors(path, tensors, {**metadata, "step": "2", "images": "4", "seed": "0", "batch": "2"})


# ---- what is checked of each ----


def export(run_folder, name, *words):
    path = f"{run_folder}-{name}"
    ganocl("export", run_folder, "--out", path, "--to", path.rsplit(".", 1)[1], *words)
    return path


def check_model(model, settings, folder):
    what = " ".join([model, *settings])
    system = model.split(":")[0]
    run_folder = os.path.join(folder, "run")
    changes = [word for setting in settings for word in ("--set", setting)]
    if [model, *settings] == TRAINED:
        ganocl("-q", "train", "--model", model, "--batch", "2", "--steps", "2", "--out", run_folder, *changes)
    else:
        make_checkpoint(model, changes, run_folder)
    path = export(run_folder, "use.onnx")
    weights = export(run_folder, "all.safetensors", "--all")
    session = open_onnx(path)
    names = {port.name for port in session.get_inputs()}
    worst = 0
    if system == "nvae":
        side = session.get_outputs()[0].shape[2:]
        mixtures = json.loads(session.get_modelmeta().custom_metadata_map["settings"])["mixtures"]
        draws = {"sample.u_mix": [mixtures, *side], "sample.u_logistic": [3, *side]}
        worst = against_forward(what, model, session, weights, "sample", settings + ["temperature=0.7"],
                                lambda name: name.replace("z.", "sample.eps."), folder, draws)
        check_sample(what, run_folder, session, 0.7)
        whole = open_onnx(export(run_folder, "vae.onnx", "--network", "vae"))
        worst = max(worst, against_forward(f"{what} vae", model, whole, weights, "vae", settings,
                                           lambda name: name, folder))
    elif "z" in names:
        worst = against_forward(what, model, session, weights, "G", settings, lambda name: name, folder)
        check_sample(what, run_folder, session, 1)
    elif "source" in names:
        if system == "pix2pix":
            check("mask.0" in names, what, "has no dropout:", names)
            check_translate(what, run_folder, session, folder)
            rows = draw(session, 2, 3)
            rows_are_independent(what, session, rows, run(session, rows))
            session = open_onnx(export(run_folder, "still.onnx", "--set", "stochastic=false"))
        worst = against_forward(what, model, session, weights, "G", settings, lambda name: name, folder)
    else:
        worst = against_forward(what, model, session, weights, "D", settings, lambda name: name, folder)
    if system != "nvae" and "x" not in names:
        judge = open_onnx(export(run_folder, "judge.onnx", "--network", "D"))
        sources = {port.name: port.shape[1:] for port in session.get_inputs() if port.name == "source"}
        worst = max(worst, against_forward(f"{what} D", model, judge, weights, "D", settings,
                                           lambda name: name, folder, sources))
    return worst


TRAINED = ["dcgan:tiny-bn", "ema=0.9"]
TINY = [
    ["dcgan:tiny"],
    ["dcgan:tiny-bn"],
    ["dcgan:tiny-bn", "ema=0.9"],
    ["resnet_gan:tiny"],
    ["resnet_gan:tiny", "ema=0.9"],
    ["resnet_gan:tiny-classifier"],
    ["resnet_gan:tiny", "big_up=2x2s2", "shortcut_up=3x3s2p1op1", "stem=light", "conv_bias=true"],
    ["nvae:tiny"],
    ["nvae:tiny-rgb"],
    ["nvae:tiny-flow"],
    ["pix2pix:tiny"],
    ["pix2pix:tiny-tf"],
    ["pix2pix:tiny-original"],
    ["unet_gan:tiny"],
    ["unet_gan:tiny-all"],
    ["unet_gan:tiny", "up_mode=upconv", "batch_norm=true", "cond_d=true"],
    ["unet_gan:tiny", "up_mode=pixelshuffle", "residual_src=activated"],
    ["unet_gan:tiny", "size=96", "padding=false", "ema=0.5"],
]
LARGE = [
    ["dcgan:small"],
    ["dcgan:small16"],
    ["dcgan:standard"],
    ["resnet_gan:small"],
    ["resnet_gan:small-classifier"],
    ["nvae:small"],
    ["pix2pix:small"],
    ["pix2pix:small64"],
    ["pix2pix:pix2pix256"],
    ["unet_gan:small"],
    ["unet_gan:colour"],
]


def main(words):
    wanted = TINY if words == ["tiny"] else TINY + LARGE if words == ["all"] else [w.split() for w in words]
    for model, *settings in wanted:
        with tempfile.TemporaryDirectory() as folder:
            before = len(failures)
            try:
                worst = check_model(model, settings, folder)
            except Exception as error:  # the next model may still be right
                check(False, model, *settings, f"{type(error).__name__}: {error}")
            if len(failures) == before:
                print(f"check-export: {' '.join([model, *settings])}: agrees within {worst:.1e}", flush=True)
    print(f"check-export: {len(wanted)} models, {len(failures)} failures")
    return len(failures) > 0


if __name__ == "__main__":
    program, device = sys.argv[1], os.environ.get("GANOCL_TEST_DEVICE", "1")
    sys.exit(main(sys.argv[2:] or ["tiny"]))
