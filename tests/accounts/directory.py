"""A provider of OpenID Connect, a process of its own over real HTTPS: it lets everybody in whom it is told
of, checks the code, the client and PKCE as it should, and twists its ID tokens as a test asks.

    python directory.py CERTIFICATE KEY CLIENT SECRET    prints its port
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1"})

state: dict[str, Any] = {"user": {}, "claims": {}, "header": {}, "mode": "", "metadata": {}, "answer": {}}
codes: dict[str, dict[str, str]] = {}
asked: list[str] = []
turn = threading.Lock()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "kid": "rsa-1", "typ": "JWT", **state["header"]}
    header = {name: value for name, value in header.items() if value is not None}
    payload, mode = json.dumps(claims).encode(), state["mode"]
    if mode == "es256":
        return jws.serialize_compact({"alg": "ES256", "kid": "ec-1"}, payload, EC, ["ES256"])
    if mode in ("none", "hs-secret", "hs-public"):
        header["alg"] = "none" if mode == "none" else "HS256"
    if mode == "own-key":
        header["jwk"] = STRANGER.as_dict(private=False)
    said = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
    return f"{said}.{b64(signature(mode, said.encode()))}"


def signature(mode: str, said: bytes) -> bytes:
    """By hand: a library would not sign what must not be signed."""
    if mode in ("none", "unsigned"):
        return b"" if mode == "none" else b"\0" * 256
    if mode in ("hs-secret", "hs-public"):
        secret = sys.argv[4].encode() if mode == "hs-secret" else RSA.as_pem(private=False)
        return hmac.digest(secret, said, "sha256")
    key = STRANGER if mode in ("stranger", "own-key") else RSA
    return bytes(key.raw_value.sign(said, PKCS1v15(), SHA256()))


class Directory(BaseHTTPRequestHandler):
    issuer = ""

    def log_message(self, *_: object) -> None:
        pass

    def _json(self, body: object, status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked.append(parts.path)
        if parts.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "end_session_endpoint": f"{self.issuer}/out",
                    "authorization_response_iss_parameter_supported": True,
                    **state["metadata"],
                }
            )
        elif parts.path == "/keys":
            self._json({"keys": [key.as_dict(private=False) for key in (RSA, EC)]})
        elif parts.path == "/authorize":
            self._authorize(dict(parse_qsl(parts.query)))
        elif parts.path == "/mail":
            self._mail(dict(parse_qsl(parts.query))["to"])
        else:
            self._json({}, 404)

    def _mail(self, to: str) -> None:
        """A page of another site with a link."""
        raw = f'<!doctype html><a id="link" href="{to}">An alert</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _authorize(self, query: dict[str, str]) -> None:
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = b64(hashlib.sha256(f"{time.time_ns()}".encode()).digest())
        with turn:
            codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer, **state["answer"]}
        answer = {name: value for name, value in answer.items() if value is not None}
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode(answer)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked.append(self.path)
        if self.path == "/control":
            state.update(json.loads(body))
            self._json({"asked": asked})
            return
        form = dict(parse_qsl(body.decode()))
        with turn:
            query = codes.pop(form.get("code", ""), None)  # a code works once
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        client = base64.b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode()
        right = f"{quote(sys.argv[3], safe='')}:{quote(sys.argv[4], safe='')}"
        if state["metadata"].get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            client = f"{quote(form['client_id'], safe='')}:{quote(form['client_secret'], safe='')}"
        if query is None or client != right or unquote(challenge) != query["code_challenge"]:
            self._json({"error": "invalid_grant"}, 400)
            return
        if form["redirect_uri"] != query["redirect_uri"] or state["mode"] == "fails":
            self._json({"error": "server_error"}, 500)
            return
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": sys.argv[3], "iat": now, "exp": now + 300, "nonce": query["nonce"],
            "sub": "s-1", "preferred_username": "maria", "name": "Maria Weber", "groups": ["wl-ops"],
            **state["user"], **state["claims"],
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        self._json({"access_token": "x", "token_type": "Bearer", "id_token": signed(claims)})


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Directory.issuer = f"https://localhost:{server.server_port}"
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
