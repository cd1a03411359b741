"""The list of tasks, and their CSV files."""

import csv
from pathlib import Path

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

GENERATORS = {
    "hotel_reviews_sentiment": hotel_reviews_sentiment.rows,
    "support_ticket_topic": support_ticket_topic.rows,
    "recipe_course": recipe_course.rows,
    "sentence_subjectivity": sentence_subjectivity.rows,
    "weather_severity": weather_severity.rows,
    "request_politeness": request_politeness.rows,
    "news_desk": news_desk.rows,
    "question_type": question_type.rows,
    "same_meaning": same_meaning.rows,
    "restaurant_reviews_sentiment": restaurant_reviews_sentiment.rows,
}
TARGET = "restaurant_reviews_sentiment"
SOURCES = tuple(name for name in GENERATORS if name != TARGET)


def write_tasks(directory: Path | str, *, seed: int = 0, target_rows: int = 400) -> dict[str, Path]:
    """Write `<task>.csv` for every task and return the paths by task name.

    The columns are text and label, and text_pair between them where a task has pairs. The target
    has `target_rows`, sources have 400 each.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for name, generate in GENERATORS.items():
        rows = generate(seed, target_rows if name == TARGET else 400)
        paths[name] = folder / f"{name}.csv"
        with paths[name].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return paths
