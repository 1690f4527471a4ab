"""A mail server with STARTTLS and log-in that writes each mail to a file, one JSON object a line.

    python mail_server.py --port 2525 --certificate cert.pem --key key.pem --mails mails.jsonl

The user is `vigie`, the password is in the environment variable MAIL_PASSWORD. Mails without TLS or log-in are
rejected. It listens on the loopback address only.
"""

import argparse
import asyncio
import email
import email.policy
import hmac
import json
import os
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Mails:
    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    async def handle_DATA(self, server, session, envelope) -> str:
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "to": envelope.rcpt_tos,
            "subject": mail["Subject"],
            "text": mail.get_body(("plain",)).get_content(),
            "tls": session.ssl is not None,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
    expected = os.environ["MAIL_PASSWORD"].encode()
    is_right = data.login == b"vigie" and hmac.compare_digest(data.password, expected)
    return AuthResult(success=is_right, handled=is_right)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--mails", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.certificate, arguments.key)
    mails = Mails(arguments.mails)

    def protocol() -> SMTP:
        return SMTP(
            mails,
            hostname="localhost",
            tls_context=context,
            require_starttls=True,
            authenticator=authenticate,
            auth_required=True,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", arguments.port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
