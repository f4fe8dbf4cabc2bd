"""The JSON that ganocl writes beside the schemas in docs/schema: scripts/check-schema starts this.

    schemas.py GANOCL DEVICE SOURCE

Every command that has JSON is run on tiny models, and what it says must be valid; so must be the logs,
options and pages of those runs. Each schema must be used, and each must refuse what lacks a required key
or has one that it does not know.
"""

import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema

GANOCL, DEVICE, SOURCE = sys.argv[1:4]
SYSTEMS = ("dcgan", "resnet_gan", "nvae", "pix2pix", "unet_gan")
failures = []


def complain(text):
    failures.append(text)
    print("check-schema: FAILED:", text)


def load_schemas():
    schemas = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "docs/schema/*.schema.json"))):
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        name = os.path.basename(path).removesuffix(".schema.json")
        schemas[name] = jsonschema.Draft202012Validator(schema)
    return schemas


schemas = load_schemas()
seen = {}  # by schema: something valid


def check(name, value, what):
    for error in list(schemas[name].iter_errors(value))[:3]:
        complain(f"{what}: {name}: at {list(error.absolute_path)}: {error.message[:300]}")
    seen.setdefault(name, value)


def run(*words, given=None, **more):
    """Standard output of the program."""
    environment = dict(os.environ, **more)
    done = subprocess.run(
        [GANOCL, "--device", DEVICE, "-q", *words],
        capture_output=True, text=True, input=given, env=environment, check=False,
    )
    if done.returncode != 0:
        complain(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()[-300:]}")
        sys.exit(1)
    return done.stdout


def check_command(name, *words, **more):
    check(name, json.loads(run(*words, **more)), " ".join(words))


def check_run(folder):
    with open(os.path.join(folder, "log.jsonl"), encoding="utf-8") as file:
        for line in file:
            check("log", json.loads(line), folder)
    with open(os.path.join(folder, "options.json"), encoding="utf-8") as file:
        check("options", json.load(file), folder)
    run("report", folder)
    with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
        data = re.search(r'<script[^>]*id="?data"?[^>]*>(.*?)</script>', file.read(), re.DOTALL)
    check("report", json.loads(data.group(1)), folder)


def check_models():
    for system in SYSTEMS:
        check_command("describe", "describe", system + ":tiny", "--json")
        run("train", "--model", system + ":tiny", "--batch", "2", "--steps", "2", "--out", system,
            "--set", "eval.every=1", "--set", "eval.count=4", "--set", "train.log_every=1")
        check_run(system)
        check_command("evaluate", "evaluate", system, "--data", "builtin:faces", "--count", "4")
    run("train", "--model", "resnet_gan:tiny-classifier", "--batch", "2", "--steps", "1",
        "--accumulate", "2", "--out", "classifier")
    check_run("classifier")
    check_command("evaluate", "evaluate", "classifier", "--data", "builtin:faces", "--count", "4",
                  "--json")
    check_command("classify", "classify", "classifier", "--data", "builtin:faces", "--count", "2",
                  "--json")


def check_data():
    check_command("dataset-info", "dataset", "info", "builtin:faces", "--json")
    check_command("dataset-info", "dataset", "info", "dcgan/samples", "--json")
    os.makedirs("mixed")
    with open("dcgan/reals.png", "rb") as file:
        picture = file.read()
    for name, content in (("a", picture), ("b", picture), ("broken", picture[:100])):
        with open(f"mixed/{name}.png", "wb") as file:
            file.write(content)
    done = subprocess.run([GANOCL, "dataset", "check", "mixed", "--json"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 1:
        complain(f"dataset check: status {done.returncode} for a broken picture")
    check("dataset-check", json.loads(done.stdout), "dataset check")


def check_rest():
    check_command("devices", "devices", "--json")
    check_command("dry-run", "train", "--model", "dcgan:tiny", "--batch", "2", "--dry-run",
                  "--json")
    check_command("bench", "bench", "dcgan:tiny", "--batch", "2", "--steps", "1", "--json")
    layer = {"kind": "conv", "input": [1, 8, 8, 4], "filter": [3, 3, 4, 4], "stride": 1, "pad": 1,
             "direction": "forward", "runs": 1}
    check_command("bench-layers", "bench", "--layers", given=json.dumps(layer) + "\n")
    check_command("selftest", "selftest",
                  os.path.join(SOURCE, "tests/golden/dcgan-tiny-drop"), "--json")
    check_command("selftest", "selftest", "--only", "concat", "--quick", "--json")
    check_command("autotune", "autotune", "dcgan:tiny", "--batch", "2", "--budget", "1", "--json",
                  GANOCL_CACHE=os.path.abspath("cache"), GANOCL_RECORDS="")


def check_vendors():
    """One check of scripts/check-vendors on the device, where the program lies in its build."""
    build = os.path.dirname(os.path.realpath(GANOCL))
    name = json.loads(run("selftest", "--only", "concat", "--quick", "--json"))["device"]
    done = subprocess.run([os.path.join(SOURCE, "scripts/check-vendors"), "--device", name,
                           "--quick", "--parts", "limits", "--out", "vendors", build],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        complain(f"check-vendors: status {done.returncode}: {done.stdout[-500:]}{done.stderr[-300:]}")
    for path in glob.glob("vendors/*.json"):
        with open(path, encoding="utf-8") as file:
            check("vendors", json.load(file), path)


def check_strictness():
    """Each schema refuses what was valid once a required key is gone or an unknown one is there."""
    for name, valid in schemas.items():
        if name not in seen:
            complain(f"nothing was checked against {name}.schema.json")
            continue
        array = isinstance(seen[name], list)
        sample = seen[name][0] if array else seen[name]
        closed = "additionalProperties" in json.dumps(valid.schema).replace(
            '"additionalProperties": true', "")
        changed = [(key, {k: v for k, v in sample.items() if k != key}) for key in sample]
        optional = optional_keys(valid.schema)
        for key, value in changed:
            if key not in optional and valid.is_valid([value] if array else value):
                complain(f"{name}: accepts an object without {key}")
        extra = dict(copy.deepcopy(sample), not_in_any_schema=1)
        if closed and name != "evaluate" and valid.is_valid([extra] if array else extra):
            complain(f"{name}: accepts an unknown key")


def optional_keys(schema):
    """Keys that some alternative of the schema knows and does not require."""
    schema = schema.get("items", schema)
    alternatives = schema.get("oneOf", [schema])
    return {key for one in alternatives for key in one["properties"] if key not in one["required"]}


with tempfile.TemporaryDirectory() as place:
    os.chdir(place)
    check_models()
    check_data()
    check_rest()
    check_vendors()
    check_strictness()
    os.chdir("/")
print(f"check-schema: {len(seen)} of {len(schemas)} schemas used, {len(failures)} failures")
sys.exit(bool(failures))
