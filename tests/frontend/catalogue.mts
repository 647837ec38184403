// What a frontend asks for: lists, comparisons and search, typed by what `make client` writes.

import createClient from "openapi-fetch";
import type { components, paths } from "../../client/aicompare.js";

type Schemas = components["schemas"];
export type Model = Schemas["ModelDetail"];
export type Comparison = Schemas["Comparison"];
export type Match = Schemas["Match"];
export type Filter = NonNullable<paths["/v1/models"]["get"]["parameters"]["query"]>;

/** The service's own words for what was wrong with a question. */
export class Refused extends Error {
  constructor(
    readonly code: Schemas["Error"]["code"],
    message: string,
  ) {
    super(message);
  }
}

export function catalogue(baseUrl: string) {
  // A list is one parameter, its values separated by commas.
  const client = createClient<paths>({
    baseUrl,
    querySerializer: { array: { style: "form", explode: false } },
  });
  return {
    /** A page of models, and how many there are in all. `fields` is left out: they come whole. */
    async list(filter: Omit<Filter, "fields">): Promise<{ models: Model[]; total: number }> {
      const { data, error } = await client.GET("/v1/models", { params: { query: filter } });
      if (error) throw refused(error);
      return { models: data.data as Model[], total: data.meta.total ?? 0 };
    },
    /** Models side by side, with the cost of a workload. */
    async compare(ids: string[], inputTokens: number, outputTokens: number): Promise<Comparison> {
      const query = { ids, inputTokens, outputTokens };
      const { data, error } = await client.GET("/v1/compare", { params: { query } });
      if (error) throw refused(error);
      return data.data;
    },
    /** What is found under any part of a name or id, best first. */
    async search(q: string): Promise<Match[]> {
      const { data, error } = await client.GET("/v1/search", { params: { query: { q } } });
      if (error) throw refused(error);
      return data.data;
    },
  };
}

/** Dollars per million tokens as people read them: unknown is not free. */
export function dollars(price: number | null | undefined): string {
  if (price === null || price === undefined) return "unknown";
  return price === 0 ? "free" : `$${price}`;
}

function refused({ error }: { error: Schemas["Error"] }): Refused {
  return new Refused(error.code, error.message);
}
