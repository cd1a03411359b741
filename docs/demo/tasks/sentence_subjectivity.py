"""Sentences that state an opinion, of praise or blame alike, or a fact."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("subjective", "objective")

GRAMMAR = Grammar("""
subjective: {to_me}, {topic} {opinion}. | {topic} {opinion}, {hedge}.
    | few things are as {feeling} as {topic}. | what {a_feeling} idea {topic} turned out to be!
    | who could possibly {stance} {topic}? | {topic} {deserves}, {hedge}.
    | {to_me}, {topic} {deserves}. | I {stance} {topic}, and I always will.
    | nobody should {stance} {topic} without a second thought.
objective: {topic} {fact}. | {source}, {topic} {fact}. | in {year}, {topic} {past_fact}.
    | {topic} {past_fact} in {year}, {source}. | {topic} {fact} and {fact}.
    | between {year} and today, {topic} {past_fact}.
to_me: to my mind | in my view | if you ask me | honestly | I feel that | as far as I can judge
hedge: I think | surely | or so it seems to me | whatever others say | no doubt about it
    | at least on a grey day
source: according to the town records | as the survey counted | the leaflet notes that
    | by the official count | the catalogue states that
topic: the new footbridge | the museum on Mill Street | the number nine tram | the public library
    | the summer carnival | the town clock | the ferry to the island | the weekly market
    | the school orchestra | the botanical garden | the old cinema | the concrete fountain
    | the cycle path | the lighthouse | the ice rink | the mural by the station
opinion: looks {feeling} | feels {feeling} to everyone I know | is simply {feeling}
    | is a far more {feeling} sight than people admit | has become rather {feeling}
    | gets {feeling} the longer you look at it | seems {feeling} and a little {feeling}
feeling: magical | dreary | graceful | pointless | delightful | clumsy | inspiring | tasteless
    | moving | boring | noble | silly | heavenly | gloomy | elegant | overrated
a_feeling: a splendid | a foolish | a brilliant | a wretched | a charming | a tiresome
deserves: deserves far more love | deserves far less fuss | ought to make us proud
    | ought to embarrass us | matters more than anything else here
    | matters less than people like to pretend | has no equal | has lost its soul
stance: adore | despise | admire | dislike | treasure | mistrust
year: 1911 | 1928 | 1954 | 1967 | 1983 | 1999 | 2008 | 2016
count: 12 | 40 | 75 | 130 | 260 | 900 | 1,500
fact: closes at {hour} on weekdays | is {count} metres from the town hall
    | employs {count} people | is run by the council | has {count} seats
    | is open from {month} to {month} | lies on the east bank of the river
    | receives {count} visitors a day | is lit by {count} lamps | has two entrances
past_fact: was rebuilt in brick | was closed for {count} days | was painted green
    | moved to its present site | was paid for by a local bank | had {count} registered users
    | was damaged by a flood and repaired | won a regional prize | was moved by {count} metres
hour: five | six | eight | ten
month: March | April | May | September | October | November
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced sentences with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
