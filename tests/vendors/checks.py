"""The device suite: what is run on a device, and what is kept of it."""

import glob
import json
import os

SYSTEMS = ("dcgan", "nvae", "pix2pix", "resnet_gan", "unet_gan")
PARTS = ("ops", "variants", "plans", "replays", "tuner", "resume", "limits")
# Test programs by part: of every run, and of a whole one only.
PROGRAMS = {
    "plans": (("check_emit",), ("check_plan", "check_recompute", "check_winograd")),
    "tuner": ((), ("check_autotune", "check_tuned", "check_records")),
    "resume": ((), ("check_resume",)),
}


def recordings(source):
    found = glob.glob(os.path.join(source, "tests/golden/*/meta.json"))
    return sorted(os.path.basename(os.path.dirname(path)) for path in found)


def first_of_each(names):
    """Of each system the shortest name: its plainest recording."""
    return [min((name for name in names if name.startswith(system + "-")), key=len)
            for system in SYSTEMS]


class Suite:
    """Runs the checks of one device and gathers its record."""

    def __init__(self, device, places, options, say):
        self.device = device
        self.places = places
        self.options = options
        self.say = say
        self.limit = options.limit * (12 if device.slow else 1)
        self.record = {"device": device.facts, "quick": options.quick,
                       "small_limits": options.small_limits, "checks": [], "ops": [],
                       "replays": [], "agreement": []}

    def note(self, part, name, outcome, passed, failed, why=None):
        why = outcome.why() if why is None else why
        self.record["checks"].append({
            "part": part, "name": name, "status": outcome.status, "why": why, "passed": passed,
            "failed": failed, "seconds": round(outcome.seconds, 2)})
        self.say(f"  {outcome.status:8s} {part:9s} {name:34s} {outcome.seconds:7.1f} s  {why}")

    def skip(self, part, name, why):
        self.record["checks"].append({"part": part, "name": name, "status": "skipped", "why": why,
                                      "passed": 0, "failed": 0, "seconds": 0})

    def wants(self, part):
        return not self.options.parts or part in self.options.parts

    def selftest(self, *words):
        outcome = self.device.run([self.places.ganocl, "--device", self.device.number, "-q",
                                   "selftest", "--json", *words], self.limit)
        try:
            return outcome, json.loads(outcome.out)
        except ValueError:
            return outcome, {"ops": [], "replays": [], "passed": 0, "failed": 1, "lines": []}

    def selftest_why(self, outcome, said):
        wrong = [f"{line['what']}: {line['detail']}" for line in said["lines"] if not line["ok"]]
        return wrong[0][:400] if wrong else None

    # ---- parts ----

    def ops(self):
        more = ["--quick"] if self.options.quick or self.device.slow else []
        for op in self.places.ops:
            outcome, said = self.selftest("--only", op, *more)
            self.record["ops"] += said["ops"]
            self.note("ops", op, outcome, said["passed"], said["failed"],
                      self.selftest_why(outcome, said))

    def variants(self):
        """Other values of the parameters than the usual ones."""
        if self.options.quick or self.device.slow:
            self.skip("variants", "check_ops", "only in a whole run, and not in a simulator: "
                      "scripts/oclgrind does it there")
            return
        for op in self.places.ops:
            self.program("variants", "check_ops", op, CK_RUN_CASE="device",
                         GANOCL_TEST_OPS=f" {op} ")

    def program(self, part, program, label=None, **more):
        path = os.path.join(self.places.build, "tests", program)
        outcome = self.device.run([path], self.limit, self.places.build,
                                  srcdir=self.places.source, **more)
        self.note(part, label or program, outcome, *outcome.counts())

    def programs(self, part):
        always, whole = PROGRAMS[part]
        for program in always:
            self.program(part, program)
        for program in whole:
            if self.options.quick or self.device.slow:
                self.skip(part, program, "only in a whole run, and not in a simulator")
            else:
                self.program(part, program)

    def replay(self, name, times):
        """Each time in a process of its own; all must end in the same bits."""
        digests = set()
        for time in range(times):
            outcome, said = self.selftest(os.path.join(self.places.source, "tests/golden", name))
            why = self.selftest_why(outcome, said)
            for replay in said["replays"]:
                digests.add(replay["digest"])
                if time == 0:
                    self.record["replays"].append(dict(replay, name=name, runs=0))
                self.record["replays"][-1]["runs"] = time + 1
            if outcome.status == "passed" and len(digests) > 1:
                outcome.status, why = "failed", "not the bits of the run before"
            self.note("replays", name, outcome, said["passed"], said["failed"], why)
            if outcome.status != "passed":
                break

    def replays(self):
        """Three runs to the same bits; of a bounded suite only the first recording so often."""
        whole = not self.options.quick and not self.device.slow
        names = self.options.replay or (
            self.places.recordings if whole else first_of_each(self.places.recordings))
        for i, name in enumerate(names):
            self.replay(name, 3 if whole or (i == 0 and not self.device.slow) else 1)

    def limits(self):
        """A step for which there is no room: exit status 5, in a line that says what would fit."""
        outcome = self.device.run(
            [self.places.ganocl, "--device", self.device.number, "-q", "train", "--dry-run",
             "--model", "dcgan:dcgan128", "--batch", "8192"], self.limit)
        good = outcome.returned == 5 and "would fit" in outcome.err
        why = "" if good else f"status {outcome.returned}: {outcome.why()}"
        if outcome.status == "failed" and good:
            outcome.status = "passed"
        elif outcome.status == "passed" and not good:
            outcome.status = "failed"
        self.note("limits", "too large a step", outcome, int(good), int(not good), why)

    def run(self):
        for part in PARTS:
            if not self.wants(part):
                continue
            if part in PROGRAMS:
                self.programs(part)
            else:
                getattr(self, part)()
        return self.record
