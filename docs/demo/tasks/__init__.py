"""Ten small synthetic text tasks: nine sources and one held-out target.

The target, restaurant reviews, is a near relative of one source only, hotel reviews:
other words, the same notion of sentiment. A good ranking puts that source first.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import (
    hotel_reviews_sentiment,
    news_desk,
    question_type,
    recipe_course,
    request_politeness,
    restaurant_reviews_sentiment,
    same_meaning,
    sentence_subjectivity,
    support_ticket_topic,
    weather_severity,
)
from .grammar import Row

__all__ = ["RELATED_SOURCE", "SOURCES", "TARGET", "Task", "write_tasks"]


@dataclass(frozen=True)
class Task:
    """A generator of rows, with what a reader of its file must know."""

    name: str
    kind: Literal["classification", "regression"]
    rows: Callable[[int, int], list[Row]]
    text_fields: tuple[str, ...] = ("text",)


SOURCES = (
    Task("hotel_reviews_sentiment", "classification", hotel_reviews_sentiment.rows),
    Task("support_ticket_topic", "classification", support_ticket_topic.rows),
    Task("recipe_course", "classification", recipe_course.rows),
    Task("sentence_subjectivity", "classification", sentence_subjectivity.rows),
    Task("weather_severity", "regression", weather_severity.rows),
    Task("request_politeness", "regression", request_politeness.rows),
    Task("news_desk", "classification", news_desk.rows),
    Task("question_type", "classification", question_type.rows),
    Task("same_meaning", "classification", same_meaning.rows, ("text", "text_pair")),
)
TARGET = Task("restaurant_reviews_sentiment", "classification", restaurant_reviews_sentiment.rows)
RELATED_SOURCE = "hotel_reviews_sentiment"


def write_tasks(directory: Path | str, *, seed: int = 0, count: int = 400) -> list[Path]:
    """Write `<task>.csv` for every task, `count` rows each, and return the paths."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for task in (*SOURCES, TARGET):
        path = folder / f"{task.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*task.text_fields, "label"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(task.rows(seed, count))
        paths.append(path)
    return paths
