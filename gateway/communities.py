"""What the configuration says of a compound: its name, who is responsible for it, and what it aims at."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rules.indicators import Indicator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""A name that stands in topics, tables, URLs and logs: lower-case letters, digits and hyphens, at most 40."""


class Community(BaseModel):
    """A compound, and who is responsible for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name
    name: str
    street: str
    police_station: Name
    portals: tuple[Name, ...] = ()
    gated: bool = True
    """Whether gates are part of the pilot there; one without has figures all the same."""
    central: bool = False
    """Whether it is counted as the district's centre (中心城区)."""
    property_company: Annotated[str, Field(max_length=80)] = ""
    staff: Annotated[int, Field(ge=0, le=1000)] = 0
    """People employed for registration alone (专职力量)."""
    phase: Literal["mobilise", "collect", "accept", "maintain"] = "collect"
    """动员, 采集, 验收, 常态维护."""
    base_date: date | None = None
    """基准日 of lists that name none."""
    targets: dict[Indicator, Annotated[float, Field(ge=0, le=1)]] = {}
    """Its own targets, in place of the notice's."""
