"""Frames: whole messages through a socketpair, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.shared import frames
from tests.runtime.make import make_request

CONTENT = st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.tuples(st.integers(), st.integers()))


@pytest.fixture
def ends():
    main, web = frames.pair()
    with main, web:
        yield main, web


@given(st.lists(CONTENT | st.lists(st.tuples(st.text(), st.text()))))
def test_a_frame_comes_out_as_it_went_in(content):
    assert frames.unpack(frames.pack(tuple(content))) == tuple(content)


def test_each_frame_is_one_message(ends):
    main, web = ends
    first, second = make_request(path="/first"), make_request(path="/second")
    main.send(frames.pack(first))
    main.send(frames.pack(second))

    assert frames.unpack(web.recv(frames.FRAME_SIZE)) == first
    assert frames.unpack(web.recv(frames.FRAME_SIZE)) == second


def test_the_largest_frame_passes_in_one_piece(ends):
    for sender, receiver in (ends, reversed(ends)):
        sender.send(bytes(frames.FRAME_SIZE))
        assert len(receiver.recv(frames.FRAME_SIZE + 1)) == frames.FRAME_SIZE


def test_a_chunk_of_the_largest_size_fits_into_a_frame():
    assert len(frames.pack((frames.CHUNK, bytes(frames.CHUNK_SIZE)))) < frames.FRAME_SIZE


def test_mains_end_never_blocks_and_the_web_threads_does(ends):
    main, web = ends

    assert main.getblocking() is False
    assert web.getblocking() is True
    with pytest.raises(BlockingIOError):
        main.recv(1)
