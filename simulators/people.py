"""Synthetic people: names, numbers that hold, dwellings and credentials. The same seed makes the same people.

The numbers begin with 510099, a county code that was never given out, so none of them can be a real person's.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from simulators.sam import Card, CardType

REGION = "510099"

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任"
    "姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰红梅建国志文宇浩然子轩雨欣怡佳琪思雅晨阳俊凯婷雪莹"
    "慧颖春燕海波云飞天成永康福安宁瑞祥嘉诚"
)


class Tenure(StrEnum):
    """As what somebody lives in a dwelling; `LODGER` is 寄住: registered elsewhere in the same city."""

    OWNER = "owner"
    TENANT = "tenant"
    LODGER = "lodger"


@dataclass(frozen=True, slots=True, order=True)
class Dwelling:
    """栋, 单元, 室."""

    building: int
    unit: int
    room: str

    def __str__(self) -> str:
        return f"{self.building}栋{self.unit}单元{self.room}室"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the compound. `key` names them in tests and logs; nothing else of them is printed.

    `card_uid` is the compound card's UID as sent over the air, where they have one; `cast` their part in the play.
    """

    key: str
    name: str = field(repr=False)
    number: str = field(repr=False)
    born: date = field(repr=False)
    sex: str = field(repr=False)
    dwelling: Dwelling | None = field(repr=False)
    tenure: Tenure | None
    registered: bool
    since: date = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    card_uid: str | None = field(default=None, repr=False)
    card_type: CardType = CardType.RESIDENT
    english_name: str = field(default="", repr=False)
    protected: bool = False
    cast: str | None = None

    def age(self, today: date) -> int:
        """Completed years."""
        return today.year - self.born.year - ((today.month, today.day) < (self.born.month, self.born.day))

    def id_card(self, street: str = "示例区江湾街道测试路1号") -> Card:
        """Return the identity card in this person's pocket. The address on it is not where they live."""
        dated = self.card_type is not CardType.RESIDENT or self.born.year > 1980
        issued = max(2022, self.born.year + 1)
        return Card(
            number=self.number,
            name=self.name,
            address=street,
            type=self.card_type,
            sex=self.sex,
            birth=f"{self.born:%Y%m%d}",
            valid_from=f"{issued}0101",
            valid_until=f"{issued + 10}0101" if dated else "长期",
            english_name=self.english_name,
        )


def number_of(first_17: str) -> str:
    """Append the check digit of ISO 7064 MOD 11-2, computed by its recursion rather than by a table of weights."""
    total = 0
    for digit in first_17:
        total = (total + int(digit)) * 2 % 11
    rest = (12 - total) % 11
    return first_17 + ("X" if rest == 10 else str(rest))


class People:
    """A source of people; no two have the same number or card."""

    def __init__(self, seed: int, today: date) -> None:
        self._random = Random(seed)
        self._today = today
        self._taken: set[str] = set()

    def name(self) -> str:
        """Return a common Chinese name of two or three characters."""
        given = "".join(self._random.sample(GIVEN, self._random.choice((1, 2, 2, 2))))
        return self._random.choice(SURNAMES) + given

    def born(self, youngest: int, oldest: int) -> date:
        """Return a birth date that makes somebody this old."""
        days = self._random.randint(youngest * 365 + youngest // 4 + 1, oldest * 365 + oldest // 4)
        return self._today - timedelta(days=days)

    def number(self, born: date, sex: str, region: str = REGION) -> str:
        """Return a fresh number of 18 characters for this birth date; `sex` "1" is odd, "2" is even."""
        while True:
            sequence = self._random.randrange(0, 1000, 2) + (1 if sex == "1" else 0)
            number = number_of(f"{region}{born:%Y%m%d}{sequence % 1000:03d}")
            if number not in self._taken:
                self._taken.add(number)
                return number

    def card_uid(self) -> str:
        """Return a fresh four-byte UID."""
        while True:
            uid = f"{self._random.randrange(1, 1 << 32):08X}"
            if uid not in self._taken:
                self._taken.add(uid)
                return uid

    def phone(self) -> str:
        """Return a telephone number of the block that nobody is given: 100 begins no mobile number."""
        return f"100{self._random.randrange(10**8):08d}"
