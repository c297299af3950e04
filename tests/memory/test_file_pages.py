"""How much of the file pages in use counts as used: nothing, until the kernel reads them again fast."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from memory import Bound, MemorySource
from memory.file_pages import FilePages, HotFilePages, RereadPolicy
from tests.memory.systems import AT, MIB, V1_MOUNT, V2_MOUNT, process, recorded, v1, v2

POLICY = RereadPolicy(turnover=0.5, window_seconds=1.0, half_life_seconds=100.0)
HELD = FilePages(active_bytes=60 * MIB, inactive_bytes=20 * MIB, reread_bytes=0)


def reread(total_mb: float) -> FilePages:
    return HELD._replace(reread_bytes=int(total_mb * MIB))


def thrashing() -> HotFilePages:
    """One that has seen all of its file pages being read again within a second."""
    hot = HotFilePages(POLICY)
    hot.observe(reread(0), 0.0)
    hot.observe(reread(80), 1.0)
    return hot


def test_file_pages_are_free_to_be_taken_as_long_as_nothing_is_read_again() -> None:
    hot = HotFilePages(POLICY)
    assert [hot.observe(reread(5), float(second)) for second in range(60)] == [0] * 60


def test_reading_a_program_for_the_first_time_is_not_reading_it_again() -> None:
    hot = HotFilePages(POLICY)
    growing = [FilePages(size * MIB, size * MIB, 0) for size in range(0, 100, 10)]
    assert [hot.observe(pages, float(second)) for second, pages in enumerate(growing)] == [0] * 10


def test_what_was_held_when_they_were_read_again_fast_counts_from_then_on() -> None:
    hot = thrashing()
    grown = FilePages(100 * MIB, 10 * MIB, 80 * MIB)
    assert hot.observe(grown, 1.5) == round(80 * MIB * 0.5 ** (0.5 / 100))


def test_never_more_than_the_active_ones_count() -> None:
    assert thrashing().observe(reread(80), 1.1) == HELD.active_bytes


def test_a_little_read_again_is_no_reason() -> None:
    hot = HotFilePages(POLICY)
    assert [hot.observe(reread(39 * second), float(second)) for second in range(10)] == [0] * 10


def test_a_look_within_the_window_decides_nothing_yet() -> None:
    hot = HotFilePages(POLICY)
    assert [hot.observe(reread(80 * at), at / 10) for at in range(10)] == [0] * 10
    assert hot.observe(reread(800), 1.0) == HELD.active_bytes


def test_it_is_forgotten_by_half_in_each_half_life_so_that_it_is_tried_again() -> None:
    hot = thrashing()
    assert [hot.observe(reread(80), 1.0 + seconds) for seconds in (100, 200, 300)] == [40 * MIB, 20 * MIB, 10 * MIB]


def test_a_count_that_begins_anew_is_another_cgroup_and_no_reason() -> None:
    hot = HotFilePages(POLICY)
    hot.observe(reread(500), 0.0)
    assert [hot.observe(reread(total), second) for total, second in ((0, 1.0), (10, 2.0))] == [0, 0]


@given(
    st.lists(
        st.tuples(st.floats(0.0, 5.0), st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.integers(0, 1 << 50))
    )
)
def test_what_counts_is_never_below_zero_nor_more_than_is_active(looks: list[tuple[float, int, int, int]]) -> None:
    hot, now = HotFilePages(POLICY), 0.0
    for pause, active, inactive, total in looks:
        now += pause
        assert 0 <= hot.observe(FilePages(active, inactive, total), now) <= active


def bound_of(root: Path) -> Bound:
    bound = MemorySource(root=root).read().binding
    assert bound is not None
    return bound


def test_a_reading_leaves_out_the_file_pages_that_can_be_had_back_and_says_how_many_there_are(
    tmp_path: Path,
) -> None:
    stat = {"active_file": 90 * MIB, "inactive_file": 40 * MIB, "workingset_refault_file": 7}
    root = recorded(
        tmp_path,
        process("0::/box\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/box", most=str(512 * MIB), current=300 * MIB)
        | {f"{AT[1:]}/box/memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items())},
    )
    bound = bound_of(root)
    assert (bound.used_bytes, bound.files_bytes, bound.needed_files_bytes) == (170 * MIB, 90 * MIB, 0)


def test_version_1_goes_by_the_whole_hierarchy(tmp_path: Path) -> None:
    stat = {"total_active_file": 50 * MIB, "total_inactive_file": 30 * MIB, "total_workingset_refault_file": 7}
    root = recorded(
        tmp_path,
        process("4:memory:/box\n", V1_MOUNT.format(shown="/", at=f"{AT}/memory"))
        | v1("/box", limit=str(256 * MIB), usage=200 * MIB)
        | v1("")
        | {
            f"{AT[1:]}/memory/box/memory.stat": "active_file 1\nworkingset_refault_file 1\n"
            + "".join(f"{name} {value}\n" for name, value in stat.items())
        },
    )
    bound = bound_of(root)
    assert (bound.used_bytes, bound.files_bytes, bound.needed_files_bytes) == (120 * MIB, 50 * MIB, 0)


def test_where_the_kernel_does_not_count_what_it_reads_again_all_active_file_pages_are_used(tmp_path: Path) -> None:
    root = recorded(
        tmp_path,
        process("0::/box\n", V2_MOUNT.format(shown="/", at=AT))
        | v2("/box", most=str(512 * MIB), current=300 * MIB)
        | {f"{AT[1:]}/box/memory.stat": f"active_file {90 * MIB}\ninactive_file {40 * MIB}\n"},
    )
    bound = bound_of(root)
    assert (bound.used_bytes, bound.files_bytes, bound.needed_files_bytes) == (260 * MIB, None, None)


def test_a_reading_counts_them_once_they_are_read_again(tmp_path: Path) -> None:
    def tell(pages: int) -> None:
        stat = {"active_file": 90 * MIB, "inactive_file": 40 * MIB, "workingset_refault_file": pages}
        recorded(
            tmp_path,
            process("0::/box\n", V2_MOUNT.format(shown="/", at=AT))
            | v2("/box", most=str(512 * MIB), current=300 * MIB)
            | {f"{AT[1:]}/box/memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items())},
        )

    tell(0)
    source = MemorySource(root=tmp_path)
    before = source.read().used_bytes
    # As fast as a disk can: so many in the time between two looks that it does not matter how long that is.
    pages = 0
    while source.read().used_bytes == before:
        pages += 1 << 30
        tell(pages)
    assert (before, source.read().used_bytes) == (170 * MIB, 260 * MIB)
