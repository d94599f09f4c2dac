import os

from edge.device.process import Memory, read_cpu_s, read_descriptors, read_memory, read_threads


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_memory_is_read_in_bytes(tmp_path):
    write(tmp_path, "proc/self/status", "Name:\tpython\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n")
    write(
        tmp_path,
        "proc/self/smaps_rollup",
        "00400000-7fff [rollup]\nRss:  1024 kB\nPss:   512 kB\nPss_Dirty: 8 kB\n",
    )
    assert read_memory(tmp_path) == Memory(rss_bytes=1048576, pss_bytes=524288, peak_rss_bytes=2097152)


def test_what_cannot_be_read_is_none(tmp_path):
    assert read_memory(tmp_path) == Memory(rss_bytes=None, pss_bytes=None, peak_rss_bytes=None)
    assert read_cpu_s(tmp_path) is None
    assert read_threads(tmp_path) is None
    assert read_descriptors(tmp_path) is None
    write(tmp_path, "proc/self/status", "VmRSS:\nVmHWM: many kB\n")
    write(tmp_path, "proc/self/stat", "garbage")
    assert read_memory(tmp_path).rss_bytes is None
    assert read_memory(tmp_path).peak_rss_bytes is None
    assert read_cpu_s(tmp_path) is None


def test_stat_is_read_behind_a_name_with_brackets(tmp_path):
    fields = [
        "S",
        *("0" for _ in range(10)),
        "150",
        "50",
        "0",
        "0",
        "20",
        "0",
        "7",
        *("0" for _ in range(30)),
    ]
    write(tmp_path, "proc/self/stat", "42 (a) b (c) " + " ".join(fields))
    assert read_cpu_s(tmp_path) == 200 / os.sysconf("SC_CLK_TCK")
    assert read_threads(tmp_path) == 7


def test_descriptors_are_counted(tmp_path):
    for number in range(3):
        write(tmp_path, f"proc/self/fd/{number}", "")
    assert read_descriptors(tmp_path) == 3


def test_this_process_is_known():
    memory = read_memory()
    assert memory.rss_bytes > 1_000_000
    assert memory.peak_rss_bytes >= memory.rss_bytes
    assert read_cpu_s() > 0
    assert read_threads() >= 1
    before = read_descriptors()
    descriptor = os.open("/dev/null", os.O_RDONLY)
    assert read_descriptors() == before + 1
    os.close(descriptor)
