"""The vendors' compilers: each turns a unit into figures of its kernels.

compile(unit, family, folder) gives {"error": text or "", "warnings": [text], "kernels": {name: figures}}.
Figures are numbers by name; a compiler that cannot tell one leaves it out:
    registers   of a work-item (AMD: VGPRs; NVIDIA) or of a hardware thread (Intel: GRFs)
    scalar      AMD's scalar registers of a wave
    simd        work-items of a hardware thread, as the compiler chose (Intel)
    spilled     registers (AMD), bytes (NVIDIA) kept in memory because there were too few
    scratch     bytes of private memory of a work-item (Intel: of a hardware thread), spills and arrays
    local       bytes of local memory of a work-group
"""

import glob
import os
import re
import shutil
import struct
import subprocess

from programs import Failed

NEWEST, OLDEST = 22, 15  # versions of clang that are looked for
SECONDS = 900  # a compilation that takes longer hangs

# As scripts/kernel-lint: what only a spliced expression or another tile size uses may be unused.
WARNINGS = (
    "-Wall -Wextra -Wno-unused-parameter -Wno-unused-variable -Wno-unused-function"
    " -Wno-linker-warnings -Wno-psabi"
).split()


def run(command, folder):
    """Exit status and all words of a command."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"{command[0]} did not end within {SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def first_line(command):
    """The first line that a command prints, "" where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def warnings_of(words):
    """Lines of a compiler that warn, each once.

    >>> warnings_of("a.cl:1:2: warning: odd\\n1 warning generated.\\na.cl:1:2: warning: odd\\n")
    ['a.cl:1:2: warning: odd']
    """
    return list(dict.fromkeys(line for line in words.splitlines() if "warning:" in line))


def _result(status, words, kernels=None):
    return {
        "error": "" if status == 0 else words.strip()[-2000:] or f"exit status {status}",
        "warnings": warnings_of(words),
        "kernels": kernels or {},
    }


def _write(folder, unit):
    with open(os.path.join(folder, "unit.cl"), "w", encoding="utf-8") as file:
        file.write(unit.text)


def _read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
        return file.read()


# ---- clang ----------------------------------------------------------------------------------------


def find_clang():
    """The newest clang of the versions that are looked for, or None."""
    for version in range(NEWEST, OLDEST - 1, -1):
        path = shutil.which(f"clang-{version}")
        if path:
            return path
    return None


def find_libclc(name):
    """libclc's bitcode of that name, or None; Debian has it in one of these."""
    places = ["/usr/lib/clc", *sorted(glob.glob("/usr/lib/llvm-*/share/clc"), reverse=True)]
    for place in places:
        path = os.path.join(place, name)
        if os.path.exists(path):
            return path
    return None


class Clang:
    """What the targets of clang share. `library`: libclc's file, or None for no library."""

    vendor = library = ""

    def __init__(self):
        self.clang = find_clang()
        self.bitcode = find_libclc(self.library) if self.library else None

    def missing(self):
        """Why it cannot be used here, or ""."""
        if self.clang is None:
            return f"clang-{OLDEST} or later is not here (scripts/setup vendors)"
        if self.library and self.bitcode is None:
            return f"libclc's {self.library} is not here (scripts/setup vendors)"
        return ""

    def version(self):
        """The compiler's name, for the table and the cache."""
        words = re.search(r"clang version [\d.]+", first_line([self.clang, "--version"]))
        return words.group() if words else "clang"

    def knows(self, family):
        """Whether this version has the family's processor."""
        return family["target"] in self._processors()

    def _processors(self):
        _, words = run([self.clang, f"--target={self.triple}", *self.listing], ".")
        return words.split()

    def command(self, unit, family, output):
        """The command line that compiles unit.cl into the file `output`."""
        link = ["-Xclang", "-mlink-builtin-bitcode", "-Xclang", self.bitcode] if self.bitcode else []
        return [
            *(self.clang, "-x", "cl", "-O3", f"--target={self.triple}"),
            *self.processor(family),
            *WARNINGS,
            *unit.options.split(),
            *link,
            *("-S", "unit.cl", "-o", output),
        ]


class Amd(Clang):
    """LLVM's AMDGPU target, which every AMD driver compiles with."""

    vendor, library, triple = "AMD", "amdgcn--amdhsa.bc", "amdgcn-amd-amdhsa"
    listing = ["-nogpulib", "--print-supported-cpus"]

    def processor(self, family):
        """Options that choose it."""
        return [f"-mcpu={family['target']}", "-nogpulib"]

    def compile(self, unit, family, folder):
        """Figures from the code object's metadata, which the driver reads too."""
        _write(folder, unit)
        status, words = run(self.command(unit, family, "unit.s"), folder)
        if status != 0:
            return _result(status, words)
        return _result(0, words, amd_figures(_read(folder, "unit.s")))


def amd_figures(assembly):
    """Figures by kernel of AMD's metadata (YAML at the end of the assembly).

    >>> amd_figures('''amdhsa.kernels:
    ...   - .agpr_count:     0
    ...     .args:
    ...       - .name:           x
    ...     .group_segment_fixed_size: 64
    ...     .name:           k
    ...     .private_segment_fixed_size: 0
    ...     .sgpr_count:     10
    ...     .sgpr_spill_count: 0
    ...     .uses_dynamic_stack: false
    ...     .vgpr_count:     7
    ...     .vgpr_spill_count: 0
    ... amdhsa.target: x''')["k"]["registers"]
    7
    """
    found = {}
    part = assembly.split("amdhsa.kernels:")[-1].split("amdhsa.target:")[0]
    for block in re.split(r"^  - ", part, flags=re.M)[1:]:
        facts = dict(re.findall(r"^(?:    )?\.(\w+):\s+(\S+)$", block, flags=re.M))
        kernel = {
            "registers": int(facts["vgpr_count"]),
            "scalar": int(facts["sgpr_count"]),
            "spilled": int(facts["vgpr_spill_count"]),
            "scratch": int(facts["private_segment_fixed_size"]),
            "local": int(facts["group_segment_fixed_size"]),
        }
        if facts.get("uses_dynamic_stack") == "true":
            kernel["calls"] = 1  # a builtin that the library lacks, or recursion
        found[facts["name"]] = kernel
    return found


class Nvidia(Clang):
    """LLVM's NVPTX target for PTX, and NVIDIA's ptxas for what becomes of that."""

    vendor, library, triple = "NVIDIA", "nvptx64--nvidiacl.bc", "nvptx64-nvidia-nvcl"
    listing = ["--print-supported-cpus"]

    def __init__(self):
        super().__init__()
        self.ptxas = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas")

    def version(self):
        """Both compilers' versions."""
        if self.ptxas is None:
            return super().version() + ", without ptxas: no registers, no spills"
        _, words = run([self.ptxas, "--version"], ".")
        release = re.search(r"release ([\d.]+)", words)
        return super().version() + ", ptxas " + (release.group(1) if release else "?")

    def processor(self, family):
        """Options that choose it."""
        return ["-Xclang", "-target-cpu", "-Xclang", family["target"]]

    def compile(self, unit, family, folder):
        """Figures as ptxas -v tells them; without it only whether PTX comes out."""
        _write(folder, unit)
        status, words = run(self.command(unit, family, "unit.ptx"), folder)
        if status != 0 or self.ptxas is None:
            return _result(status, words, {name: {} for name in unit.kernels})
        assemble = [self.ptxas, "-v", f"-arch={family['target']}", "unit.ptx", "-o", "unit.cubin"]
        status, more = run(assemble, folder)
        return _result(status, words + more, nvidia_figures(more))


def nvidia_figures(words):
    """Figures by kernel of what ptxas -v prints.

    >>> nvidia_figures('''ptxas info    : Compiling entry function 'k' for 'sm_80'
    ... ptxas info    : Function properties for k
    ...     8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
    ... ptxas info    : Used 16 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]''')
    {'k': {'registers': 16, 'spilled': 16, 'scratch': 8, 'local': 1024}}
    """
    found = {}
    for block in words.split("Compiling entry function '")[1:]:
        stack = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+)", block)
        used = re.search(r"Used (\d+) registers", block)
        local = re.search(r"(\d+) bytes smem", block)
        if stack and used:
            found[block.split("'")[0]] = {
                "registers": int(used.group(1)),
                "spilled": int(stack.group(2)) + int(stack.group(3)),
                "scratch": int(stack.group(1)),
                "local": int(local.group(1)) if local else 0,
            }
    return found


class X86(Clang):
    """A processor: clang compiles and warns. How PoCL's work-item loops use its registers, and that
    the results are right, is what the tests of the ops find out by running them."""

    vendor, library, triple = "x86", "", "x86_64-unknown-linux-gnu"
    listing = ["--print-supported-cpus"]

    def processor(self, family):
        """Options that choose it."""
        return [f"-march={family['target']}"]

    def compile(self, unit, family, folder):
        """Whether it compiles, and with which warnings."""
        _write(folder, unit)
        status, words = run(self.command(unit, family, "unit.s"), folder)
        return _result(status, words, {name: {} for name in unit.kernels})


# ---- Intel ----------------------------------------------------------------------------------------


class Intel:
    """Intel's offline compiler, which holds the graphics driver's own (IGC)."""

    vendor = "Intel"

    def __init__(self):
        self.ocloc = shutil.which("ocloc")

    def missing(self):
        """Why it cannot be used here, or ""."""
        return "" if self.ocloc else "ocloc is not here (scripts/setup vendors)"

    def version(self):
        """ocloc does not tell its version; its Debian package does."""
        package = first_line(["dpkg-query", "-W", "-f", "${Version}", "intel-opencl-icd"])
        return f"ocloc {package}".strip()

    def knows(self, family):
        """Whether this version has the family's processor."""
        _, words = run([self.ocloc, "compile", "--help"], ".")
        return re.search(rf"[ ,]{re.escape(family['target'])},", words) is not None

    def compile(self, unit, family, folder):
        """Figures from the binary's patch tokens, which the driver reads too."""
        _write(folder, unit)
        build = [self.ocloc, "compile", "-file", "unit.cl", "-device", family["target"]]
        status, words = run([*build, "-options", unit.options, "-out_dir", "out"], folder)
        made = glob.glob(os.path.join(folder, "out", "*.bin"))
        if status != 0 or not made:
            return _result(status or 1, words)
        with open(made[0], "rb") as file:
            return _result(0, words, intel_figures(file.read()))


MAGIC = struct.pack("<I", 0x494E5443)
LOCAL, VFE_STATE, ENVIRONMENT, VFE_STATE_SLOT1 = 15, 18, 23, 63


def intel_figures(binary):
    """Figures by kernel of an OpenCL device binary (patch tokens: IGC's patch_list.h)."""
    start = binary.find(MAGIC)
    if start < 0:
        raise Failed("ocloc made a binary of another form than patch tokens, which is not read yet")
    count, _, patches = struct.unpack_from("<III", binary, start + 16)
    at, found = start + 28 + patches, {}
    for _ in range(count):
        name_size, patch_size, *heaps, _ = struct.unpack_from("<IIIIIII", binary, at + 12)
        at += 40
        name = binary[at : at + name_size].split(b"\0")[0].decode()
        at += name_size + sum(heaps)
        found[name] = _intel_kernel(binary[at : at + patch_size])
        at += patch_size
    return found


def _intel_kernel(patches):
    kernel, at = {"scratch": 0, "local": 0}, 0
    while at + 8 <= len(patches):
        token, size = struct.unpack_from("<II", patches, at)
        words = struct.unpack_from(f"<{(size - 8) // 4}I", patches, at + 8)
        if token == LOCAL:
            kernel["local"] = words[1]
        elif token in (VFE_STATE, VFE_STATE_SLOT1):
            kernel["scratch"] += words[1]
        elif token == ENVIRONMENT:
            kernel["simd"], kernel["registers"] = words[3], words[20]
        at += max(size, 8)
    return kernel


COMPILERS = {"amdgcn": Amd, "nvptx": Nvidia, "ocloc": Intel, "x86": X86}
