"""Grapheme clusters as single characters."""

import pytest

from trio_chat.client.line_view.clusters import Clusters

STAND_INS = "\U0003f000\U0010f000"


@pytest.mark.parametrize(
    ("text", "length"),
    [("plain", 5), ("漢字é", 3), ("a👨‍👩‍👧‍👦b🇩🇪❤️", 5), ("e\u0301e\u0301", 2), ("", 0)],
)
def test_each_cluster_is_one_character_and_comes_back(text: str, length: int) -> None:
    clusters = Clusters()

    folded = clusters.fold(text)

    assert len(folded) == length
    assert clusters.unfold(folded) == text
    assert clusters.fold(folded) == folded


def test_characters_that_look_like_a_stand_in_are_left_out() -> None:
    clusters = Clusters()

    assert clusters.fold(f"a{STAND_INS}é") == "aé"
    assert clusters.unfold(clusters.fold(f"🇩🇪{STAND_INS}é")) == "🇩🇪é"
