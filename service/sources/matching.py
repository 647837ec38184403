"""Ids of a source matched to ids that are known, within one provider's offers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from service.sources.catalog import Catalogue


class Matcher:
    """Finds the known model that a source means.

    By its whole id, in any case; else by its last segment where one known id alone ends so.
    """

    def __init__(self, known: Catalogue) -> None:
        self._known = known.models
        self._whole: dict[tuple[str, str], str] = {}
        self._last: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in known.models.values():
            folded = row.model_id.lower()
            self._whole[row.provider_id, folded] = row.model_id
            self._last[row.provider_id, folded.rpartition("/")[2]].append(row.model_id)

    def find(self, offers: Sequence[str], model_id: str) -> tuple[str, str]:
        """Provider and model id: those known at one of the offers, or a new one at the first."""
        for offer in offers:
            if f"{offer}/{model_id}" in self._known:
                return offer, model_id
        folded = model_id.lower()
        for offer in offers:
            if found := self._whole.get((offer, folded)):
                return offer, found
        for offer in offers:
            found_ = self._last.get((offer, folded.rpartition("/")[2]), ())
            if len(found_) == 1:
                return offer, found_[0]
        return offers[0], model_id

    def name(self, provider_id: str, model_id: str) -> str:
        """The known name of a model, or else its id."""
        known = self._known.get(f"{provider_id}/{model_id}")
        return known.name if known else model_id
