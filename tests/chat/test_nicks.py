import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import NICK_MAX, SPELLED_MAX, check_nick, check_room, fold_name

ALICES = [
    "alice",
    "ALICE",
    "Alice",
    "aIice",
    "a1ice",
    "ａｌｉｃｅ",
    "𝐚𝐥𝐢𝐜𝐞",
    "ⓐⓛⓘⓒⓔ",
    "аlice",  # Cyrillic а
    "аӏісе",  # all Cyrillic
    "αlice",  # Greek alpha
    "alıce",
    "alİce",
    "a\u200blice",
    "al\u00adice",
    "\u202ealice",
    "alice\ufe0f",
    "alice\U000e0061",
]

GOOD = [
    "alice",
    "Ali",
    "x",
    "Bob-2",
    "_bob_",
    "-bob",
    "c3po",
    "a" * NICK_MAX,
    "Nguyễn",
    "straße",
    "Иван",
    "Νίκος",
    "שלום",
    "שָׁלוֹם",
    "محمد",
    "علی99",
    "राहुल",
    "दुःख",
    "สมชาย",
    "山田太郎",
    "大人",
    "ユーザー",
    "ノリ",
    "김철수",
]

RESERVED = ["server", "admin", "system", "root", "operator", "you", "everyone", "all", "here", "trio-chat"]


@pytest.mark.parametrize("nick", GOOD)
def test_letters_of_any_script_make_a_nick(nick: str) -> None:
    assert check_nick(nick) == nick


@pytest.mark.parametrize(
    ("typed", "shown"), [("ａｌｉｃｅ", "alice"), ("𝐁𝐨𝐛", "Bob"), ("ﬁn", "fin"), ("Zoe\u0308", "Zoë")]
)
def test_a_nick_is_shown_in_its_plain_form(typed: str, shown: str) -> None:
    assert check_nick(typed) == shown


@pytest.mark.parametrize(
    "nick",
    [
        "",
        " ",
        "a b",
        "a" * (NICK_MAX + 1),
        "ﷺ" * 2,  # 18 letters and spaces each, in plain form
        "-",
        "_",
        "alice!",
        "[alice]",
        "alice]> hi",
        "@alice",
        "#alice",
        "/alice",
        "127.0.0.1",
        "::1",
        "½",
        "🙂",
        "\u0301a",
        "a" + "\u0323" * 5,
        "-\u0301",
        "1\u20e3",
        "a\x00",
        "a\x1b[31m",
        "a\n",
        "a\u200db",
        "a\u200bb",
        "a\u202eb",
        "a\u034fb",
        "a\ufe0f",
        "a\U000e0062",
        "\u115f",
        "\u3164",
        "a\uffa0",
        "\u2800",
        "\ue000",
        "\ud800",
        "\ufffe",
        "\U0010ffff",
    ],
)
def test_a_malformed_nick_is_refused(nick: str) -> None:
    with pytest.raises(ChatError) as refused:
        check_nick(nick)

    assert refused.value.code == "bad-nick"
    assert refused.value.text.isprintable()


@pytest.mark.parametrize("nick", ["47634", "4-7", "1_", "٤٧٦٣٤", "４７６３４", "①", "²", "Ꮞ7634"])
def test_a_nick_that_could_be_a_port_is_refused(nick: str) -> None:
    with pytest.raises(ChatError, match="needs a letter") as refused:
        check_nick(nick)

    assert refused.value.code == "bad-nick"


@pytest.mark.parametrize("nick", ["127ꓸ0ꓸ0ꓸ1", "fe80ꓽꓽ1", "ꓽꓽ1"])
def test_letters_do_not_make_an_address(nick: str) -> None:
    with pytest.raises(ChatError, match="punctuation"):
        check_nick(nick)


@pytest.mark.parametrize("nick", ["c1", "c12", "C12", "с12", "ｃ12", "c٣"])
def test_a_nick_that_could_be_an_id_is_reserved(nick: str) -> None:
    with pytest.raises(ChatError) as refused:
        check_nick(nick)

    assert refused.value.code == "reserved-nick"


@pytest.mark.parametrize(
    "nick",
    [
        *RESERVED,
        *map(str.upper, RESERVED),
        *("ｓｅｒｖｅｒ", "ѕerver", "sеrvеr", "s-e-r-v-e-r", "_server_", "аdmіn", "adm1n", "adrnin", "𝐚𝐝𝐦𝐢𝐧", "admın"),
        *("r00t", "rооt", "aII", "a11", "trio_chat", "triochat", "Tri0-Chat", "SYSTЕМ", "h-ere"),
    ],
)
def test_a_reserved_name_is_refused_however_it_is_written(nick: str) -> None:
    with pytest.raises(ChatError) as refused:
        check_nick(nick)

    assert refused.value.code == "reserved-nick"


@pytest.mark.parametrize("nick", ["daνe", "Νick", "vίκος", "αβгд"])
def test_greek_letters_keep_to_themselves(nick: str) -> None:
    with pytest.raises(ChatError, match="Greek"):
        check_nick(nick)


@pytest.mark.parametrize("nick", ["abשלום", "1שלום", "-שלום", "שלוםa"])
def test_a_nick_has_one_order_on_the_screen(nick: str) -> None:
    with pytest.raises(ChatError, match="right-to-left"):
        check_nick(nick)


@pytest.mark.parametrize("spelling", ALICES)
def test_all_spellings_of_a_nick_have_one_key(spelling: str) -> None:
    assert fold_name(spelling) == fold_name("alice")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mary", "rnary"),
        ("BOB", "ВОВ"),
        ("bob", "ВОВ"),
        ("ANNA", "ΑΝΝΑ"),
        ("Νίκος", "ΝΊΚΟΣ"),
        ("Иван", "ИВАН"),
        ("Nguyễn", "Nguye\u0302\u0303n"),
        ("straße", "STRASSE"),
        ("ロ", "口"),
        ("ƀ", "b\u0336"),  # in the data ƀ is b with another stroke, which in turn looks like this one
        ("o", "0"),
        ("o", "օ"),
        ("علي", "علي\u200c"),
    ],
)
def test_names_alike_in_some_case_have_one_key(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


def test_names_that_differ_to_the_eye_have_different_keys() -> None:
    names = ["alice", "alicia", "bob", "rob", "nina", "vina", "ivan", "Иван", "Іван", "mary", "marry", "zoe", "zoë"]
    names += [
        "大人",
        "山田",
        "太郎",
        "김철수",
        "김영희",
        "สมชาย",
        "สมหญิง",
        "محمد",
        "محمود",
        "bob-",
        "bob_",
        "bob1",
        "bob2",
    ]

    assert len({fold_name(name) for name in names}) == len(names)


@given(st.text(max_size=SPELLED_MAX))
def test_a_key_is_blind_to_case(text: str) -> None:
    # U+0345 is the one mark whose capital is a letter: it cannot be made capital before it is in its canonical place.
    letters = "".join(char for char in text if len(char.upper()) == len(char.lower()) == 1 and char != "\u0345")

    assert fold_name(letters.upper()) == fold_name(letters.lower()) == fold_name(letters)


ANY_TEXT = st.text(st.characters(categories=None))
NEARLY_NICKS = st.text(
    st.characters(categories=["L", "M", "Nd"], include_characters="-_"), min_size=1, max_size=NICK_MAX
)


@given(ANY_TEXT | NEARLY_NICKS)
def test_any_text_has_a_key_and_is_a_nick_or_refused(text: str) -> None:
    key = fold_name(text)

    try:
        nick = check_nick(text)
    except ChatError:
        return
    assert check_nick(nick) == nick
    assert len(nick) <= NICK_MAX
    assert nick.isprintable()
    assert fold_name(nick) == key


def test_a_nick_may_be_spelled_with_its_marks_apart() -> None:
    assert check_nick("e\u0302\u0301" * NICK_MAX) == "\u1ebf" * NICK_MAX


@pytest.mark.parametrize("check", [check_nick, check_room])
@pytest.mark.parametrize("text", ["a" + "\u200b" * SPELLED_MAX, "\ufdfa" * 30_000, "a" + "\u0301\u0323" * 16_000])
def test_c19_an_overlong_name_is_refused_with_the_length_expected_and_has_no_key(check, text: str) -> None:
    with pytest.raises(ChatError, match=f"has 1 to {NICK_MAX} of them"):
        check(text)
    assert fold_name(text) is text


@pytest.mark.parametrize(
    ("typed", "name"),
    [("dev", "dev"), ("#dev", "dev"), ("#2024", "2024"), ("ｄｅｖ", "dev"), ("＃dev", "dev"), ("DEV", "dev")],
)
def test_a_room_is_named_like_a_nick_in_small_letters_with_or_without_its_mark(typed: str, name: str) -> None:
    assert check_room(typed) == name


@pytest.mark.parametrize("name", ["lobby", "all", "admin"])
def test_no_room_is_reserved(name: str) -> None:
    assert check_room(name) == name


@pytest.mark.parametrize(
    "name", ["", "#", "##dev", "a b", "x" * (NICK_MAX + 1), "_", "@c1", "a\u200bb", "\x1b[31m", "Νick"]
)
def test_a_malformed_room_is_refused(name: str) -> None:
    with pytest.raises(ChatError) as refused:
        check_room(name)

    assert refused.value.code == "bad-room"
    assert refused.value.text.isprintable()


@pytest.mark.parametrize(
    ("nick", "said"),
    [
        ("Server", "the nick Server is reserved"),
        ("al1", "the nick al1 is reserved: it looks like all"),
        ("r00t", "the nick r00t is reserved: it looks like root"),
        ("c12", "the nick c12 is reserved: it could be the id of a client"),
    ],
)
def test_why_a_nick_is_reserved_is_said_where_that_is_not_plain(nick: str, said: str) -> None:
    with pytest.raises(ChatError) as refused:
        check_nick(nick)

    assert refused.value.text == said
