"""Certificates of the bus: a small authority at the centre, keys made where they are used, X.509 (RFC 5280) on P-256.

The authority's private key follows from the master key, so that a centre put back from its master key still stands for
every certificate that it gave out. A certificate names one account of the broker by its common name, and nothing else.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.keys import NotAuthentic

LIFE = timedelta(days=730)
"""A certificate's life: two years."""
EARLIER = timedelta(days=1)
"""A certificate is good from so long before it was made: clocks differ."""
_LONG = timedelta(days=20 * 365)
"""Of the authority's own certificate and of the list of revoked ones: it outlives the machine that it stands on."""
_ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
"""Of P-256 (SEC 2, 2.4.2): a private key is 1 to this less one."""
_UNREADABLE = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion)
"""What the library raises at bytes that are not what they should be."""
LARGEST_REQUEST = 8 * 1024


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was given out. `pem` is the certificate, `serial` its number in hexadecimal."""

    pem: str
    serial: str
    name: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key, both PEM: what a client shows of itself."""

    certificate: str
    key: str = field(repr=False)

    @property
    def pem(self) -> str:
        """Both, as one file for OpenSSL."""
        return f"{self.key.strip()}\n{self.certificate.strip()}\n"


class Authority:
    """Gives out certificates, and lists those that are revoked. `seed` is 32 secret bytes, `now` an aware instant."""

    def __init__(self, seed: bytes) -> None:
        wide = hashlib.sha512(b"xq1/authority" + seed).digest()
        self._key = ec.derive_private_key(int.from_bytes(wide, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
        digest = hashlib.sha256(self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"xiaoqu-gateway {digest.hexdigest()[:12]}")])

    def root(self, now: datetime) -> str:
        """The authority's own certificate; any two of one seed stand for the same certificates."""
        public = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(now + _LONG)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return _pem(builder.sign(self._key, hashes.SHA256()))

    def server(self, names: Iterable[str], now: datetime, life: timedelta = LIFE) -> Identity:
        """A broker's certificate for host names and addresses, with a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = [_general(name) for name in names]
        builder = self._leaf("broker", key.public_key(), now, life, ExtendedKeyUsageOID.SERVER_AUTH)
        builder = builder.add_extension(x509.SubjectAlternativeName(named), critical=False)
        return Identity(_pem(builder.sign(self._key, hashes.SHA256())), _private(key))

    def client(self, name: str, now: datetime, life: timedelta = LIFE) -> tuple[Identity, Issued]:
        """A client's certificate with a new key, for the file that carries both."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._issue(name, key.public_key(), now, life)
        return Identity(issued.pem, _private(key)), issued

    def renew(self, request: str, name: str, now: datetime, life: timedelta = LIFE) -> Issued:
        """The certificate that a request (PKCS #10, PEM) asks for, if it asks in this name.

        Raises:
            NotAuthentic: it is no such request, its key does not sign it, or it asks for another name.
        """
        if len(request) > LARGEST_REQUEST:
            raise NotAuthentic("a request for a certificate that is too large")
        try:
            asked = x509.load_pem_x509_csr(request.encode())
            if not asked.is_signature_valid:
                raise NotAuthentic("the request is not signed by the key that it names")
            names = [attribute.value for attribute in asked.subject]
            public = asked.public_key()
        except _UNREADABLE as error:
            raise NotAuthentic("not a request for a certificate") from error
        if names != [name]:
            raise NotAuthentic("a request for a certificate in another name")
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            raise NotAuthentic("a request with a key that is not on P-256")
        return self._issue(name, public, now, life)

    def revoked(self, serials: Sequence[str], now: datetime, number: int) -> str:
        """The list of revoked certificates (PEM); `number` rises from list to list."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now)
            .next_update(now + _LONG)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(now)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def _issue(self, name: str, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta) -> Issued:
        builder = self._leaf(name, public, now, life, ExtendedKeyUsageOID.CLIENT_AUTH)
        made = builder.sign(self._key, hashes.SHA256())
        return Issued(_pem(made), f"{made.serial_number:x}", name, made.not_valid_before_utc, made.not_valid_after_utc)

    def _leaf(
        self, name: str, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta, usage: x509.ObjectIdentifier
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(now + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a certificate (PKCS #10, PEM), and the private key that stays where it was made."""

    pem: str
    key: str = field(repr=False)


def request(name: str) -> Request:
    """A new key, and the request for a certificate in this name."""
    key = ec.generate_private_key(ec.SECP256R1())
    asked = x509.CertificateSigningRequestBuilder().subject_name(_subject(name)).sign(key, hashes.SHA256())
    return Request(asked.public_bytes(Encoding.PEM).decode(), _private(key))


def span(pem: str) -> tuple[datetime, datetime]:
    """From when until when a certificate (PEM; the first of several) is good.

    Raises:
        NotAuthentic: it is no certificate.
    """
    found = _load(pem.encode())
    return found.not_valid_before_utc, found.not_valid_after_utc


def check_dates(chain: Iterable[bytes], now: datetime) -> tuple[datetime, datetime]:
    """Check that every certificate of a chain (DER) is good at an instant. Returns from when until when all of it is.

    Raises:
        NotAuthentic: one has ended, has not begun, or is no certificate; also when there is none at all.
    """
    begins, ends = [], []
    for der in chain:
        try:
            one = x509.load_der_x509_certificate(der)
        except _UNREADABLE as error:
            raise NotAuthentic("not a certificate") from error
        if now > one.not_valid_after_utc:
            raise NotAuthentic(f"a certificate ended on {one.not_valid_after_utc:%Y-%m-%d}")
        if now < one.not_valid_before_utc:
            raise NotAuthentic(f"a certificate begins on {one.not_valid_before_utc:%Y-%m-%d}")
        begins.append(one.not_valid_before_utc)
        ends.append(one.not_valid_after_utc)
    if not begins:
        raise NotAuthentic("no certificate was shown")
    return max(begins), min(ends)


def check_dates_of(pem: str, now: datetime) -> None:
    """Check that a certificate (PEM) is good at an instant. Raises as `check_dates`."""
    check_dates([_load(pem.encode()).public_bytes(Encoding.DER)], now)


def check_fits(certificate: str, key: str, name: str) -> None:
    """Check that a certificate is of this key and in this name (all PEM).

    Raises:
        NotAuthentic: it is not.
    """
    found = _load(certificate.encode())
    private = load_pem_private_key(key.encode(), None)
    if private.public_key() != found.public_key():
        raise NotAuthentic("the certificate is of another key")
    if [attribute.value for attribute in found.subject] != [name]:
        raise NotAuthentic("the certificate is in another name")


def _load(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except _UNREADABLE as error:
        raise NotAuthentic("not a certificate") from error


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
