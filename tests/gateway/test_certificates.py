"""Certificates against OpenSSL's own opinion, and against whoever asks for more than is theirs."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.keys import NotAuthentic
from gateway.keys.certificates import Authority, check_dates, check_dates_of, check_fits, request, span

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
AUTHORITY = Authority(bytes(range(32)))


def asked(name: str, key: object | None = None) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return made.public_bytes(Encoding.PEM).decode()


def test_a_certificate_lives_two_years_and_names_its_account_alone() -> None:
    identity, issued = AUTHORITY.client("yuan-1", NOW)
    found = x509.load_pem_x509_certificate(identity.certificate.encode())
    assert [one.value for one in found.subject] == ["yuan-1"]
    assert f"{found.serial_number:x}" == issued.serial
    begins, ends = span(identity.certificate)
    assert (begins, ends) == (issued.begins, issued.ends) == (NOW - timedelta(days=1), NOW + timedelta(days=730))
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert identity.key not in repr(identity)


def test_two_authorities_of_one_seed_stand_for_the_same_certificates() -> None:
    again = Authority(bytes(range(32)))
    leaf = x509.load_pem_x509_certificate(again.client("yuan-1", NOW)[0].certificate.encode())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.root(NOW).encode()))
    with pytest.raises(ValueError, match="Issuer"):
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(Authority(bytes(32)).root(NOW).encode()))


def test_openssl_takes_what_the_authority_made(tmp_path: Path) -> None:
    (tmp_path / "root").write_text(AUTHORITY.root(NOW))
    (tmp_path / "identity").write_text(AUTHORITY.server(["broker.example", "10.0.0.1", "::1"], NOW).pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(tmp_path / "root")
    context.load_cert_chain(tmp_path / "identity")
    assert len(context.get_ca_certs()) == 1


def test_a_request_gets_a_certificate_for_its_own_key() -> None:
    new = request("yuan-1")
    issued = AUTHORITY.renew(new.pem, "yuan-1", NOW)
    check_fits(issued.pem, new.key, "yuan-1")
    assert "PRIVATE" not in new.pem
    with pytest.raises(NotAuthentic, match="another key"):
        check_fits(issued.pem, request("yuan-1").key, "yuan-1")
    with pytest.raises(NotAuthentic, match="another name"):
        check_fits(issued.pem, new.key, "yuan-2")


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (asked("yuan-2"), "another name"),
        (asked("centre"), "another name"),
        (asked("yuan-1", ec.generate_private_key(ec.SECP384R1())), "not on P-256"),
        (asked("yuan-1", rsa.generate_private_key(65537, 2048)), "not on P-256"),
        ("", "not a request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "not a request"),
        ("x" * 9000, "too large"),
        ("身份" * 10, "not a request"),
    ],
)
def test_a_request_for_more_than_is_the_askers_is_refused(pem: str, why: str) -> None:
    with pytest.raises(NotAuthentic, match=why):
        AUTHORITY.renew(pem, "yuan-1", NOW)


def test_a_request_that_was_changed_on_the_way_is_refused() -> None:
    good = x509.load_pem_x509_csr(asked("yuan-1").encode()).public_bytes(Encoding.DER)
    refused = 0
    for place in range(0, len(good), 7):
        bent = good[:place] + bytes((good[place] ^ 1,)) + good[place + 1 :]
        pem = ssl.DER_cert_to_PEM_cert(bent).replace("CERTIFICATE", "CERTIFICATE REQUEST")
        with pytest.raises(NotAuthentic):
            AUTHORITY.renew(pem, "yuan-1", NOW)
        refused += 1
    assert refused > 20


def test_the_list_of_revoked_certificates_holds_them_and_is_signed() -> None:
    _, one = AUTHORITY.client("yuan-1", NOW)
    _, other = AUTHORITY.client("yuan-2", NOW)
    found = x509.load_pem_x509_crl(AUTHORITY.revoked([one.serial], NOW, 7).encode())
    assert found.is_signature_valid(x509.load_pem_x509_certificate(AUTHORITY.root(NOW).encode()).public_key())  # type: ignore[arg-type]
    assert found.get_revoked_certificate_by_serial_number(int(one.serial, 16)) is not None
    assert found.get_revoked_certificate_by_serial_number(int(other.serial, 16)) is None
    assert found.next_update_utc is not None
    assert found.next_update_utc > NOW + timedelta(days=7000), "a list that ends would lock everybody out"


@pytest.mark.parametrize(("days", "why"), [(-2, "begins on"), (731, "ended on"), (100_000, "ended on")])
def test_a_certificate_is_good_within_its_dates_alone(days: int, why: str) -> None:
    identity, _ = AUTHORITY.client("yuan-1", NOW)
    for good in (-1, 0, 729):
        check_dates_of(identity.certificate, NOW + timedelta(days=good))
    with pytest.raises(NotAuthentic, match=why):
        check_dates_of(identity.certificate, NOW + timedelta(days=days))


def test_no_chain_is_no_good_chain() -> None:
    with pytest.raises(NotAuthentic, match="no certificate"):
        check_dates([], NOW)
    with pytest.raises(NotAuthentic, match="not a certificate"):
        check_dates([b"\x30\x00"], NOW)
