import { randomBytes } from "node:crypto";

/** One value, several lines of the same name, or `null` for none. */
export type HeaderInit = string | readonly string[] | null;

export interface HandshakeInit {
  /** @default "/" */
  readonly path?: string;
  /** @default "GET" */
  readonly method?: string;
  /** @default "1.1" */
  readonly httpVersion?: string;
  /** Sec-WebSocket-Key; `null` leaves it out. @default 16 random bytes */
  readonly key?: HeaderInit;
  /** Sec-WebSocket-Version; `null` leaves it out. @default "13" */
  readonly version?: HeaderInit;
  /** Added to the handshake, or in place of what it says under the same name. */
  readonly headers?: Readonly<Record<string, HeaderInit>>;
  /** Has the last word on the bytes: for what no field above can say. One character is one byte. */
  readonly rewrite?: (text: string) => string;
}

export interface Handshake {
  readonly text: string;
  /** What the key header holds, when it holds one value. */
  readonly key: string | undefined;
}

/** The bytes of an opening handshake, right or wrong (RFC 6455 §4.1). */
export function encodeHandshake(init: HandshakeInit, authority: string): Handshake {
  const { path = "/", method = "GET", httpVersion = "1.1", rewrite = (text) => text } = init;
  const lines = new Map<string, readonly [name: string, value: HeaderInit]>();
  const put = (name: string, value: HeaderInit): void => void lines.set(name.toLowerCase(), [name, value]);
  put("Host", authority);
  put("Upgrade", "websocket");
  put("Connection", "Upgrade");
  put("Sec-WebSocket-Key", init.key === undefined ? randomBytes(16).toString("base64") : init.key);
  put("Sec-WebSocket-Version", init.version === undefined ? "13" : init.version);
  for (const [name, value] of Object.entries(init.headers ?? {})) put(name, value);

  let text = `${method} ${path} HTTP/${httpVersion}\r\n`;
  for (const [name, value] of lines.values()) {
    for (const single of value === null ? [] : [value].flat()) text += `${name}: ${single}\r\n`;
  }
  const key = lines.get("sec-websocket-key")?.[1];
  return { text: rewrite(`${text}\r\n`), key: typeof key === "string" ? key : undefined };
}
