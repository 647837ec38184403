"""Which models are the same model: `canonical`, the id of a model at its maker.

Hosts spell one model in many ways: `claude-sonnet-4-5` is
`anthropic.claude-sonnet-4-5-20250929-v1:0` at one and `anthropic/claude-sonnet-4.5` at another.
The rules take such spellings apart and compare what is left with the models of the maker:

1. The maker is told by the organisation in the id, else by the beginning of the name.
2. The name is the last segment without the host's own additions, with `-` for `.`, `_` and `@`.
3. Equal names of one maker are one model. Nothing is guessed from parts of a name: `turbo`, `mini`,
   `thinking` and short dates such as `0528` make another model.
4. A full date at the end is dropped where the maker has the undated name, released within a month
   of it; and an undated name stands for a dated one where the maker has just one of that name.
5. Names that move on (`-latest`, `deepseek-chat`) are nobody else's: one host may serve another
   version than the next.

A wrong merge is worse than none: whatever the rules do not tell has no canonical id.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from service.domain.models import ModelRow


class Maker(NamedTuple):
    """Who makes models: its own offers by order of preference, its names in ids, its models."""

    homes: tuple[str, ...]
    organisations: frozenset[str]
    names: re.Pattern[str]
    # Whether its homes offer its own models alone.
    pure: bool = True


def _maker(homes: str, organisations: str, names: str, *, pure: bool = True) -> Maker:
    return Maker(
        tuple(homes.split()), frozenset(organisations.split()), re.compile(names), pure=pure
    )


MAKERS: Final[tuple[Maker, ...]] = (
    _maker("anthropic", "anthropic", r"claude-"),
    _maker("openai", "openai", r"gpt-|chatgpt-|o[134](-|$)|text-embedding-(3|ada)|dall-e|sora-"),
    _maker("google", "google", r"gemini-|gemma-|imagen-|veo-|lyria-"),
    _maker("llama meta", "meta meta-llama facebook", r"llama-|codellama|code-llama|muse-"),
    _maker("mistral", "mistral mistralai mistral-ai",
           r"mistral-|ministral-|mixtral-|codestral|devstral|magistral|pixtral|voxtral|open-mi",
           pure=False),
    _maker("deepseek", "deepseek deepseek-ai", r"deepseek-"),
    _maker("alibaba alibaba-cn", "alibaba qwen", r"qwen|qwq-|qvq-", pure=False),
    _maker("zai zhipuai", "zai zai-org z-ai zhipu zhipuai thudm", r"glm-"),
    _maker("moonshotai moonshotai-cn", "moonshotai moonshot", r"kimi-|moonshot-"),
    _maker("minimax minimax-cn", "minimax minimaxai", r"minimax-"),
    _maker("xai", "xai x-ai", r"grok-"),
    _maker("cohere", "cohere coherelabs", r"command-|c4ai-|embed-v|rerank-v"),
    _maker("nvidia", "nvidia", r"nemotron-|nvidia-|llama-[0-9-]+nemotron", pure=False),
    _maker("microsoft", "microsoft", r"phi-|mai-", pure=False),
    _maker("xiaomi", "xiaomi xiaomimimo", r"mimo-"),
    _maker("stepfun stepfun-ai", "stepfun stepfun-ai", r"step-"),
    _maker("perplexity", "", r"sonar", pure=False),
    _maker("inception", "inception", r"mercury"),
    _maker("nova amazon", "amazon", r"nova-(2-)?(lite|micro|pro|premier|omni)"),
    _maker("voyageai", "voyage voyageai", r"voyage-"),
    _maker("arcee", "arcee arcee-ai", r"trinity-"),
    _maker("upstage", "upstage", r"solar-"),
    _maker("tencent", "tencent", r"hunyuan-|hy[34]"),
    _maker("baidu", "baidu", r"ernie-"),
    _maker("ibm", "ibm ibm-granite", r"granite-"),
    _maker("ai21", "ai21 ai21labs", r"jamba-"),
    _maker("thinkingmachines", "thinkingmachines", r"inkling"),
)  # fmt: skip

# Names that makers and hosts move from one version to the next.
_MOVING: Final = re.compile(
    r"(?<!\d-chat)-latest$|^(deepseek-(chat|reasoner)|qwen-(max|plus|turbo|flash|long)(-us)?|qwen-vl-(max|plus)"
    r"|mistral-(large|medium|small|tiny)|magistral-(medium|small)|devstral-(medium|small)"
    r"|ministral-(3b|8b)|codestral|pixtral-large|gemini-pro|chatgpt-4o|kimi-k2)$"
)
# Names of hosts for what the maker calls otherwise, as `name_key` writes both.
SPELLINGS: Final[Mapping[str, str]] = {
    "gpt-5-chat": "gpt-5-chat-latest",
    "gpt-5-1-chat": "gpt-5-1-chat-latest",
    "gpt-5-2-chat": "gpt-5-2-chat-latest",
    "gpt-5-3-chat": "gpt-5-3-chat-latest",
    "kimi-k2-0711": "kimi-k2-0711-preview",
    "kimi-k2-0905": "kimi-k2-0905-preview",
    "kimi-k2-instruct": "kimi-k2-0711-preview",
    "kimi-k2-instruct-0905": "kimi-k2-0905-preview",
    "llama-4-maverick": "llama-4-maverick-17b-128e-instruct",
    "llama-4-scout": "llama-4-scout-17b-16e-instruct",
}
# Ids that the rules would read wrongly, and what they are instead (None: nobody else's).
EXCEPTIONS: Final[Mapping[str, str | None]] = {
    # The undated name moved to the version of August 2024.
    "openai/gpt-4o-2024-05-13": "openai/gpt-4o-2024-05-13",
}

_MONTH: Final = datetime.timedelta(days=31)
_FULL_DATE: Final = re.compile(r"-(20\d\d)-?([01]\d)-?([0-3]\d)$")
# What hosts add to a name: regions and makers on Bedrock, a price class, a precision.
_HOST_PREFIX: Final = re.compile(
    r"^(?:(?:us|eu|au|jp|apac|global|regional)\.)?(?:[a-z0-9-]+\.(?=[a-z]))|^databricks-"
)
_HOST_SUFFIX: Final = re.compile(r":free$|-free$|@default$|-v\d+:0$|-v1$")
_PRECISION: Final = re.compile(r"-(fp8|fp4|nvfp4|mxfp4|bf16|int4|awq)(-(dynamic|throughput))?$")
_CLAUDE: Final = re.compile(r"^claude-(\d(?:-\d)?)-(opus|sonnet|haiku)(?=-|$)")


def name_key(model_id: str) -> str:
    """The name of a model as it is compared: the last segment, freed of what hosts add."""
    name = model_id.rsplit("/", 1)[-1].lower()
    name = _HOST_SUFFIX.sub("", _HOST_SUFFIX.sub("", name))
    name = _HOST_PREFIX.sub("", name)
    if "accounts/fireworks/" in model_id:
        name = re.sub(r"(?<=\d)p(?=\d)", "-", name)
    name = _PRECISION.sub("", re.sub(r"[._@ ]", "-", name))
    name = re.sub(r"^meta-(?=llama-)|^nvidia-(?=nemotron-)", "", name)
    # Anthropic turned the order around with version 4.
    name = _CLAUDE.sub(r"claude-\2-\1", name)
    name = re.sub(r"^(claude-(?:opus|sonnet)-4)-0$", r"\1", name)
    # These are served as tuned to instructions alone, whether or not a host says so.
    name = re.sub(r"^(llama-3-3-70b|gemma-[34]-.*)-(instruct|it)$", r"\1", name)
    return SPELLINGS.get(name, name)


def maker_of(provider_id: str, model_id: str) -> Maker | None:
    """Who made a model, by the organisation in its id, else by its name, else by who offers it."""
    head, _, last = model_id.lower().rpartition("/")
    bedrock = re.match(r"(?:(?:us|eu|au|jp|apac|global|regional)\.)?([a-z0-9-]+)\.(?=[a-z])", last)
    for organisation in filter(None, (bedrock and bedrock[1], *reversed(head.split("/")))):
        for maker in MAKERS:
            if organisation in maker.organisations:
                return maker
    name = name_key(model_id)
    for maker in MAKERS:
        # Nemotron is built on Llama, and named after both.
        if maker.names.match(name) and not ("nemotron" in name and "nvidia" not in maker.homes):
            return maker
    return next((m for m in MAKERS if m.pure and provider_id in m.homes), None)


def maker_named(organisation: str) -> Maker | None:
    """The maker of that name, as organisations are written in ids."""
    return next((m for m in MAKERS if organisation in {*m.homes, *m.organisations}), None)


def is_moving(name: str) -> bool:
    """Whether a name stands for another version from time to time."""
    return _MOVING.search(name_key(name)) is not None


def canonical_ids(models: Iterable[ModelRow]) -> dict[str, str]:
    """The canonical id of every model that has one, by model id."""
    index = Makers(models)
    return {row.id: found for row in index.rows if (found := index.canonical(row))}


class Makers:
    """What all makers offer at home, to be found by maker and name."""

    def __init__(self, models: Iterable[ModelRow]) -> None:
        self.rows = list(models)
        own: dict[tuple[Maker, str], list[ModelRow]] = defaultdict(list)
        for row in self.rows:
            maker = maker_of(row.provider_id, row.model_id)
            if maker and row.provider_id in maker.homes:
                own[maker, name_key(row.model_id)].append(row)
        self._own = {
            key: min(
                rows, key=lambda row: (key[0].homes.index(row.provider_id), len(row.id), row.id)
            )
            for key, rows in own.items()
        }
        self._dated: dict[tuple[Maker, str], list[str]] = defaultdict(list)
        for maker, name in self._own:
            if dated := _FULL_DATE.search(name):
                self._dated[maker, name[: dated.start()]].append(name)

    def find(self, maker: Maker, name: str) -> str | None:
        """The canonical id of the model that a maker calls so."""
        row = self._own.get((maker, name_key(name)))
        return self.canonical(row) if row else None

    def canonical(self, row: ModelRow) -> str | None:
        """The id of the same model at its maker; None where the rules cannot tell."""
        if row.id in EXCEPTIONS:
            return EXCEPTIONS[row.id]
        if (maker := maker_of(row.provider_id, row.model_id)) is None:
            return None
        name = name_key(row.model_id)
        at_home = row.provider_id in maker.homes
        if is_moving(name):
            return row.id if at_home else None
        for candidate in self._names(maker, name):
            if same := self._own.get((maker, candidate)):
                return same.id
        return row.id if at_home else None

    def _names(self, maker: Maker, name: str) -> Iterator[str]:
        """Names of the same model, the one that others are to go by first."""
        if not (dated := _FULL_DATE.search(name)):
            yield name
            plain = name
        else:
            plain = name[: dated.start()]
            snapshot = self._own.get((maker, name))
            if (snapshot is None or snapshot.id not in EXCEPTIONS) and self._same_release(
                maker, plain, "-".join(dated.groups())
            ):
                yield plain
            yield name
        if len(versions := self._dated[maker, plain]) == 1:
            yield versions[0]

    def _same_release(self, maker: Maker, plain: str, day: str) -> bool:
        undated = self._own.get((maker, plain))
        if undated is None or not isinstance(undated.release_date, datetime.date):
            return False
        try:
            apart = undated.release_date - datetime.date.fromisoformat(day)
        except ValueError:
            return False
        return abs(apart) <= _MONTH
