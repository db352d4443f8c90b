"""Alerts by e-mail: SMTP (RFC 5321) under TLS, as plain text (RFC 5322)."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final
from urllib.parse import urlsplit

from engine.alerting.routes import Route
from engine.alerting.wording import Telling, lines_of, subject_of
from engine.errors import Unavailable

__all__ = ["mail_of", "send_mail"]

TIMEOUT: Final = 15.0
_DOMAIN: Final = "wardline.invalid"


def mail_of(route: Route, telling: Telling) -> EmailMessage:
    """The message. Notices that are sent again have the same Message-ID (RFC 5322, 3.6.4)."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(subject_of(telling).split())  # a line end in a header is refused
    mail["From"] = route.sender
    mail["To"] = ", ".join(route.to)
    mail["Date"] = formatdate(telling.at)
    first = telling.events[0]
    mail["Message-ID"] = f"<notice-{first.notice or int(telling.at)}.{route.name}@{_DOMAIN}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    if any(one.alert.critical and one.event != "closed" for one in telling.events):
        mail["Importance"] = "high"
    mail.set_content("\n".join(lines_of(telling)))
    return mail


def send_mail(route: Route, telling: Telling) -> None:
    """Hand it over. Raises `Unavailable` with a fixed phrase: a server's own words stay with it."""
    try:
        with _connected(route) as smtp:
            if route.user:
                smtp.login(route.user, route.password)
            refused = smtp.send_message(mail_of(route, telling), route.sender, route.to)
    except smtplib.SMTPResponseException as error:
        raise Unavailable(f"the mail server answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise Unavailable("the mail server takes nothing for these addresses") from None
    except smtplib.SMTPNotSupportedError:
        raise Unavailable("the mail server does not offer what is needed (STARTTLS, log-in)") from None
    except ssl.SSLError:
        raise Unavailable("the mail server's certificate does not hold") from None
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"the mail server cannot be reached ({type(error).__name__})") from None
    if refused:
        raise Unavailable(f"the mail server takes nothing for {len(refused)} of the addresses")


def _connected(route: Route) -> smtplib.SMTP:
    """A connection under TLS; without, where that is allowed and the server offers none."""
    parts, context = urlsplit(route.url), ssl.create_default_context(cafile=route.ca or None)
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        return smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=context)
    smtp = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT)
    try:
        smtp.ehlo_or_helo_if_needed()
        if smtp.has_extn("starttls") or not route.plain:
            smtp.starttls(context=context)
    except BaseException:
        smtp.close()
        raise
    return smtp
