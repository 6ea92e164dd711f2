"""Secrets are found by their form, or where a text says that something is one; words and placeholders are not."""

import pytest

from stepladder.core import Action
from stepladder.safety import SecretsGuard

GUARD = SecretsGuard("secrets")
RANDOM = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zC0"
SECRETS = {
    "openai_key": f"sk-proj-{RANDOM}{RANDOM}",
    "aws_key": "AKIA" + "IOSFODNN7EXAMPLE",
    "github_token": f"ghp_{RANDOM}abcdef",
    "gitlab_token": f"glpat-{RANDOM[:20]}",
    "slack_token": f"xoxb-123456789012-{RANDOM}",
    "google_key": f"AIza{RANDOM}abcde",
    "stripe_key": f"sk_live_{RANDOM}",
    "huggingface_token": f"hf_{RANDOM}abcd",
    "alibaba_key": "LTAI" + RANDOM[:20],
    "jwt": f"eyJ{RANDOM}.eyJ{RANDOM}.{RANDOM}",
    "private_key": f"-----BEGIN RSA PRIVATE KEY-----\n{RANDOM}\n{RANDOM}\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_known_forms_are_replaced(kind):
    secret = SECRETS[kind]
    verdict = GUARD.check(f"这是密文 {secret} as agreed")
    assert verdict.action is Action.REDACT
    assert verdict.categories == (kind,)
    assert verdict.redacted == f"这是密文 [{kind.upper()}] as agreed"
    assert secret not in repr(verdict)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: Tr0ub4dor&3x!", "Tr0ub4dor&3x!"),
        ('api_key = "9f8a7d6c5b4e3f2a1b0c"', "9f8a7d6c5b4e3f2a1b0c"),
        ("数据库密码是Kx9#mP2$vL7q，请保密", "Kx9#mP2$vL7q"),
        ("postgresql://app:s3cr3t-Pw@db.internal/x", "s3cr3t-Pw"),
    ],
)
def test_what_is_called_a_secret_and_looks_like_one(text, secret):
    assert [span.text for span in GUARD.check(text).spans] == [secret]


@pytest.mark.parametrize(
    "text",
    [
        "My password is important to me.",
        "password: <your-password>",
        "token = ${GITHUB_TOKEN}",
        "api_key: YOUR_API_KEY_HERE",
        "密码是什么意思？",
        "The secret: be kind to everyone.",
        "sk-learn and sk-short",
        "https://example.com/path?x=1",
        "commit 9f8a7d6c5b4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a",
        "a task-oriented risk-assessment-framework-for-everyone",
    ],
)
def test_words_and_placeholders_pass(text):
    assert GUARD.check(text).action is Action.PASS
