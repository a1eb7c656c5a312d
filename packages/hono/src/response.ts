import type { UpgradeAnswer } from "@upwire/core/adapter";
import type { Context as HonoContext } from "hono";

/** What core answers, as a Response. That counts its own body, also when middleware changes it. */
export function responseOf(c: HonoContext, { status, headers, body }: UpgradeAnswer): Response {
  const { "content-length": _, ...others } = headers;
  return c.body(body, status as 400, others);
}
