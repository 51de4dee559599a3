"""The container's limit, from control groups as they look inside and outside of containers."""

import pytest

from runtime.memory_limit.cgroup import memory_limit

NO_LIMIT_OF_VERSION_1 = 9223372036854771712


@pytest.fixture
def limit(tmp_path):
    """The limit of a process with these lines in /proc/self/cgroup and these files in /sys/fs/cgroup."""

    def limit(lines, files):
        own, mount = tmp_path / "cgroup", tmp_path / "mount"
        own.write_text(lines)
        for name, content in files.items():
            (mount / name).parent.mkdir(parents=True, exist_ok=True)
            (mount / name).write_text(f"{content}\n")
        return memory_limit(mount, own)

    return limit


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        ("0::/\n", {"memory.max": 500}, 500),  # in a container
        ("0::/\n", {"memory.max": "max"}, 0),
        ("0::/\n", {}, 0),  # the root group has no such file
        ("0::/system.slice/shop.service\n", {"system.slice/shop.service/memory.max": 700}, 700),
        (
            "0::/system.slice/shop.service\n",
            {"system.slice/shop.service/memory.max": 700, "system.slice/memory.max": 300},
            300,
        ),
        ("0::/system.slice/shop.service\n", {"system.slice/shop.service/memory.max": "max"}, 0),
        ("0::/docker/5f\n", {"memory.max": 500}, 500),  # the host's path, which is not there
        ("4:memory:/docker/5f\n0::/\n", {"memory/memory.limit_in_bytes": 500}, 500),
        ("4:cpu,memory:/docker/5f\n", {"memory/docker/5f/memory.limit_in_bytes": 400}, 400),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": NO_LIMIT_OF_VERSION_1}, 0),
        ("4:cpu:/\n", {"memory/memory.limit_in_bytes": 500}, 0),
    ],
)
def test_the_smallest_limit_above_the_process_counts(limit, lines, files, expected):
    assert limit(lines, files) == expected


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert memory_limit(tmp_path, tmp_path / "cgroup") == 0
