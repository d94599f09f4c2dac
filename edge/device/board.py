"""What is published about the Raspberry Pi boards, each figure with its source; docs/boards.md shows it all.

None beside a source means that the source says there is no such thing; None without one means unknown.
Nothing here was measured by us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board's published facts.

    Attributes:
        name: as it stands in the energy's source.
        model: how the device tree's model begins.
        sources: who says so, by the name of the attribute.
        soc, core: the chip, and the kind of its Arm cores.
        cores: how many.
        clock_min_mhz, clock_mhz: of the cores, slowest and fastest by default.
        boost_mhz: fastest where config.txt says arm_boost=1.
        dot_product: whether the cores have the INT8 dot-product instructions (`asimddp` in /proc/cpuinfo).
        memory_mb: sizes that are sold, in MB of 2^20 bytes.
        memory_peak_gb_s: what the memory's interface can move, in 10^9 bytes a second.
        memory_copy_mb_s: what one core copied in tinymembench, in 10^6 bytes a second; kernels and compilers
            differ between the boards.
        h264_encoder: whether the chip encodes H.264.
        page_bytes: of Raspberry Pi OS's default 64-bit kernel.
        idle_w: running, with nothing to do.
        busy_w: all cores busy.
        halt_a: drawn after shutdown, at 5 V.
        suspend: whether the default kernel can suspend to RAM.
        rtc_wakes: whether a clock on the board can wake it from halt.
        throttle_flags: whether `vcgencmd get_throttled` tells what holds the processor back.
        undervoltage_flag: whether the board sees a supply below about 4.63 V.
        power_sensor: whether it measures its own power.
        thermal_zone: whether the kernel tells the chip's temperature.
        soft_limit_c: above it the clock is lowered one step.
        throttle_c: above it the cores are slowed down step by step.
        limit_c: above it cores and GPU are slowed down.
    """

    name: str
    model: str
    sources: Mapping[str, str]
    soc: str
    core: str
    cores: int
    clock_min_mhz: int
    clock_mhz: int
    boost_mhz: int | None = None
    dot_product: bool
    memory_mb: tuple[int, ...]
    memory_peak_gb_s: float | None = None
    memory_copy_mb_s: float | None = None
    h264_encoder: bool
    page_bytes: int
    idle_w: float | None = None
    busy_w: float | None = None
    halt_a: float | None = None
    suspend: bool = False
    rtc_wakes: bool = False
    throttle_flags: bool = True
    undervoltage_flag: bool = True
    power_sensor: bool = False
    thermal_zone: bool = True
    soft_limit_c: float | None = None
    throttle_c: float = 80.0
    limit_c: float = 85.0

    @property
    def watts_per_busy_core(self) -> float | None:
        """What one busy core adds to the idle power; None where either is unknown.

        Sources differ by up to a watt for one board, so what comes of it is called modelled.
        """
        if self.idle_w is None or self.busy_w is None:
            return None
        return (self.busy_w - self.idle_w) / self.cores


_DOCS = "github.com/raspberrypi/documentation, documentation/asciidoc/computers"
_BCM2837 = f"{_DOCS}/processors/bcm2837.adoc"
_BCM2837B0 = f"{_DOCS}/processors/bcm2837b0.adoc"
_BCM2711 = f"{_DOCS}/processors/bcm2711.adoc"
_BCM2712 = f"{_DOCS}/processors/bcm2712.adoc"
_RP3A0 = f"{_DOCS}/processors/rp3a0.adoc"
_CLOCKS = f"{_DOCS}/config_txt/overclocking.adoc, default values"
_HEAT = f"{_DOCS}/raspberry-pi/frequency-management.adoc"
_POWER = f"{_DOCS}/raspberry-pi/power-supplies.adoc"
_RTC = f"{_DOCS}/raspberry-pi/rtc.adoc"
_REVISIONS = f"{_DOCS}/raspberry-pi/revision-codes.adoc"
_VCGENCMD = f"{_DOCS}/os/graphics-utilities.adoc, get_throttled"
_GCC = "github.com/gcc-mirror/gcc, gcc/config/aarch64/aarch64-cores.def (DOTPROD of cortex-a76, not of a53 and a72)"
_KERNEL8 = (
    "github.com/raspberrypi/linux, arch/arm64/configs/bcm2711_defconfig (no page size: 4 KiB by default)"
)
_KERNEL2712 = "github.com/raspberrypi/linux, arch/arm64/configs/bcm2712_defconfig (CONFIG_ARM64_16K_PAGES=y)"
_NO_SUSPEND = (
    "github.com/raspberrypi/linux, arch/arm64/configs/bcm2711_defconfig and bcm2712_defconfig (no SUSPEND)"
)
_PIDRAMBLE = "pidramble.com/wiki/benchmarks/power-consumption, USB power meter, `stress --cpu 4`"
_GEERLING = "jeffgeerling.com/blog/2024/new-2gb-pi-5-has-33-smaller-die-30-idle-power-savings, stress-ng"
_CNX = "cnx-software.com/2021/12/09/raspberry-pi-zero-2-w-power-consumption, Otii Arc, Bullseye Lite (120 mA at 5 V)"
_SBC_BENCH = "github.com/ThomasKaiser/sbc-bench, Results.md"
_SBC_REVIEWS = "github.com/geerlingguy/sbc-reviews, web/data/results.yml"

_COMMON = {
    "clock_min_mhz": _CLOCKS,
    "clock_mhz": _CLOCKS,
    "boost_mhz": f"{_CLOCKS} (arm_boost is named for the Pi 4 from Rev 1.4 alone)",
    "dot_product": _GCC,
    "memory_mb": _REVISIONS,
    "page_bytes": _KERNEL8,
    "suspend": _NO_SUSPEND,
    "rtc_wakes": f"{_RTC} (names the Pi 5 alone)",
    "throttle_flags": _VCGENCMD,
    "undervoltage_flag": f"{_POWER} (all but the Zero range)",
    "power_sensor": f"{_DOCS}/config_txt/overclocking.adoc, Monitoring voltage (names the Pi 5's PMIC alone)",
    "thermal_zone": (
        "github.com/raspberrypi/linux, arch/arm/boot/dts/broadcom/bcm283x.dtsi and bcm2711.dtsi, "
        "arch/arm64/boot/dts/broadcom/bcm2712.dtsi (cpu_thermal)"
    ),
    "soft_limit_c": f"{_DOCS}/config_txt/overclocking.adoc, temp_soft_limit (3A+ and 3B+ only)",
    "throttle_c": _HEAT,
    "limit_c": _HEAT,
}

_PI5 = Board(
    name="pi5",
    model="Raspberry Pi 5 Model B Rev 1.0",
    soc="BCM2712",
    core="Cortex-A76",
    cores=4,
    clock_min_mhz=1500,
    clock_mhz=2400,
    dot_product=True,
    memory_mb=(2048, 4096, 8192),
    memory_peak_gb_s=17.0,
    memory_copy_mb_s=4805.4,
    h264_encoder=False,
    page_bytes=16384,
    idle_w=3.3,
    busy_w=9.8,
    halt_a=0.003,
    rtc_wakes=True,
    power_sensor=True,
    sources=_COMMON
    | dict.fromkeys(("soc", "core", "cores", "memory_peak_gb_s"), _BCM2712)
    | dict.fromkeys(("idle_w", "busy_w"), f"{_GEERLING}, 4 GB board")
    | {
        "memory_copy_mb_s": f"{_SBC_REVIEWS}, Raspberry Pi 5 model B",
        "h264_encoder": f"{_BCM2712} (other codecs than HEVC run in software)",
        "page_bytes": _KERNEL2712,
        "halt_a": f"{_RTC} (with POWER_OFF_ON_HALT=1 and WAKE_ON_GPIO=0; about)",
    },
)

BOARDS = (
    Board(
        name="pi3b",
        model="Raspberry Pi 3 Model B Rev",
        soc="BCM2837 or BCM2837B0",
        core="Cortex-A53",
        cores=4,
        clock_min_mhz=600,
        clock_mhz=1200,
        dot_product=False,
        memory_mb=(1024,),
        h264_encoder=True,
        page_bytes=4096,
        idle_w=1.4,
        busy_w=3.7,
        halt_a=0.10,
        sources=_COMMON
        | {"soc": f"{_BCM2837}; {_BCM2837B0}", "core": _BCM2837, "cores": _BCM2837}
        | dict.fromkeys(("idle_w", "busy_w"), _PIDRAMBLE)
        | {
            "h264_encoder": f"{_CLOCKS} (h264_freq), and {_RP3A0}: the same die as the Zero 2 W's",
            "halt_a": _POWER,
        },
    ),
    # github.com/geerlingguy/sbc-reviews issue 16 has 3.1 W and 5.6 W for the same board, at the wall.
    Board(
        name="pi3b-plus",
        model="Raspberry Pi 3 Model B Plus",
        soc="BCM2837B0",
        core="Cortex-A53",
        cores=4,
        clock_min_mhz=600,
        clock_mhz=1400,
        dot_product=False,
        memory_mb=(1024,),
        memory_copy_mb_s=1130.0,
        h264_encoder=True,
        page_bytes=4096,
        idle_w=1.9,
        busy_w=5.1,
        soft_limit_c=60.0,
        sources=_COMMON
        | {"soc": _BCM2837B0, "core": f"{_BCM2837B0} (the BCM2837's cores)", "cores": _BCM2837}
        | dict.fromkeys(("idle_w", "busy_w"), _PIDRAMBLE)
        | {
            "memory_copy_mb_s": f"{_SBC_BENCH}, Raspberry Pi 3 B+, normal, Linux 4.14, 32-bit",
            "h264_encoder": "Raspberry Pi 3 Model B+ product brief, as others quote it (H.264 encode, 1080p30)",
        },
    ),
    Board(
        name="zero2w",
        model="Raspberry Pi Zero 2",
        soc="RP3A0 (BCM2710A1)",
        core="Cortex-A53",
        cores=4,
        clock_min_mhz=600,
        clock_mhz=1000,
        dot_product=False,
        memory_mb=(512,),
        memory_copy_mb_s=1300.0,
        h264_encoder=True,
        page_bytes=4096,
        idle_w=0.6,
        undervoltage_flag=False,
        sources=_COMMON
        | dict.fromkeys(("soc", "core", "cores"), _RP3A0)
        | {
            "memory_copy_mb_s": f"{_SBC_BENCH}, Raspberry Pi Zero 2, 1000 MHz, Linux 5.10, 32-bit",
            "h264_encoder": "Raspberry Pi Zero 2 W product brief, as others quote it (H.264 encode, 1080p30)",
            "idle_w": _CNX,
        },
    ),
    # github.com/geerlingguy/sbc-reviews issue 4 has 1.6 W and 5.0 W for a Rev 1.4, at the wall.
    Board(
        name="pi4",
        model="Raspberry Pi 4 Model B",
        soc="BCM2711",
        core="Cortex-A72",
        cores=4,
        clock_min_mhz=600,
        clock_mhz=1500,
        boost_mhz=1800,
        dot_product=False,
        memory_mb=(1024, 2048, 4096, 8192),
        memory_copy_mb_s=2737.5,
        h264_encoder=True,
        page_bytes=4096,
        idle_w=2.7,
        busy_w=6.4,
        halt_a=0.023,
        sources=_COMMON
        | dict.fromkeys(("soc", "core", "cores", "h264_encoder"), _BCM2711)
        | dict.fromkeys(("idle_w", "busy_w"), _PIDRAMBLE)
        | {"memory_copy_mb_s": f"{_SBC_REVIEWS}, Raspberry Pi 4 model B", "halt_a": _POWER},
    ),
    # The stepping of the processor differs: C1 up to Rev 1.0, D0 from Rev 1.1; so does the power.
    _PI5,
    replace(
        _PI5,
        model="Raspberry Pi 5 Model B Rev 1.1",
        memory_mb=(1024, 2048, 4096, 8192, 16384),
        idle_w=2.4,
        busy_w=8.9,
        memory_copy_mb_s=None,
        sources={key: source for key, source in _PI5.sources.items() if key != "memory_copy_mb_s"}
        | dict.fromkeys(("idle_w", "busy_w"), f"{_GEERLING}, 2 GB board"),
    ),
)


def find_board(model: str | None) -> Board | None:
    """Return the board that the device tree's model names; None when nothing is known about it."""
    return next((board for board in BOARDS if model is not None and model.startswith(board.model)), None)
