"""Which devices there are, and the environment in which each is reached."""

import json
import os
import shutil
import tempfile

import process

LISTING_SECONDS = 120
SMALL = "work_group=64,local=16384,alloc=134217728,align=4096,fp64=0"


class Device:
    """A device, how to start a command on it, and what is too much to ask of it."""

    def __init__(self, facts, environment, before=(), slow=False):
        self.facts = facts
        self.environment = environment
        self.before = list(before)
        self.slow = slow  # a simulator: hours where others take seconds
        self.number = str(facts["number"])
        self.title = f"{facts['platform']}: {facts['name']}"

    def run(self, command, limit, folder=None, **more):
        environment = dict(self.environment, GANOCL_TEST_DEVICE=self.number, **more)
        return process.run(self.before + command, environment, limit, folder)


class Drivers:
    """A folder of the drivers' names for the loader: those of the system and some more."""

    def __init__(self, more):
        self.folder = tempfile.mkdtemp(prefix="ganocl-drivers-")
        usual = os.environ.get("OCL_ICD_VENDORS", "/etc/OpenCL/vendors")
        for name in sorted(os.listdir(usual)) if os.path.isdir(usual) else []:
            shutil.copy(os.path.join(usual, name), self.folder)
        for number, library in enumerate(more):
            path = os.path.join(self.folder, f"more{number}.icd")
            with open(path, "w", encoding="utf-8") as file:
                file.write(os.path.abspath(library) + "\n")

    def remove(self):
        shutil.rmtree(self.folder)


def environment_of(build, drivers, small):
    """Of every check: no records of the machine, no helpers, one cache of programs for all."""
    environment = dict(os.environ)
    environment.setdefault("RUSTICL_ENABLE", "llvmpipe")  # Mesa's shows no device without
    environment.update(GANOCL=os.path.join(build, "ganocl"), GANOCL_RECORDS="off",
                       GANOCL_HELPERS="0", GANOCL_CACHE=os.path.join(build, "tests/cache"))
    if drivers is not None:
        environment["OCL_ICD_VENDORS"] = drivers.folder
    if small:
        environment["LD_PRELOAD"] = os.path.join(build, "tests/shim.so")
        environment["OCLSHIM_LIMITS"] = SMALL
        environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"
    return environment


def listed(build, environment, before=()):
    """What `ganocl devices --json` says, and why not if it says nothing."""
    done = process.run([*before, os.path.join(build, "ganocl"), "devices", "--json"], environment,
                       LISTING_SECONDS)
    try:
        return json.loads(done.out), ""
    except ValueError:
        return [], done.why()


def find_oclgrind(source, work, environment, small):
    """The simulator, its preloaded half built; None and why where it is not."""
    if shutil.which("oclgrind") is None:
        return None, "not installed (Debian: oclgrind)"
    library = os.path.join(work, "ahead.so")
    built = process.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library,
                         os.path.join(source, "tests/oclgrind.c")], environment, LISTING_SECONDS)
    if built.status != "passed":
        return None, built.why()
    inner = dict(environment, OCLGRIND_FLOAT_WIDTH="4", GANOCL_CACHE="off")
    inner.pop("LD_PRELOAD", None)
    preload = library + (":" + environment["LD_PRELOAD"] if small else "")
    before = ["oclgrind", "sh", "-c", f'LD_PRELOAD="{preload}:$LD_PRELOAD" exec "$0" "$@"']
    return (inner, before), ""


def find(build, source, work, drivers, options):
    """All devices, and what is missing: pairs of a name and why."""
    environment = environment_of(build, drivers, options.small_limits)
    found, why = listed(build, environment)
    devices = [Device(facts, environment) for facts in found]
    missing = [("OpenCL", why)] if why else []
    if options.quick and not options.device:
        missing.append(("Oclgrind", "hours; left out by --quick"))
    else:
        simulator, why = find_oclgrind(source, work, environment, options.small_limits)
        if simulator is not None:
            found, why = listed(build, *simulator)
            devices += [Device(facts, *simulator, slow=True) for facts in found]
        if why:
            missing.append(("Oclgrind", why))
    if not any("Intel" in device.facts["platform"] for device in devices):
        missing.append(("Intel's CPU runtime", "not installed (in a virtual environment: pip "
                        "install intel-opencl-rt intel-cmplr-lib-rt; then --icd "
                        "VENV/lib/libintelocl.so)"))
    if options.device:
        devices = [d for d in devices
                   if any(part.lower() in d.title.lower() for part in options.device)]
    return devices, missing
