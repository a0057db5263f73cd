"""A certificate authority of the test's own, and what it certifies."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(hours=1)


@dataclass(frozen=True)
class Certified:
    """Where certificate and key lie."""

    cert: Path
    key: Path


class Authority:
    """Certifies names on loopback; whoever trusts `cert` trusts them."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        """Its certificate is `<folder>/<name>.crt`."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        built = self._builder(self._name, self._key).add_extension(basic, critical=True)
        signed = built.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.cert = folder / f"{name}.crt"
        self.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def certify(self, name: str) -> Certified:
        """Certificate and key of `name`, good for `localhost` and 127.0.0.1, as server and as client."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = self._builder(subject, key).add_extension(hosts, critical=False)
        signed = built.add_extension(purposes, critical=False).sign(self._key, hashes.SHA256())
        certified = Certified(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        certified.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        certified.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        certified.key.chmod(0o600)
        return certified

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - VALID)
            .not_valid_after(now + VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(known, critical=False)
        )
