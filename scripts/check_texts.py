#!/usr/bin/env python3
"""Checks the query texts and responses of Sources/Corpora/Resources/texts.

    python3 scripts/check_texts.py [FOLDER]

Standard library only (Python 3.9 or newer). Checks each line's form, the counts per split, topic and attribute,
lengths, characters, words that would give the attribute away, near-duplicates and openings. Two controls by naive Bayes,
cross-validated: the attribute guessed from the response must be nearly always right, and guessed from the text no
better than chance. Exit code 1 when anything is wrong.
"""

import collections
import json
import math
import pathlib
import random
import re
import sys

EMOTIONS = ["happy", "surprised", "sad", "angry", "disgusted", "fearful"]
CATEGORIES = {
    "age": {
        "topics": ["technology", "travel", "social", "money", "health"],
        "values": ["child", "adult"],
        "floor": 0.90,
    },
    "gender": {
        "topics": ["culture", "medical", "activity"],
        "values": ["female", "male"],
        "floor": 0.90,
    },
    "emotion": {
        "topics": ["personal", "work", "relationships", "future", "holidays", "finance"],
        "values": EMOTIONS,
        "floor": 0.75,
    },
}
SPLITS = {"train": 400, "validation": 30, "test": 100}  # at least so many texts for training, exactly so many others
QUERY_WORDS = (5, 11)
RESPONSE_WORDS = (12, 22)
OPENINGS = 6  # distinct first two words that each attribute value needs
SIMILAR = 0.6  # Jaccard similarity of word sets from which two texts count as near-duplicates
UNEVEN = 0.03  # by how much an attribute value's share of a split may differ from an even one, but always two texts
PERMUTATIONS = 100  # shuffled assignments of values to texts that chance is measured on
LONGEST_LINE = 4096  # bytes; the longest honest line has about 600

# Words that would tell the speaker's age, gender or emotion from the text alone.
GIVEAWAYS = set(
    """
    child children kid kids baby toddler teen teenager adult adults grownup senior elderly young old-age homework
    kindergarten nursery retirement pension mum mom mummy mommy dad daddy parents grandma grandpa grandson
    man men woman women male female boy boys girl girls guy guys lady ladies gentleman gentlemen husband wife bride
    groom boyfriend girlfriend he she him her his hers sir madam pregnant pregnancy menopause prostate beard
    happy glad joyful cheerful delighted sad unhappy miserable depressed angry furious mad annoyed upset disgusted
    disgusting gross revolting afraid scared frightened terrified fearful worried anxious surprised surprising amazed
    astonished shocked unexpectedly wonderful amazing awful terrible horrible lovely scary
    """.split()
)
# Function words, which may be repeated without the response having taken up the query.
STOP = set(
    """
    a about after again all also always am an and any anything are around as at be because been before being best but
    by can could did do does every for from get go good had has have how i if in into is it its just know let like
    made make me more most much must my need needs new no not now of off on one or other our out over please put
    should show so some someone something tell than that the their them then there these they thing this those to too
    up us use very want was way we well were what when where which while who why will with would you your
    """.split()
)


def words(text):
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def stem(word):
    word = re.sub(r"'s?$|'", "", word)
    for ending in ("ing", "ies", "ed", "es", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def content(text):
    return {stem(w) for w in words(text) if w not in STOP}


def read(path, category, errors):
    """The objects of one file; a line that is not of the agreed form is reported and left out."""
    entries = []
    values = CATEGORIES[category]["values"]
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        place = f"{path.name}:{number}"
        if len(line) > LONGEST_LINE or not all(32 <= byte < 127 for byte in line):
            errors.append(f"{place}: expected at most {LONGEST_LINE} printable ASCII bytes, found something else")
            continue
        try:
            entry = json.loads(line)
        except ValueError as reason:
            errors.append(f"{place}: expected one JSON object, found: {reason}")
            continue
        if not isinstance(entry, dict) or list(entry) != ["id", "topic", "split", "text", "responses", "generic"]:
            errors.append(f"{place}: expected the keys id, topic, split, text, responses, generic in this order")
            continue
        responses = entry["responses"]
        strings = [entry[key] for key in ("id", "topic", "split", "text", "generic")]
        if not isinstance(responses, dict) or not all(isinstance(s, str) for s in [*strings, *responses.values()]):
            errors.append(f"{place}: expected strings, and an object of strings under responses")
            continue
        if len(responses) != 2 or not set(responses) <= set(values):
            errors.append(f"{place}: expected two of {', '.join(values)}, found {', '.join(responses)}")
            continue
        if entry["id"] != f"{category}-{number:03d}":
            errors.append(f"{place}: expected the id {category}-{number:03d}, found {entry['id']}")
        entries.append(entry)
    return entries


def check_text(entry, errors):
    text, place = entry["text"], entry["id"]
    if not QUERY_WORDS[0] <= len(text.split()) <= QUERY_WORDS[1]:
        errors.append(f"{place}: expected {QUERY_WORDS[0]} to {QUERY_WORDS[1]} words in the text, found: {text}")
    if not re.fullmatch(r"[A-Z][A-Za-z' ,]*[.?!]", text) or re.search(r"\b[A-Z]{2,}\b", text):
        errors.append(f"{place}: expected one sentence of plain words without numerals or hyphens, found: {text}")
    for giveaway in sorted(GIVEAWAYS & set(words(text))):
        errors.append(f"{place}: the text gives the speaker away with the word '{giveaway}': {text}")


def check_responses(entry, errors):
    for value, response in [*entry["responses"].items(), ("generic", entry["generic"])]:
        place = f"{entry['id']} {value}"
        if not RESPONSE_WORDS[0] <= len(response.split()) <= RESPONSE_WORDS[1]:
            errors.append(f"{place}: expected {RESPONSE_WORDS[0]} to {RESPONSE_WORDS[1]} words, found: {response}")
        if not re.fullmatch(r"[A-Z][A-Za-z' ,;:.!?-]*[.!?]", response):
            errors.append(f"{place}: expected plain sentences without numerals or quotation marks, found: {response}")
        if not 1 <= len(re.findall(r"[.!?](?= |$)", response)) <= 3:
            errors.append(f"{place}: expected one or two sentences and at most an exclamation, found: {response}")
        if not content(entry["text"]) & content(response):
            errors.append(f"{place}: repeats no content word of the text '{entry['text']}': {response}")


def check_counts(category, entries, errors):
    def compare(what, found, expected):
        if found != expected:
            errors.append(f"{category}: expected {expected} {what}, found {found}")

    topics, values = CATEGORIES[category]["topics"], CATEGORIES[category]["values"]
    total = len(entries)
    for split, count in SPLITS.items():
        found = sum(e["split"] == split for e in entries)
        compare(f"texts in {split}", min(found, count) if split == "train" else found, count)
    for topic in topics:
        chosen = [e for e in entries if e["topic"] == topic]
        for split, count in SPLITS.items():
            share, even = sum(e["split"] == split for e in chosen), count / len(topics)
            if share < 0.8 * even if split == "train" else abs(share - even) >= 1:
                errors.append(f"{category}: expected about {even:.1f} {topic} texts in {split}, found {share}")
    uses = collections.Counter(value for e in entries for value in e["responses"])
    for value in values:
        even = 2 * total / len(values)
        if abs(uses[value] - even) > 0.02 * even:
            errors.append(f"{category}: expected about {even:.0f} responses for {value}, found {uses[value]}")
        for split in SPLITS:
            chosen = [e for e in entries if e["split"] == split]
            share, even = sum(value in e["responses"] for e in chosen), 2 * len(chosen) / len(values)
            if abs(share - even) > max(2, UNEVEN * even):
                errors.append(f"{category}: expected about {even:.0f} responses for {value} in {split}, found {share}")
        openings = {tuple(words(e["responses"][value])[:2]) for e in entries if value in e["responses"]}
        if len(openings) < OPENINGS:
            errors.append(f"{category} {value}: expected at least {OPENINGS} different openings, found {len(openings)}")


def check_duplicates(entries, errors):
    """The highest similarity of two texts of each pair of splits."""
    sets = [(e["id"], e["split"], e["text"], set(words(e["text"]))) for e in entries]
    highest = collections.defaultdict(float)
    for i, (one, split, text, first) in enumerate(sets):
        for other, second_split, match, second in sets[i + 1 :]:
            similarity = len(first & second) / len(first | second)
            pair = tuple(sorted((split, second_split)))
            highest[pair] = max(highest[pair], similarity)
            if similarity >= SIMILAR and pair != ("safety", "safety"):  # one split, checked by check_texts_extra.py
                errors.append(f"{one} and {other} are near-duplicates ({similarity:.2f}): {text} / {match}")
    seen = {}
    for entry in entries:
        for value, response in [*entry["responses"].items(), ("generic", entry["generic"])]:
            here = f"{entry['id']} {value}"
            if response in seen:
                errors.append(f"{here} repeats the response of {seen[response]}: {response}")
            seen[response] = here
    return highest


def fit(samples):
    """Multinomial naive Bayes on words; samples are (value, words). Returns what guesses a value from words."""
    counts, priors = collections.defaultdict(collections.Counter), collections.Counter()
    for value, features in samples:
        counts[value].update(features)
        priors[value] += 1
    vocabulary = set().union(*counts.values())
    sums = {value: sum(counter.values()) + 0.5 * len(vocabulary) for value, counter in counts.items()}

    def guess(features):
        known = [w for w in features if w in vocabulary]

        def score(value):
            return math.log(priors[value]) + sum(math.log((counts[value][w] + 0.5) / sums[value]) for w in known)

        return max(sorted(counts), key=score)

    return guess


def from_response(samples, folds=5):
    """Accuracy per value; samples are (group, value, text), and a group stays on one side of every fold."""
    fold = {group: index % folds for index, group in enumerate(sorted({group for group, _, _ in samples}))}
    right, total = collections.Counter(), collections.Counter()
    for held in range(folds):
        guess = fit([(value, set(words(text))) for group, value, text in samples if fold[group] != held])
        for group, value, text in samples:
            if fold[group] == held:
                total[value] += 1
                right[value] += guess(set(words(text))) == value
    return {value: right[value] / total[value] for value in total}, sum(right.values()) / sum(total.values())


def from_text(features, assigned, folds=5):
    """How many texts have a response for the value that their words suggest; folds by position."""
    right = 0
    for held in range(folds):
        guess = fit([(v, f) for i, (f, vs) in enumerate(zip(features, assigned)) if i % folds != held for v in vs])
        right += sum(guess(f) in vs for i, (f, vs) in enumerate(zip(features, assigned)) if i % folds == held)
    return right


def wilson(right, total, z=1.96):
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return centre - half, centre + half


def check_text_control(category, entries, errors):
    """The words of a text must not tell for which values it has responses; chance by shuffling the assignment."""
    values = CATEGORIES[category]["values"]
    if all(set(e["responses"]) == set(values) for e in entries):
        print("  attribute guessed from the text: every text has all values, so that none can be guessed")
        return
    generator = random.Random(1)
    order = list(entries)
    generator.shuffle(order)  # neighbours in the file are alike in topic
    assigned = [tuple(sorted(e["responses"])) for e in order]
    for name, reading in (("words", words), ("stems", lambda text: map(stem, words(text)))):
        features = [sorted(set(reading(e["text"]))) for e in order]
        right, chance = from_text(features, assigned), 0
        for _ in range(PERMUTATIONS):
            shuffled = list(assigned)
            generator.shuffle(shuffled)
            chance += from_text(features, shuffled) / len(order) / PERMUTATIONS
        low, high = wilson(right, len(order))
        print(
            f"  attribute guessed from the text's {name}: {right / len(order):.3f} [{low:.3f}, {high:.3f}], N = {len(order)}, "
            f"chance {chance:.3f}"
        )
        if low > chance:
            errors.append(f"{category}: expected the text's {name} to tell nothing (chance {chance:.3f}), found at least {low:.3f}")


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "Sources" / "Corpora" / "Resources" / "texts"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    errors, everything = [], []
    for category, rules in CATEGORIES.items():
        path = folder / f"{category}.jsonl"
        if not path.is_file():
            errors.append(f"{path}: expected this file, found none")
            continue
        entries = read(path, category, errors)
        for entry in entries:
            check_text(entry, errors)
            check_responses(entry, errors)
        check_counts(category, entries, errors)
        everything += entries

        samples = [(e["id"], value, r) for e in entries for value, r in e["responses"].items()]
        lengths = [len(e["text"].split()) for e in entries]
        print(f"{category}: {len(entries)} texts, {sum(lengths) / max(1, len(lengths)):.1f} words on average")
        for value in rules["values"]:
            chosen = [e for e in entries if value in e["responses"]]
            sizes = [len(e["responses"][value].split()) for e in chosen]
            openings = {tuple(words(e["responses"][value])[:2]) for e in chosen}
            spread = ", ".join(f"{split} {sum(e['split'] == split for e in chosen)}" for split in SPLITS)
            mean = sum(sizes) / max(1, len(sizes))
            print(f"  {value}: {len(chosen)} responses ({spread}), {mean:.1f} words, {len(openings)} openings")
        pairs = collections.Counter(" / ".join(sorted(e["responses"])) for e in entries)
        if len(pairs) > 1:
            print("  pairs: " + ", ".join(f"{pair} {count}" for pair, count in sorted(pairs.items())))
        by_value, accuracy = from_response(samples)
        detail = ", ".join(f"{value} {by_value.get(value, 0):.2f}" for value in rules["values"])
        print(f"  attribute guessed from the response: {accuracy:.3f} ({detail})")
        if accuracy <= rules["floor"]:
            errors.append(f"{category}: expected the response to tell the attribute above {rules['floor']}, found {accuracy:.3f}")
        check_text_control(category, entries, errors)
    safety = [json.loads(line) for line in (folder / "safety.jsonl").read_text().splitlines()]
    highest = check_duplicates(everything + [{**entry, "split": "safety"} for entry in safety], errors)
    detail = ", ".join(f"{one} and {other} {value:.2f}" for (one, other), value in sorted(highest.items()))
    print(f"highest similarity of two texts, near-duplicates from {SIMILAR}: {detail}")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
