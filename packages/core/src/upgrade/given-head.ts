import type { OutgoingHttpHeader, ServerResponse } from "node:http";

/** Sets what the application gave `writeHead`: an object, or names and values in turn. */
export function setGivenHead(res: ServerResponse, given: object): void {
  if (Array.isArray(given)) {
    for (let i = 0; i + 1 < given.length; i += 2) res.appendHeader(String(given[i]), given[i + 1] as string | string[]);
    return;
  }
  for (const [name, value] of Object.entries(given as Record<string, OutgoingHttpHeader | undefined>)) {
    if (value !== undefined) res.setHeader(name, value);
  }
}
