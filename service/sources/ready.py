"""A source's catalogue made ready to be written beside what is stored."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from service.domain.models import ModelRow
from service.sources.catalog import Catalogue, settle
from service.sources.identity import canonical_ids


def resolved(catalogue: Catalogue, known: Catalogue) -> Catalogue:
    """The rows whose provider or model is known or comes along, prices settled.

    The others are rejected: a batch with one of them would be refused as a whole.
    """
    found = _without_prices(catalogue)
    for model in list(found.models.values()):
        if model.provider_id not in found.providers and model.provider_id not in known.providers:
            del found.models[model.id]
            found.reject("models", model.id, "its provider is not stored")
    models = found.models.keys() | known.models.keys()
    for price in settle(catalogue.pricing, found):
        if price.model_id in models:
            found.pricing.append(price)
        else:
            found.reject("pricing", price.model_id, _NO_MODEL)
    for key, score in list(found.benchmarks.items()):
        if score.model_id not in models:
            del found.benchmarks[key]
            found.reject("benchmarks", " ".join(key), _NO_MODEL)
    return found


_NO_MODEL = "its model is not stored"


def _without_prices(catalogue: Catalogue) -> Catalogue:
    """A copy without prices, to be changed."""
    return Catalogue(
        name=catalogue.name,
        as_of=catalogue.as_of,
        providers=dict(catalogue.providers),
        models=dict(catalogue.models),
        benchmarks=dict(catalogue.benchmarks),
        rejected=list(catalogue.rejected),
    )


def identified(catalogue: Catalogue, known: Catalogue) -> None:
    """Give each model its canonical id, where the rules can tell it from all that is known."""
    canonical = canonical_ids((known.models | catalogue.models).values())
    for model_id, model in catalogue.models.items():
        if found := canonical.get(model_id):
            catalogue.models[model_id] = msgspec.structs.replace(model, canonical=found)


def only_said(catalogue: Catalogue, known: Catalogue) -> None:
    """Leave out what a source does not know: that must not hide what another one said.

    Nor does a model cease to be deprecated because one source has not heard of it.
    """
    for model_id, model in catalogue.models.items():
        said = {
            name: value
            for name, value in msgspec.structs.asdict(model).items()
            if value is not None and value != ()
        }
        stored = known.models.get(model_id)
        if stored and stored.deprecated is True and model.deprecated is False:
            said["deprecated"] = UNSET
        catalogue.models[model_id] = ModelRow(**said)


def filling(catalogue: Catalogue, known: Catalogue) -> None:
    """Leave of models that are known only what nobody has said yet, of providers nothing.

    For sources that repeat what others publish first: the catalogues would take turns otherwise.
    That a model is deprecated counts whoever says so.
    """
    for provider_id in catalogue.providers.keys() & known.providers.keys():
        del catalogue.providers[provider_id]
    for model_id in catalogue.models.keys() & known.models.keys():
        row = _missing(catalogue.models[model_id], known.models[model_id])
        catalogue.models[model_id] = row


def _missing(row: ModelRow, stored: ModelRow) -> ModelRow:
    said = {
        name: value
        for name, value in msgspec.structs.asdict(row).items()
        if value is not UNSET and getattr(stored, name) in (None, (), UNSET)
    }
    if row.deprecated is True:
        said["deprecated"] = True
    key = {"provider_id": row.provider_id, "model_id": row.model_id, "name": stored.name}
    return ModelRow(**said | key)
