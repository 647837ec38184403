"""What lets libSQL servers and their clients know each other: keys, tokens, certificates.

`cryptography` is needed for that alone, on the machine of whoever makes them: an extra.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from service.errors import ServiceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Access = Literal["ro", "rw"]

PRIVATE: Final = "libsql.key"
PUBLIC: Final = "libsql.pem"
# The name that libSQL servers ask each other's certificates for, whatever their address.
_NAME: Final = "sqld"


def make_keys(folder: Path, *, rotate: bool = False) -> None:
    """Make `libsql.key`, which signs tokens, and `libsql.pem`, by which a server checks them.

    With `rotate` the server goes on taking tokens of the keys before. Raises `ServiceError` where
    there are keys already.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, private, public = Ed25519PrivateKey.generate(), folder / PRIVATE, folder / PUBLIC
    if private.exists() and not rotate:
        raise ServiceError(f"{private} exists: tokens are made with it; --rotate makes another one")
    folder.mkdir(parents=True, exist_ok=True)
    before = public.read_bytes() if rotate and public.exists() else b""
    _write(public, public_pem(key) + before, 0o644)
    _write(private, _private_pem(key), 0o600)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file. Raises `ServiceError` for what is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ServiceError(
            f"{path} cannot be read: {error.strerror}: `aicompare libsql keys` makes it"
        ) from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ServiceError(f"{path} holds no Ed25519 key: `aicompare libsql keys` makes one")
    return key


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half, as the server reads it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def token(key: Ed25519PrivateKey, access: Access, expires: datetime.datetime | None = None) -> str:
    """A token (JWT) for a libSQL server that knows the key: to read (`ro`), or to write as well.

    Reading includes a dump of all there is.
    """
    # A token that says nothing of access would have all of it.
    claims: dict[str, str | int] = {"a": access}
    if expires is not None:
        claims["exp"] = int(expires.timestamp())
    signed = f"{_part({'alg': 'EdDSA', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64(key.sign(signed.encode()))}"


def make_certificates(folder: Path, now: datetime.datetime, lifetime: datetime.timedelta) -> None:
    """Make `ca.pem`, `cert.pem` and `key.pem`, by which the servers of all regions know each other.

    One certificate for all of them and both sides; the authority's own key is not kept, so that it
    signs nothing else: new certificates are a new folder. Raises `ServiceError` where there are
    some already.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import (
        BasicConstraints,
        CertificateBuilder,
        DNSName,
        ExtendedKeyUsage,
        Name,
        NameAttribute,
        SubjectAlternativeName,
        random_serial_number,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    if (folder / "key.pem").exists():
        raise ServiceError(f"{folder} has certificates already: choose another folder")
    authority, own = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    issuer = Name([NameAttribute(NameOID.COMMON_NAME, "AICompare libSQL")])
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]

    def certificate(subject: Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        builder = (
            CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + lifetime)
            .add_extension(BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            builder = builder.add_extension(
                SubjectAlternativeName([DNSName(_NAME)]), critical=False
            ).add_extension(ExtendedKeyUsage(usages), critical=False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)

    folder.mkdir(parents=True, exist_ok=True)
    subject = Name([NameAttribute(NameOID.COMMON_NAME, _NAME)])
    _write(folder / "ca.pem", certificate(issuer, authority, ca=True), 0o644)
    _write(folder / "cert.pem", certificate(subject, own, ca=False), 0o644)
    _write(folder / "key.pem", _private_pem(own), 0o600)


def _private_pem(key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """A whole file or none, never readable by others for a moment."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)


def _part(value: object) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
