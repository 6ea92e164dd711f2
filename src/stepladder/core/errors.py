"""Every error a user can meet, as a tree.

StepladderError
├── BadRequest            the request is wrong (400); names the parameter
│   ├── UnknownModel      no such task or model (404)
│   ├── TooLarge          the body is over the limit (413)
│   └── PictureRefused    a picture that is not read (in `stepladder.knowledge`)
├── NotAllowed            the key is missing, wrong or not enough (401, 403)
├── TooMany               a limit or a budget is reached, or there is no room (429, 503); says when to come back
├── RungFailed            one rung could not answer; the ladder climbs
│   └── UpstreamFailed    ... because a model's server is down, slow or answers garbage (502, 504)
├── ToolFailed            a tool could not do what a model asked for (502); the model is told so
├── LadderExhausted       no rung is left (503)
├── DeadlineMissed        the answer came too late for the question (504)
├── Blocked               a guard does not let the text through (400); names the categories
├── Held                  a guard wants a person to look first (202); says where to ask
├── GuardFailed           a guard raised, hangs or is missing; what it should have judged is blocked (503)
├── LedgerUnavailable     the answer could not be committed and is withheld (503)
├── ConfigError           stepladder.toml is wrong; names the key
│   └── UnknownPlugin     no plug-in of that name; lists the installed ones
├── MissingExtra          an optional library is not installed; names the pip command
├── TrackerFailed         the tracker of runs cannot be reached or refuses; nothing of ours depends on it
├── StoreError            the data folder or a migration is in trouble
├── DataError             a file of examples is wrong; names the line
├── PictureUnread         a picture could not be read in time (in `stepladder.knowledge`)
├── VaultUnreadable       stored pseudonyms cannot be opened: another key, or changed (in `stepladder.privacy`)
└── InvalidPromiseInput   the statistics were given nonsense (in `stepladder.promise`)

An error says what is wrong and, in `remedy`, what to do. Neither may ever hold a secret or a caller's text.
"""

from stepladder.core.usage import Usage


class StepladderError(Exception):
    """What went wrong, for a person (`message`, `remedy`) and for a program (`code`, `param`, `status`, `retryable`).

    `retry_after` is how many seconds to wait before asking again, where that is known.
    """

    status = 500
    type = "server_error"
    code: str | None = None
    retryable = False
    retry_after: float | None = None

    def __init__(self, message: str, *, remedy: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.param = param

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class BadRequest(StepladderError):
    """The request is wrong; sending it again unchanged will not help."""

    status = 400
    type = "invalid_request_error"


class UnknownModel(BadRequest):
    """`model` names neither a task nor an upstream model."""

    status = 404
    code = "model_not_found"


class TooLarge(BadRequest):
    """The body or a message is over the configured limit."""

    status = 413
    code = "request_too_large"


class NotAllowed(StepladderError):
    """The key is missing or wrong (401), or it may not do this (`forbidden`, 403)."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"

    def __init__(self, message: str, *, remedy: str = "", forbidden: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        if forbidden:
            self.status, self.type, self.code = 403, "permission_error", "forbidden"


class TooMany(StepladderError):
    """A limit or a budget is reached (429), or the server has no room (503). `retry_after` is in seconds.

    `hopeless` tells clients not to try again by themselves: a budget will not be back in a minute.
    """

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    retryable = True

    def __init__(self, message: str, *, remedy: str = "", retry_after: float, hopeless: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after
        self.hopeless = hopeless


class RungFailed(StepladderError):
    """One rung could not answer. The ladder catches this, and only this, and climbs.

    `usage` and `cost` are what the attempt took all the same: an answer outside the contract was read and written, and
    is paid for. `elsewhere` says that another model may well be able to answer: the question itself is not at fault.
    """

    status = 502
    type = "upstream_error"
    code = "rung_failed"
    usage = Usage()
    cost = 0.0
    elsewhere = True

    def __init__(self, rung: str, message: str, *, remedy: str = "", retryable: bool = True) -> None:
        super().__init__(message, remedy=remedy)
        self.rung = rung
        self.retryable = retryable


_OF_THIS_SERVER = (401, 402, 403, 404)
"""What a server says of itself rather than of the question: its keys, its credit, the models it has."""


class UpstreamFailed(RungFailed):
    """A model's server is down, slow, refuses or answers garbage. `upstream_status` is its HTTP status, if it gave one."""

    code = "upstream_failed"

    def __init__(
        self,
        rung: str,
        message: str,
        *,
        remedy: str = "",
        retryable: bool = True,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(rung, message, remedy=remedy, retryable=retryable)
        self.upstream_status = upstream_status
        if upstream_status is not None and 400 <= upstream_status < 500:
            self.status = upstream_status
            self.elsewhere = retryable or upstream_status in _OF_THIS_SERVER


class ToolFailed(StepladderError):
    """A tool could not do what it was asked for. The model is told the message, so it holds no secret."""

    status = 502
    type = "server_error"
    code = "tool_failed"


class LadderExhausted(StepladderError):
    """Every rung failed or was unsure, and none is left. `usage` and `cost` are what the attempts took."""

    status = 503
    type = "upstream_error"
    code = "ladder_exhausted"
    retryable = True
    usage = Usage()
    cost = 0.0


class DeadlineMissed(StepladderError):
    """The question named a deadline and no answer was ready by then."""

    status = 504
    type = "timeout_error"
    code = "deadline_missed"
    retryable = True


class Blocked(BadRequest):
    """A guard does not let the text through. `categories` say why."""

    code = "content_filter"

    def __init__(self, message: str, *, remedy: str = "", categories: tuple[str, ...] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.categories = categories


class Held(StepladderError):
    """A person is to look at it first: no error, but no answer yet. `id` is where to ask, until `due` (Unix seconds)."""

    status = 202
    type = "held"
    code = "held"
    retry_after = 30.0

    def __init__(self, message: str, *, id: str, due: float) -> None:
        super().__init__(message)
        self.id = id
        self.due = due


class GuardFailed(StepladderError):
    """A guard raised, hangs or is missing: closed, not open."""

    status = 503
    code = "guard_failed"
    retryable = True

    def __init__(self, guard: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.guard = guard


class LedgerUnavailable(StepladderError):
    """The ledger cannot be written, so the answer is withheld."""

    status = 503
    code = "ledger_unavailable"
    retryable = True


class ConfigError(StepladderError):
    """The configuration is wrong; `param` is the key, such as `tasks.sentiment.promise.target`."""

    code = "bad_config"


class MissingExtra(StepladderError):
    """An optional library is not installed."""

    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs a library that is not installed.", remedy=f"Run: pip install 'stepladder[{extra}]'"
        )
        self.extra = extra


class UnknownPlugin(ConfigError):
    """No plug-in of that name is installed."""

    code = "unknown_plugin"


class TrackerFailed(StepladderError):
    """The tracker of runs and versions cannot be reached, or refuses."""

    code = "tracker"


class StoreError(StepladderError):
    """The data folder, the database or a migration is in trouble; nothing was half-applied."""

    code = "store"


class DataError(StepladderError):
    """A file of rows cannot be used; says which line and what a good one looks like."""

    code = "bad_data"
