"""Edits by hand: random statements that every engine has to take in the same way."""

from __future__ import annotations

import random

MODEL = "(SELECT id FROM models ORDER BY id LIMIT 1 OFFSET {n})"
PRICE = "(SELECT id FROM pricing ORDER BY id LIMIT 1 OFFSET {n})"
PROVIDER = "(SELECT id FROM providers ORDER BY id LIMIT 1 OFFSET {n} % 11)"
SCORE = "(SELECT id FROM benchmarks ORDER BY id LIMIT 1 OFFSET {n})"
MOMENT = "'2026-11-22T08:00:00.000Z'"
DAYS = ("2024-05-05", "2025-10-10", "2026-11-22", "2026-11-23", "2027-03-03")
NAMES = ("Claude 5", "Ünïcode ẞ", "a", "x y  z", "100%")
STATEMENTS = (
    f"UPDATE models SET name = '{{name}}', name_folded = NULL WHERE id = {MODEL}",
    f"UPDATE models SET deprecated = 1 - deprecated WHERE id = {MODEL}",
    f"UPDATE models SET deleted_at = {MOMENT} WHERE id = {MODEL}",
    f"UPDATE models SET deleted_at = NULL WHERE id = {MODEL}",
    f"UPDATE models SET context_window = NULL, release_date = '{{day}}' WHERE id = {MODEL}",
    f"UPDATE models SET context_window = {{n}} + 1, family = 'f' WHERE id = {MODEL}",
    f"UPDATE models SET input_modalities = 'audio,text', open_weights = 1 WHERE id = {MODEL}",
    f"UPDATE models SET supports_vision = NULL, mode = 'other' WHERE id = {MODEL}",
    f"UPDATE providers SET deleted_at = {MOMENT} WHERE id = {PROVIDER}",
    f"UPDATE providers SET deleted_at = NULL WHERE id = {PROVIDER}",
    f"UPDATE providers SET name = '{{name}}' WHERE id = {PROVIDER}",
    f"UPDATE pricing SET deleted_at = {MOMENT} WHERE id = {PRICE}",
    f"UPDATE pricing SET deleted_at = NULL WHERE id = {PRICE}",
    f"UPDATE pricing SET input_price_per_million = {{n}} * 1000, state = 'paid' WHERE id = {PRICE}",
    f"UPDATE pricing SET context_threshold = 1000 + id WHERE id = {PRICE}",
    f"DELETE FROM pricing WHERE id = {PRICE}",
    f"DELETE FROM benchmarks WHERE id = {SCORE}",
    f"UPDATE benchmarks SET score = {{n}}, score_low = NULL, score_high = NULL WHERE id = {SCORE}",
    "INSERT INTO pricing (id, model_id, effective_date, output_price_per_million, created_at,"
    " updated_at)"
    f" SELECT (SELECT coalesce(max(id), 0) + 1 FROM pricing), {MODEL}, '{{day}}', {{n}},"
    f" {MOMENT}, {MOMENT}"
    f" WHERE NOT EXISTS (SELECT 1 FROM pricing WHERE model_id = {MODEL} AND context_threshold = 0"
    " AND service_tier = 'standard' AND effective_date = '{day}')",
    "INSERT INTO models (id, provider_id, model_id, name, created_at, updated_at)"
    f" SELECT {PROVIDER} || '/new-{{n}}', {PROVIDER}, 'new-{{n}}', '{{name}}', {MOMENT}, {MOMENT}"
    f" WHERE NOT EXISTS (SELECT 1 FROM models WHERE id = {PROVIDER} || '/new-{{n}}')",
    f"DELETE FROM models WHERE id = {MODEL} AND model_id LIKE 'new-%'",
    "UPDATE catalog_state SET price_day = '{day}' WHERE id = 1",
)


def edit(chance: random.Random) -> str:
    """One statement; now and then it finds nothing to change."""
    return chance.choice(STATEMENTS).format(
        n=chance.randrange(20), day=chance.choice(DAYS), name=chance.choice(NAMES)
    )
