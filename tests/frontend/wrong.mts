// Mistakes that the compiler finds: without one, `@ts-expect-error` is an error itself.

import { catalogue, dollars, type Model } from "./catalogue.mjs";

const api = catalogue("http://127.0.0.1:8000");

// @ts-expect-error: a capability that there is not
await api.list({ supports: ["telepathy"] });
// @ts-expect-error: a parameter that there is not
await api.list({ pagesize: 3 });
// @ts-expect-error: the page size is a number
await api.list({ pageSize: "3" });

export function shown(model: Model): string {
  // @ts-expect-error: the price may be unknown
  const price: number = model.pricing.inputPrice;
  // @ts-expect-error: the member is spelled in another way
  return dollars(price) + model.context_window;
}
