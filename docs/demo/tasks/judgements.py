"""Words of praise and blame that the reviews of hotels and of restaurants share."""

RULES = """
very: very | really | quite simply | just | honestly | so | utterly | truly | frankly
    | once again | from start to finish | if I may say so
lovely: lovely | wonderful | splendid | delightful | charming | superb | excellent | fantastic
    | beautiful | marvellous | brilliant | terrific | enjoyable
    | impressive | magical | good | great | perfect | a joy | a pleasure | amazing | outstanding
    | fabulous | exquisite | a treat | a triumph | heavenly | welcoming | satisfying | a delight
awful: awful | horrible | dismal | dreadful | miserable | appalling | terrible | disgusting
    | ugly | nasty | grim | unpleasant | hopeless | depressing | abysmal | frustrating
    | disappointing | ghastly | bad | poor | useless | a misery | a disgrace
    | shocking | vile | pitiful | a failure | an ordeal | hostile | annoying | an insult
loved: loved | enjoyed | adored | admired | were thrilled by | were charmed by | fell for
    | were happy with | praised | were delighted with
hated: hated | regretted | loathed | cursed | were appalled by | were annoyed by | resented
    | were unhappy with | complained about | were disgusted with
"""
