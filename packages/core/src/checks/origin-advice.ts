import type { RefusalCode } from "../base/errors.ts";
import { entryFor, type OriginRule } from "./origin.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/** The options that decide about an origin. */
export interface OriginOptions<Native> {
  readonly origin?: OriginRule<UpgradeRequest<Native>>;
  readonly requireOrigin?: boolean;
}

/** What to write in the options so that pages of `origin` may connect. */
export function originAdvice<Native>(origin: string | undefined, { origin: rule, requireOrigin }: OriginOptions<Native>): string {
  if (typeof rule === "function") return "The function given as origin has to return true for it";
  if (origin === undefined) {
    return requireOrigin === true ? "To let in clients that are no browsers, leave requireOrigin out" : "Its browser says that it comes from another site";
  }
  const entry = origin === "null" ? origin : entryFor(origin);
  if (entry === undefined) return "No entry of a list can name it: give origin a function";
  const quoted = JSON.stringify(entry);
  const line = Array.isArray(rule) ? `add ${quoted} to the origin list of this route` : `add origin: ["same-origin", ${quoted}] to the options of this route`;
  return origin === "null" ? `Serve the page over HTTP; or, if ANY page without an origin may connect, ${line}` : `If it is yours, ${line}`;
}

/**
 * For the developer who meets a 403 for the first time: writes one line that says what to add, once for each set of options, and
 * nothing where NODE_ENV is "production".
 */
export function originAdviser<Native>(options: OriginOptions<Native>): (code: RefusalCode, request: UpgradeRequest<Native>) => void {
  let isGiven = false;
  return (code, { origin, host }) => {
    if (code !== "ERR_ORIGIN" || isGiven || process.env["NODE_ENV"] === "production") return;
    isGiven = true;
    const whose = origin === undefined ? "a request without an Origin" : `a page of ${JSON.stringify(origin.slice(0, 200))}`;
    process.emitWarning(`upwire: refused ${whose} on ${JSON.stringify(host.slice(0, 200))} with 403. ${originAdvice(origin, options)}`, {
      type: "UpwireWarning",
      code: "UPWIRE_ORIGIN",
    });
  };
}
