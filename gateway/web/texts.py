"""Every sentence of the pages in each language, from flat TOML files (TOPIC.LANG.toml); a gap is an error at start."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("zh", "en")
DEFAULT = "zh"
"""The PCs of gate booths are Chinese, whatever their browsers ask for."""
FOLDER = Path(__file__).parent / "texts"


class TextsIncomplete(Exception):
    """A text is missing in a language, or a page asks for one that does not exist. Lists every gap."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by language and key."""

    tables: Mapping[str, Mapping[str, str]]

    def get(self, lang: str, key: str, **figures: object) -> str:
        """The text, with `{name}` replaced by the figure of that name."""
        text = self.tables[lang][key]
        return text.format(**figures) if figures else text

    def word(self, lang: str, prefix: str, code: str) -> str:
        """The text of a code that comes from elsewhere; the code itself when there is none."""
        return self.tables[lang].get(f"{prefix}.{code}", code)

    def has(self, key: str) -> bool:
        return all(key in table for table in self.tables.values())

    def need(self, keys: Iterable[str]) -> None:
        """Check that every key exists in every language.

        Raises:
            TextsIncomplete: with all that are missing.
        """
        missing = sorted({f"{lang}: {key}" for key in keys for lang, table in self.tables.items() if key not in table})
        if missing:
            raise TextsIncomplete("missing texts: " + ", ".join(missing))


def load(folder: Path = FOLDER) -> Texts:
    """Read the texts of all languages.

    Raises:
        TextsIncomplete: a key of one language is not in another, or a value is not a text.
    """
    tables: dict[str, Mapping[str, str]] = {}
    for lang in LANGUAGES:
        table: dict[str, str] = {}
        for file in sorted((folder / f"{lang}.toml", *folder.glob(f"*.{lang}.toml"))):
            found = tomllib.loads(file.read_text(encoding="utf-8"))
            if twice := sorted(found.keys() & table.keys()):
                raise TextsIncomplete(f"{file.name}: these stand in another file already: " + ", ".join(twice))
            table |= found
        if odd := sorted(key for key, value in table.items() if not isinstance(value, str)):
            raise TextsIncomplete(f"{lang}: not a text: " + ", ".join(odd))
        tables[lang] = table
    texts = Texts(tables)
    texts.need(key for table in tables.values() for key in table)
    return texts


def accepted(lang: str | None) -> str | None:
    """`lang` when it is one of ours."""
    return lang if lang in LANGUAGES else None
