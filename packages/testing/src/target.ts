import type { WireClientOptions } from "./wire-client.ts";

/** The server that a table is played against. */
export type Target = Pick<WireClientOptions, "host" | "port" | "path" | "tls"> & {
  /** Of every handshake. */
  readonly headers: Readonly<Record<string, string>>;
};

/** @throws TypeError for another kind of URL than `ws:` and `wss:`. */
export function targetOf(url: URL, headers: Readonly<Record<string, string>>): Target {
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new TypeError(`${url.protocol} is not ws: or wss:`);
  const secure = url.protocol === "wss:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: Number(url.port) || (secure ? 443 : 80),
    path: url.pathname + url.search,
    headers: { Host: url.host, ...headers },
    ...(secure ? { tls: { servername: host } } : {}),
  };
}
