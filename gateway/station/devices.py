"""The drivers of the devices that the settings name, and every mistake in how these are described or joined."""

from collections.abc import Iterator, Mapping

from drivers import lines
from drivers.api import Driver, StreamDriver
from drivers.registry import BadSettings, find, settings_for
from gateway.settings import Output, Reader, Settings, SettingsError
from gateway.station.gates import contacts_of


def drivers_of(settings: Settings) -> dict[str, tuple[Driver, object]]:
    """The driver of each device and its own settings, by the device's id.

    Raises:
        SettingsError: a driver is unknown or its settings are wrong; every mistake at once.
    """
    found: dict[str, tuple[Driver, object]] = {}
    mistakes: list[str] = []
    devices: tuple[Reader | Output, ...] = (*settings.readers, *settings.outputs)
    for device in devices:
        try:
            driver = find(device.driver)
            found[device.id] = driver, settings_for(driver, device.settings)
            if device.url.startswith(lines.SCHEME):
                lines.parse(device.url)
        except BadSettings as error:
            mistakes += [f"{device.id}: {problem}" for problem in error.problems]
        except (LookupError, ValueError) as error:
            mistakes.append(f"{device.id}: {error}")
    if mistakes or (mistakes := [*_no_relay(settings, found), *_not_read(settings, found)]):
        raise SettingsError(mistakes)
    return found


def _no_relay(settings: Settings, drivers: Mapping[str, tuple[Driver, object]]) -> Iterator[str]:
    """Portals whose opener is a reader that can open nothing."""
    readers = {reader.id for reader in settings.readers}
    for portal in settings.portals:
        if portal.opener in readers:
            driver = drivers[portal.opener][0]
            if isinstance(driver, StreamDriver) or not driver.opens:
                yield f"portal {portal.id!r}: its opener {portal.opener!r} is a reader without a relay ({driver.name})"


def _not_read(settings: Settings, drivers: Mapping[str, tuple[Driver, object]]) -> Iterator[str]:
    """Contacts that their board does not read: it has none, or fewer."""
    for portal in settings.portals:
        for which, wired in contacts_of(portal).items():
            inputs = getattr(drivers[wired.device][1], "inputs", 0)
            if wired.channel >= inputs:
                said = f"{wired.device!r} reads {inputs} contacts" if inputs else f"{wired.device!r} reads no contacts"
                yield f"portal {portal.id!r}: {which}: channel {wired.channel} is not read: {said} (setting `inputs`)"
