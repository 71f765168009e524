"""What a station would have recorded while its line was down: the same decider, spool and keys, on past days.

This is the one simulator that uses the product's own parts: a backlog must be exactly what a station writes.
"""

from collections.abc import Iterable
from pathlib import Path

from drivers.api import CardRead, Credential, CredentialKind, Direction
from gateway.keys import Enrolled, read_secret
from gateway.settings import load
from gateway.station import roster
from gateway.station.decider import Decider, Heard, Outcome, ReaderPlace
from gateway.station.gates import gate_of
from gateway.station.spool import Spool
from gateway.station.token_keys import TokenKeys
from rules.identity import canonical
from simulators.rhythm import Medium, Presentation

_BATCH = 500


def write(config: Path, enrolment: Path, presentations: Iterable[Presentation]) -> int:
    """Decide and record presentations of the past in the spool of a station that does not run. Returns how many.

    The station must have its roster. ID cards go to its SAM reader, cards and codes to its card reader.
    """
    settings = load(config)
    enrolled = Enrolled.loads(read_secret(enrolment))
    folder = settings.data / f"station-{enrolled.station}"
    spool = Spool(folder / "spool.sqlite3")
    decided: list[Outcome] = []
    moment = [0.0]
    decider = Decider(
        enrolled,
        spool.epoch,
        {portal.id: gate_of(portal) for portal in settings.portals},
        {reader.id: ReaderPlace(reader.portal, Direction(reader.direction)) for reader in settings.readers},
        record=decided.append,
        signal=lambda _outcome, _recorded: None,
        wall=lambda: moment[0],
    )
    decider.keys = TokenKeys(folder, enrolled).known
    decider.roster = roster.load(folder, enrolled.roster_public, enrolled.community, decider.keys)
    if decider.roster is None:
        raise LookupError("the station has no roster yet")
    readers = {reader.direction: reader.id for reader in settings.readers}
    count = 0
    for presentation in presentations:
        credential = _credential(presentation)
        if credential is None:
            continue
        moment[0] = presentation.at.timestamp()
        reader = readers["in" if presentation.inward else "out"]
        decided.append(decider.judge(Heard(reader, CardRead(credential), moment[0])))
        count += 1
        if len(decided) >= _BATCH:
            _record(spool, decided)
    _record(spool, decided)
    spool.close()
    return count


def _record(spool: Spool, decided: list[Outcome]) -> None:
    if decided:
        spool.record([(outcome.record, False) for outcome in decided])
        decided.clear()


def _credential(presentation: Presentation) -> Credential | None:
    person = presentation.person
    if presentation.medium is Medium.VISITOR_CODE:
        return Credential(CredentialKind.VISITOR, presentation.code or "")
    if person is None:
        return None
    if presentation.medium is Medium.COMPOUND_CARD and person.card_uid:
        return Credential(CredentialKind.CARD_UID, canonical(CredentialKind.CARD_UID, person.card_uid))
    return Credential(CredentialKind.CITIZEN_ID, canonical(CredentialKind.CITIZEN_ID, person.number))
