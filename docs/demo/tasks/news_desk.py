"""News openings, sorted by the desk that would print them."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("politics", "sport", "science", "business")

GRAMMAR = Grammar("""
politics: {politics_who} {politics_did} {when}, {aside}. | {when}, {politics_who} {politics_did}.
    | {place}: {politics_who} {politics_did}. | {aside_first}, {politics_who} {politics_did}.
sport: {sport_who} {sport_did} {when}, {aside}. | {when}, {sport_who} {sport_did}.
    | {place}: {sport_who} {sport_did}. | {aside_first}, {sport_who} {sport_did}.
science: {science_who} {science_did} {when}, {aside}. | {when}, {science_who} {science_did}.
    | {place}: {science_who} {science_did}. | {aside_first}, {science_who} {science_did}.
business: {business_who} {business_did} {when}, {aside}. | {when}, {business_who} {business_did}.
    | {place}: {business_who} {business_did}. | {aside_first}, {business_who} {business_did}.
when: on {day} | late on {day} | after weeks of rumours | for the third year running
    | in front of a small crowd | to everyone's surprise
day: Monday | Tuesday | Wednesday | Thursday | Friday
place: Lisbon | Nairobi | Oslo | Lima | Hanoi | Prague | Ottawa | Accra | Wellington | Turin
aside: a step that had been {mood} | a first for {place} | two days earlier than planned
    | as was widely {mood} | with {place} looking on
aside_first: as {place} looked on | as had been {mood} | after a long night in {place}
mood: expected | feared | hoped for | predicted
politics_who: the opposition | a junior minister | the city council | the upper house
    | the coalition | the foreign office | a group of voters | the mayor
politics_did: rejected a plan to fund the stadium | called an early ballot
    | put a tax on battery makers to the vote | dropped its bill on research grants
    | split over the treaty | lost its majority by two seats | asked the court to rule on the border
    | promised a law on tickets for league games | named a new envoy to the climate talks
sport_who: the visiting side | a teenage sprinter | the national keeper | the cycling team
    | the former champion | the relay squad | the women's eleven | a veteran coach
sport_did: threw away a lead in the last minute | broke a record set in {place}
    | signed for a fee nobody would name | limped off after a clash at the net
    | tested a new aerodynamic helmet and won the stage | took silver by a hair
    | refused to shake hands after the whistle | came from behind to reach the final
    | was sent off minutes before the minister presented the cup
science_who: a team of astronomers | marine biologists | chemists | a field station
    | two young physicists | researchers | geologists | a laboratory
science_did: measured a faint signal from a distant star | grew coral in warmer water
    | found a cheaper way to store hydrogen | tracked the heartbeat of marathon runners
    | read the age of a glacier from dust | published a map of the seabed
    | mimicked a cell wall with clay | showed how voters' brains weigh risk
    | traced a market's worth of spices back to one wild plant
business_who: a shoe maker | the country's largest bank | a small brewery | the airline
    | a chip supplier | the retail chain | shareholders | a family firm
business_did: raised its profit forecast | bought the naming rights of the arena
    | cut a third of its posts | shut two plants after the new tariff
    | agreed to merge with a rival in {place} | sold its telescope division
    | issued bonds to pay for a fleet | put its stake in the football club up for sale
    | missed the quarter's sales target
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced openings with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
