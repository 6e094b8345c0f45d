"""TLS for servers of tests."""

from __future__ import annotations

import ssl
from pathlib import Path

#: For the name localhost, self-signed, valid from 2020 to 2120.
KEY_AND_CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgidoUP32B3Y/aur7G
mU1egRyrl5MQFZWev9w2Lj6MRiihRANCAAQE/Z8iCjn6Y0f+lhhzdE+yqWl6kX7F
IosfHxFJUrVTHHOk4Yskqr+uKb24FDMhAGEkdJ8HVw6f6BZGlGiOLi+a
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBhDCCASqgAwIBAgIUD3VYD12xKtURlYHTMlhnaNgCpNgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQE/Z8iCjn6Y0f+lhhzdE+yqWl6kX7FIosfHxFJUrVTHHOk4Yskqr+u
Kb24FDMhAGEkdJ8HVw6f6BZGlGiOLi+ao1gwVjAdBgNVHQ4EFgQUnSQ046FhFio8
tVeulLtJ5ktdKxIwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAoQwFAYD
VR0RBA0wC4IJbG9jYWxob3N0MAoGCCqGSM49BAMCA0gAMEUCIE0m3Ayx5JliMg5V
G+/iR8PtyEpHYoLdgLZYVD+ZavSFAiEA2Nfw0dMWP4F2VpgL/dhkKlTj1ec/rs2y
FODaPIywwnE=
-----END CERTIFICATE-----
"""


def server_context(pem: Path) -> ssl.SSLContext:
    """TLS for a server with that certificate; it is written to `pem`, for clients that are to trust it."""
    pem.write_text(KEY_AND_CERTIFICATE, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
