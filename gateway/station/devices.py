"""The drivers of the devices that the settings name, and every mistake in how these are described or joined."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from drivers.api import Driver, NativeDriver, StreamDriver, Taken
from drivers.registry import BadSettings, find, settings_for, taken
from gateway.settings import Output, Reader, Settings, SettingsError
from gateway.station.gates import contacts_of


def drivers_of(settings: Settings) -> dict[str, tuple[Driver, object]]:
    """The driver of each device and its own settings, by the device's id.

    Raises:
        SettingsError: a driver is unknown, its settings or its line are wrong; every mistake at once.
    """
    found: dict[str, tuple[Driver, object]] = {}
    places: dict[str, Taken] = {}
    mistakes: list[str] = []
    devices: tuple[Reader | Output, ...] = (*settings.readers, *settings.outputs)
    for device in devices:
        try:
            driver = find(device.driver)
        except LookupError as error:
            mistakes.append(f"{device.id}: {error}")
            continue
        try:
            found[device.id] = driver, settings_for(driver, device.settings)
        except BadSettings as error:
            mistakes += [f"{device.id}: {problem}" for problem in error.problems]
        try:
            places[device.id] = taken(driver, device.url)
        except ValueError as error:
            mistakes.append(f"{device.id}: {error}")
        if device.baud is not None and isinstance(driver, NativeDriver):
            mistakes.append(f"{device.id}: baud: {driver.name} takes none here; see its settings")
    mistakes += [*_clashes(found, places), *_no_relay(settings, found), *_not_read(settings, found)]
    if mistakes:
        raise SettingsError(mistakes)
    return found


def _clashes(found: Mapping[str, tuple[Driver, object]], places: Mapping[str, Taken]) -> Iterator[str]:
    """Devices that cannot be on one line together."""
    for (one, mine), (other, its) in combinations(places.items(), 2):
        if mine.line != its.line or one not in found or other not in found:
            continue
        (driver, own), (its_driver, its_own) = found[one], found[other]
        if not (mine.place and its.place) or driver is not its_driver or isinstance(driver, StreamDriver):
            yield f"{other}: its line is that of {one}, {mine.line}"
        elif mine.place == its.place:
            yield f"{other}: {its.place} on {its.line} is that of {one}"
        elif driver.terms(own) != driver.terms(its_own):
            yield f"{other}: {driver.terms(its_own)}, but {one} on the same line has {driver.terms(own)}"


def _no_relay(settings: Settings, drivers: Mapping[str, tuple[Driver, object]]) -> Iterator[str]:
    """Portals whose opener is a reader that can open nothing, or not for so long."""
    readers = {reader.id for reader in settings.readers}
    for portal in settings.portals:
        if portal.opener in readers and portal.opener in drivers:
            driver = drivers[portal.opener][0]
            if isinstance(driver, StreamDriver) or not driver.opens:
                yield f"portal {portal.id!r}: its opener {portal.opener!r} is a reader without a relay ({driver.name})"
            elif portal.pulse_seconds > driver.longest_s:
                longest = f"the relay of {portal.opener!r} closes for {driver.longest_s:g} s at most"
                yield f"portal {portal.id!r}: pulse_seconds: {longest}"


def _not_read(settings: Settings, drivers: Mapping[str, tuple[Driver, object]]) -> Iterator[str]:
    """Contacts that their board does not read: it has none, or fewer."""
    for portal in settings.portals:
        for which, wired in contacts_of(portal).items():
            if wired.device not in drivers:
                continue
            inputs = getattr(drivers[wired.device][1], "inputs", 0)
            if wired.channel >= inputs:
                said = f"{wired.device!r} reads {inputs} contacts" if inputs else f"{wired.device!r} reads no contacts"
                yield f"portal {portal.id!r}: {which}: channel {wired.channel} is not read: {said} (setting `inputs`)"
