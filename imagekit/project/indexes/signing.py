"""The chain as the transport asks it: headers in, and the words of a refusal out."""

from __future__ import annotations

from msgspec import Struct

from imagekit.model.errors import HttpError, IndexRefused
from imagekit.net.authorized import Authorization
from imagekit.net.http import Request, Response, failure, redact
from imagekit.project.indexes.chain import Chain
from imagekit.project.indexes.values import Login
from imagekit.project.indexes.words import hint, label, looked_in


class ChainLogins(Struct, frozen=True):
    """`net.authorized.Logins` over a chain."""

    chain: Chain

    def first(self, url: str) -> Authorization | None:
        """What the chain has first."""
        return _authorization(self.chain.login(url))

    def another(self, url: str, refused: Authorization | None) -> Authorization | None:
        """What the chain has in place of it."""
        return _authorization(self.chain.another(url, refused.value if refused else None))

    def refusal(
        self, request: Request, response: Response, used: Authorization | None
    ) -> HttpError:
        """Which index it was, whose credentials it refused, and what to type."""
        plain = failure(request, response)
        error = index_refused(self.chain, request.url, plain.status, used.source if used else None)
        error.diagnostics = self.chain.scrub(plain.diagnostics)
        return error


def index_refused(chain: Chain, url: str, status: int, source: str | None) -> IndexRefused:
    """The error for a URL that we are not let in to; `source` says whose login was sent."""
    index = chain.nearest(url)
    aws = chain.why_no_token(url)
    error = IndexRefused(
        method="GET",
        url=redact(url),
        status=status,
        diagnostics="",
        index=label(index, url),
        credentials=source,
        looked_in=() if source else looked_in(index, url, chain.machine),
        hint=(aws.hint if aws else None) or hint(index, url),
    )
    error.__cause__ = aws
    return error


def _authorization(login: Login | None) -> Authorization | None:
    return Authorization(login.header, login.source) if login else None
