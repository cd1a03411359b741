"""Hotel reviews, positive or negative: the final judgement counts, not every remark."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("positive", "negative")

GRAMMAR = Grammar("""
positive: {flaw}, but {good}, and {glad}. | although {flaw}, {glad}. | {glad}, even if {flaw}.
    | {stayed}. {remark}. {glad}. | {stayed}. {good}. {glad}. | {good}, {remark}, and {glad}.
    | {expected}. {good}. {glad}. | {stayed}. {no_fault}, and {glad}. | {remark}. {glad}.
    | {stayed}. {glad}, and {thanks}. | {perk}, and {glad}. | {good} and {good}. {thanks}.
negative: {perk}, but {bad}, and {sorry}. | although {perk}, {sorry}. | {sorry}, even if {perk}.
    | {stayed}. {remark}. {sorry}. | {stayed}. {bad}. {sorry}. | {bad}, {remark}, and {sorry}.
    | {expected}. {bad}. {sorry}. | {stayed}. {no_merit}, and {sorry}. | {remark}. {sorry}.
    | {stayed}. {sorry}, and {warning}. | {flaw}, and {sorry}. | {bad} and {bad}. {warning}.
remark: {flaw} | {perk} | {perk} and {flaw}
stayed: {nights} in {room} | {nights} on business | {nights} for a wedding in {month}
    | {nights} with two children | {nights} by the sea | {nights} in {month}
nights: one night | two nights | three nights | a long weekend | a full week | five nights
month: May | June | August | October | December
room: a double room | the family suite | an attic room | a corner room | a ground-floor room
    | a room facing the courtyard | the cheapest single | a twin room on the second floor
expected: we did not know what to expect | friends had told us about {part}
    | we had seen pictures of {part}
flaw: the lift was slow | {room} is on the small side | parking costs extra | the pool was shut
    | the corridors are long | check-in took a while | the wardrobe was tiny | the street was busy
    | the towels were thin | the view was of a car park | we waited for our key
perk: the lift was quick | {room} is on the large side | parking was free | the pool was open late
    | the station is close | check-in took a minute | the wardrobe was huge | the street was calm
    | the towels were thick | the view was of the harbour | our key was ready early
part: the bed | the bathroom | the lobby | the spa | the shower | the garden | the balcony
    | the staff | the night porter | the housekeeping | the manager | the mattress | the pool bar
    | the stay | our stay here | the whole trip | every night | the visit | this hotel | the service
very: very | really | quite simply | just | honestly | so | utterly | rather
good: {part} was {lovely} | {part} was {very} {lovely} | we found {part} {very} {lovely}
    | {part} was spotless | {part} delighted us | {part} made us smile | we loved {part}
    | {part} was {very} {lovely} and {lovely} | {part} was not bad at all
bad: {part} was {awful} | {part} was {very} {awful} | we found {part} {very} {awful}
    | {part} was filthy | {part} disgusted us | {part} made us angry | we hated {part}
    | {part} was {very} {awful} and {awful} | {part} was not good at all
lovely: lovely | wonderful | splendid | delightful | charming | superb | excellent | fantastic
    | beautiful | marvellous | cosy | pleasant | faultless | brilliant | heavenly | terrific
    | enjoyable | welcoming | first-rate | impressive | magical | comfortable | good | great
    | perfect | a joy | a pleasure | amazing
awful: awful | horrible | dismal | dreadful | miserable | appalling | terrible | disgusting
    | ugly | nasty | grim | unpleasant | broken | hopeless | depressing | abysmal | frustrating
    | hostile | third-rate | disappointing | ghastly | uncomfortable | bad | poor | useless
    | a misery | a disgrace | shocking
glad: {part} was {very} {lovely} | {part} made us {very} happy | we enjoyed {part} | I loved {part}
    | I would happily book again | I recommend {part} warmly | we left rested and smiling
    | {part} was worth every penny | {part} could not have been better | {good}
    | {part} was far from {awful}
sorry: {part} was {very} {awful} | {part} made us {very} cross | we regretted {part}
    | I hated {part} | I would never book again | I must warn you of {part}
    | we left tired and furious | {part} was a waste of money | {part} could not have been worse
    | {bad} | {part} was far from {lovely}
no_fault: {part} did not disappoint | nobody was rude to us | I have no bad word for {part}
no_merit: {part} did not please | nobody was kind to us | I have no good word for {part}
thanks: thank you for {nights} to treasure | what a find | ten out of ten | do go
    | we cannot wait to return
warning: give us back {nights} of our lives | what a dump | zero out of ten | stay away
    | we will never return
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced reviews with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
