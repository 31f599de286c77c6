"""What the audit noticed of corruptions, by rule and by group of rules, and which rules matter alone.

A corruption that one rule alone notices escapes when that rule is switched off. So one audit of each corruption tells, for
every rule, what would escape without it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.audit.rule import Rule
from harness.audit.trust.corruption import Corruption, applied

EXAMPLES = 3
"""Corruptions kept of each rule and of each way to escape."""


@dataclass
class Tally:
    """Corruptions counted."""

    corruptions: int = 0
    of_family: Counter[str] = field(default_factory=Counter)
    escaped: list[Corruption] = field(default_factory=list)
    by_group: Counter[str] = field(default_factory=Counter)
    """Noticed by a rule of the group."""
    only_by_group: Counter[str] = field(default_factory=Counter)
    """Noticed by rules of this group and no other."""
    by_rule: Counter[str] = field(default_factory=Counter)
    only_by_rule: Counter[str] = field(default_factory=Counter)
    """Would escape without the rule."""
    examples: dict[str, list[Corruption]] = field(default_factory=lambda: defaultdict(list))
    """By rule: corruptions that only it notices."""

    def add(self, corruption: Corruption, noticed: Iterable[Rule]) -> None:
        """Counts one corruption and the rules that it violates."""
        rules = {rule.name for rule in noticed}
        groups = {rule.group for rule in noticed}
        self.corruptions += 1
        self.of_family[corruption.family] += 1
        self.by_rule.update(rules)
        self.by_group.update(groups)
        if len(groups) == 1:
            self.only_by_group.update(groups)
        if not rules:
            self.escaped.append(corruption)
        if len(rules) == 1:
            (rule,) = rules
            self.only_by_rule[rule] += 1
            if len(self.examples[rule]) < EXAMPLES:
                self.examples[rule].append(corruption)


def tally_of(corruptions: Iterable[Corruption]) -> Tally:
    """Audits the subject of each corruption while it is corrupted."""
    tally = Tally()
    for corruption in corruptions:
        with applied(corruption) as subject:
            noticed = [violation.rule for violation in subject.judge().violations]
        tally.add(corruption, noticed)
    return tally


def lines_of(tally: Tally, rules: Sequence[Rule]) -> list[str]:
    """The tally for people: share noticed by group, then each rule switched off, then rules that never matter alone."""
    total = max(tally.corruptions, 1)
    lines = [f"{tally.corruptions} corruptions, {len(tally.escaped)} escaped"]
    lines += [f"  {name}: {count}" for name, count in tally.of_family.most_common()]
    lines += [f"  escaped: {corruption}" for corruption in tally.escaped[:EXAMPLES]]
    lines += ["", "group         noticed %   by no other group %"]
    lines += [
        f"{group:12} {100 * count / total:10.2f} {100 * tally.only_by_group[group] / total:21.2f}"
        for group, count in tally.by_group.most_common()
    ]
    lines += ["", "rule switched off: corruptions that escape, of those that it notices, and one of them"]
    lines += [
        f"{name}: {count} of {tally.by_rule[name]}: {tally.examples[name][0]}"
        for name, count in tally.only_by_rule.most_common()
    ]
    never_alone = [rule.name for rule in rules if tally.by_rule[rule.name] and not tally.only_by_rule[rule.name]]
    unseen = [rule.name for rule in rules if not tally.by_rule[rule.name]]
    lines += ["", f"{len(never_alone)} rules never matter alone:", *(f"  {name}" for name in never_alone)]
    lines += ["", f"{len(unseen)} rules noticed nothing:", *(f"  {name}" for name in unseen)]
    return lines
