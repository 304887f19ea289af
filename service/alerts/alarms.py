"""Makes the checks of the rules again and again, and tells a webhook of each alert that begins or ends.

Both are noted in the database, in the statement that begins or ends the alert, and sent from there: so neither a
restart nor another replica that takes over forgets anything or sends it again. Of several replicas the leader does it;
should two take themselves for it for a moment, the second finds the alert begun already, and the message claimed. A
message whose answer is lost is sent again under the same id, by which the receiver can tell.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from service.alerts.checking import Checking
from service.alerts.finding import Finding
from service.alerts.posting import NotDelivered
from service.alerts.rules import Rule
from service.alerts.webhook import TIMEOUT, Webhook
from service.errors import BadRequest
from service.metrics import Metrics
from service.store.alerts import Alerts, Key

JUDGE_EVERY, SEND_EVERY, COUNT_EVERY = 10.0, 1.0, 10.0
"""Seconds between two rounds of checks, two looks for something to send, and two looks for the metrics."""
PAUSE, LONGEST_PAUSE = TIMEOUT + 1, 300.0
"""Seconds until a message is sent again, twice as many each time, and the most that they come to. The first are more
than a webhook may take, so that nobody else sends a message that is under way."""
GIVE_UP, MOST_WAITING = timedelta(days=1), 100
"""How long a message is sent again and again, and how many of one rule wait at most; older ones are given up."""
GONE = "no longer watched"

log = structlog.stdlib.get_logger("alerts")


class Alarms:
    """The alerts of the rules. Its methods are one round each of work that somebody repeats."""

    def __init__(
        self, rules: Sequence[Rule], checking: Checking, alerts: Alerts, webhook: Webhook, metrics: Metrics
    ) -> None:
        self._rules, self._checking, self._alerts = rules, checking, alerts
        self._webhook, self._metrics = webhook, metrics

    async def judge(self) -> None:
        """Begin the alerts of all that fails, and end those of what has recovered or isn't looked at any more."""
        begun = await self._alerts.all()
        watched = {rule.name for rule in self._rules}
        for rule in self._rules:
            try:
                found = (await self._checking.check(rule.question, datetime.now(UTC))).findings
            except BadRequest as exc:
                log.warning("a rule can't be checked", rule=rule.name, why=exc.detail)
                continue
            findings = {_key(rule, one): one for one in found}
            for key, one in findings.items():
                await self._settle(key, one, begun)
            for key in sorted(key for key in begun if key.rule == rule.name and key not in findings):
                await self._end(key, GONE)
        for key in sorted(key for key in begun if key.rule not in watched):
            await self._end(key, GONE)

    async def send(self) -> None:
        """Send what is to be sent now."""
        while (message := await self._alerts.claim(PAUSE, LONGEST_PAUSE)) is not None:
            rule = message.key.rule
            try:
                await self._webhook.send(message)
            except NotDelivered as exc:
                self._metrics.alert_failed(rule)
                log.warning("an alert can't be sent yet", rule=rule, why=exc.detail)
            else:
                await self._alerts.settle(message)
                self._metrics.alert_sent(rule)
        for rule, count in Counter(await self._alerts.drop(GIVE_UP, MOST_WAITING)).items():
            self._metrics.alerts_given_up(rule, count)
            log.error("messages of an alert are given up", rule=rule, count=count)

    async def count(self) -> None:
        """Tell the metrics which alerts have begun, whichever replica has begun them."""
        begun = Counter(key.rule for key in await self._alerts.all())
        self._metrics.alerts_firing({rule.name: begun[rule.name] for rule in self._rules})

    async def _settle(self, key: Key, found: Finding, begun: set[Key]) -> None:
        if key in begun and found.recovered:
            await self._end(key, found.detail)
        elif key not in begun and not found.ok:
            await self._alerts.begin(key, found.since or datetime.now(UTC), found.detail)
            log.info("an alert has begun", rule=key.rule, series=key.series, why=found.detail)

    async def _end(self, key: Key, detail: str) -> None:
        await self._alerts.end(key, detail)
        log.info("an alert has ended", rule=key.rule, series=key.series, why=detail)


def _key(rule: Rule, found: Finding) -> Key:
    """A rule about one series is about that, however it is written."""
    names = rule.question.series.names
    return Key(rule.name, found.series or (names[0] if names and len(names) == 1 else ""))
