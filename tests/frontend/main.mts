// Lists, compares and searches at the service that is given, and prints what a page would show.

import { catalogue, dollars, Refused } from "./catalogue.mjs";

declare const process: { argv: string[] };

const api = catalogue(process.argv[2] ?? "http://127.0.0.1:8000");
const { models, total } = await api.list({
  supports: ["vision", "tools"],
  sort: ["inputPrice", "name"],
  pageSize: 3,
});
const ids = models.slice(0, 2).map((model) => model.id);
const comparison = await api.compare(ids, 100_000, 2_000);
const matches = await api.search("claude");
const wrong = await api.search(" ").catch((error: unknown) => error);
console.log(
  JSON.stringify({
    total,
    list: models.map((one) => [one.id, dollars(one.pricing?.inputPrice)]),
    compared: comparison.models.map((one) => [one.id, one.cost ?? null]),
    cheapest: comparison.best["cost"] ?? [],
    found: matches.map((one) => `${one.kind} ${one.id}`),
    refused: wrong instanceof Refused ? [wrong.code, wrong.message] : null,
  }),
);
