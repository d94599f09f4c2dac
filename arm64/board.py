"""Boards as the emulator shows them: QEMU's CPU, and a Raspberry Pi's /proc/cpuinfo and /sys/devices/system/cpu.

The libraries choose their kernels by these; `import onnxruntime` crashes where it finds an x86 cpuinfo.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CORES = 4


@dataclass(frozen=True, slots=True)
class Board:
    """One emulated board.

    Attributes:
        cpu: QEMU's name.
        part: the core's part number in MIDR_EL1.
        variant, revision: likewise.
        features: of /proc/cpuinfo; QEMU's A53 and A72 also have AES and SHA, which these boards lack.
        khz: lowest and highest clock.
        model: of the device tree.
        revision_code: of the board.
    """

    name: str
    cpu: str
    part: str
    variant: str
    revision: int
    features: str
    khz: tuple[int, int]
    model: str
    revision_code: str


BOARDS = (
    Board(
        "pi3",
        "cortex-a53",
        "0xd03",
        "0x0",
        4,
        "fp asimd evtstrm crc32 cpuid",
        (600_000, 1_400_000),
        "Raspberry Pi 3 Model B Plus Rev 1.3",
        "a020d3",
    ),
    Board(
        "pi4",
        "cortex-a72",
        "0xd08",
        "0x0",
        3,
        "fp asimd evtstrm crc32 cpuid",
        (600_000, 1_800_000),
        "Raspberry Pi 4 Model B Rev 1.4",
        "c03114",
    ),
    Board(
        "pi5",
        "cortex-a76",
        "0xd0b",
        "0x4",
        1,
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
        (1_500_000, 2_400_000),
        "Raspberry Pi 5 Model B Rev 1.0",
        "c04170",
    ),
)


def write_views(board: Board, folder: Path) -> None:
    """Write `cpuinfo` and a `cpu` tree to be bound over the real ones."""
    folder.mkdir(parents=True, exist_ok=True)
    core = (
        "BogoMIPS\t: 108.00\n"
        f"Features\t: {board.features}\n"
        "CPU implementer\t: 0x41\nCPU architecture: 8\n"
        f"CPU variant\t: {board.variant}\nCPU part\t: {board.part}\nCPU revision\t: {board.revision}\n\n"
    )
    cores = "".join(f"processor\t: {number}\n{core}" for number in range(CORES))
    end = f"Revision\t: {board.revision_code}\nSerial\t\t: 0000000000000000\nModel\t\t: {board.model}\n"
    (folder / "cpuinfo").write_text(cores + end)
    everyone = f"0-{CORES - 1}\n"
    for number in range(CORES):
        _write_core(folder / f"cpu/cpu{number}", number, everyone, board.khz)
    for name in ("possible", "present", "online"):
        (folder / "cpu" / name).write_text(everyone)
    (folder / "cpu/kernel_max").write_text("7\n")
    (folder / "cpu/offline").write_text("\n")


def _write_core(folder: Path, number: int, everyone: str, khz: tuple[int, int]) -> None:
    topology, clock = folder / "topology", folder / "cpufreq"
    for made in (topology, clock):
        made.mkdir(parents=True, exist_ok=True)
    (topology / "physical_package_id").write_text("0\n")
    (topology / "core_id").write_text(f"{number}\n")
    for name in ("package_cpus_list", "core_siblings_list", "cluster_cpus_list"):
        (topology / name).write_text(everyone)
    (clock / "cpuinfo_min_freq").write_text(f"{khz[0]}\n")
    (clock / "cpuinfo_max_freq").write_text(f"{khz[1]}\n")
    (clock / "scaling_cur_freq").write_text(f"{khz[1]}\n")
    (clock / "scaling_governor").write_text("ondemand\n")
