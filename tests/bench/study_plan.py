"""The grid of the study: which public tasks are sources, which are targets."""

import json
from pathlib import Path

from esm_client.lab.build.plan import BaseModelChoice, DataSet
from esm_client.lab.evaluation.plan import EvaluationPlan

TARGETS = (
    "tweeteval_emotion", "tweeteval_sentiment", "davidson_hate", "mrpc", "airline_complaint",
    "query_wellformedness", "jsts", "stsb_en", "emobank_valence", "trec6",
)  # fmt: skip
SOURCES = (
    "sst2", "cr", "subj", "ag_news", "clinc150", "banking77", "snips", "goemotions",
    "tweeteval_irony", "tweeteval_offensive", "tweeteval_emoji", "cola", "sick_entailment",
    "creak", "medical_question_pairs", "humor_detection", "meld_emotion", "clickbait",
    "counterfactual_en", "covid_fake", "xlmt_sentiment_fr", "ocnli", "question_intimacy",
    "vader_amazon", "affect_joy", "clear_readability", "sick_relatedness", "jnli",
)  # fmt: skip


def target_names(data: Path, count: int) -> tuple[str, ...]:
    """The study's targets, then other core tasks that are no sources."""
    facts = json.loads((data / "tasks.json").read_text())
    others = [task["task_id"] for task in facts if task["core"]]
    return (*TARGETS, *(o for o in others if o not in SOURCES and o not in TARGETS))[:count]


def make_plan(
    data: Path, model: Path, *, source_rows: int, target_rows: int, epochs: int,
    seeds: tuple[int, ...], sources: tuple[str, ...] = SOURCES,
    targets: tuple[str, ...] = TARGETS, views: str = "none", **settings: object,
) -> EvaluationPlan:  # fmt: skip
    """A grid over tasks of DATA: fine-tuned for `epochs` on both sides."""
    facts = json.loads((data / "tasks.json").read_text())
    known = {task["task_id"]: task for task in facts}

    def entry(name: str, rows: int) -> DataSet:
        task = known[name]
        texts = ("text", "text_pair") if task["is_pair"] else ("text",)
        return DataSet(
            data=str(data / "tasks" / f"{name}.jsonl.gz"), name=name, text_columns=texts,
            label_column="label", kind=task["kind"], limit_rows=rows, language=task["language"],
            split="train", evaluation_split="validation", epochs=epochs,
        )  # fmt: skip

    return EvaluationPlan(
        sources=tuple(entry(name, source_rows) for name in sources),
        targets=tuple(entry(name, target_rows) for name in targets),
        base_model=BaseModelChoice(
            model=str(model), name="sentence-transformers/all-MiniLM-L6-v2", views=views
        ),
        seeds=seeds, target_rows=target_rows, **settings,
    )  # fmt: skip


PAIRS = "similarity or inference of pairs"
SENTIMENT = "sentiment, emotion, offence"
TOPIC = "topic, intent, question type"
OTHER = "other single texts"
KINDS = {
    **dict.fromkeys(
        ("mrpc", "jsts", "stsb_en", "sick_entailment", "sick_relatedness", "jnli", "ocnli",
         "medical_question_pairs"), PAIRS),
    **dict.fromkeys(
        ("sst2", "cr", "goemotions", "tweeteval_irony", "tweeteval_offensive", "tweeteval_emoji",
         "tweeteval_emotion", "tweeteval_sentiment", "davidson_hate", "emobank_valence",
         "meld_emotion", "xlmt_sentiment_fr", "vader_amazon", "affect_joy"), SENTIMENT),
    **dict.fromkeys(
        ("ag_news", "clinc150", "banking77", "snips", "trec6", "airline_complaint"), TOPIC),
    **dict.fromkeys(
        ("subj", "cola", "creak", "humor_detection", "clickbait", "counterfactual_en",
         "covid_fake", "question_intimacy", "clear_readability", "query_wellformedness"), OTHER),
}  # fmt: skip
"""Groups of tasks that ask the like: transfers inside a group are in-class, others cross-class."""
