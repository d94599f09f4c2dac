"""Boards made of files: what procfs and sysfs show on some machines, and what vcgencmd answers there."""

from edge.errors import DeviceError

# As a Raspberry Pi 5 prints it; its rails sum up to about 3.4 W.
PMIC = """
 3V7_WL_SW_A current(0)=0.10247270A
   3V3_SYS_A current(1)=0.10832820A
  VDD_CORE_A current(7)=1.42880000A
   3V3_DAC_A current(17)=0.00000000A
 3V7_WL_SW_V volt(8)=3.71091200V
   3V3_SYS_V volt(9)=3.30910500V
  VDD_CORE_V volt(15)=0.90659250V
   3V3_DAC_V volt(20)=3.31135200V
     EXT5V_V volt(24)=5.05716000V
      BATT_V volt(25)=0.00000000V
"""
PMIC_WATTS = 0.10247270 * 3.71091200 + 0.10832820 * 3.30910500 + 1.42880000 * 0.90659250

PI4 = "Raspberry Pi 4 Model B Rev 1.4"
PI5 = "Raspberry Pi 5 Model B Rev 1.0"


def write(root, files):
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def raspberry_pi(root, model):
    write(
        root,
        {
            "proc/device-tree/model": model + "\0",
            "proc/loadavg": "0.52 0.58 0.59 1/389 12345\n",
            "proc/meminfo": "MemTotal:        3884360 kB\nMemFree: 100 kB\nMemAvailable:    3000000 kB\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "48312\n",
        },
    )
    return root


def battery(root, **files):
    content = {"type": "Battery", "status": "Discharging", "capacity": "87"} | files
    write(root, {f"sys/class/power_supply/BAT0/{name}": text + "\n" for name, text in content.items()})
    return root


def ina226(root, number=2, name="ina226", **files):
    content = {"name": name} | (files or {"power1_input": "3500000"})
    write(root, {f"sys/class/hwmon/hwmon{number}/{key}": text + "\n" for key, text in content.items()})
    return root


def rapl(root, energy_uj="1000000", maximum="262143328850"):
    folder = "sys/class/powercap/intel-rapl:0"
    write(
        root,
        {
            f"{folder}/name": "package-0\n",
            f"{folder}/energy_uj": energy_uj + "\n",
            f"{folder}/max_energy_range_uj": maximum + "\n",
            "sys/class/powercap/intel-rapl:0:0/name": "core\n",
            "sys/class/powercap/intel-rapl:0:0/energy_uj": "5\n",
        },
    )
    return root


def answers(**outputs):
    """Return a runner of vcgencmd that gives these outputs, and fails for the rest."""

    def run(arguments):
        output = outputs.get(arguments[1])
        if output is None:
            raise DeviceError("vcgencmd: not installed")
        return output

    return run
