/** How a client connects, and how long it waits. */
export interface ConnectOptions {
  /** Added to the handshake: `{ cookie: "sid=1", authorization: "Bearer t" }`. An `origin` among them counts unless the option is given. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The Origin header, as a browser sends it: `https://app.example.com`. `null` sends none, as clients do that are no browser.
   * @default the origin of the server itself
   */
  readonly origin?: string | null;
  /** Offered in this order. @default none */
  readonly subprotocols?: readonly string[];
  /** Time for the whole handshake. Milliseconds. @default 3000 */
  readonly handshakeTimeoutMs?: number;
  /** How long `next` waits unless it is told otherwise. Milliseconds. @default 2000 */
  readonly messageTimeoutMs?: number;
  /** How long `close` waits for the server's part of it; then the socket is destroyed, and the code is 1006. Milliseconds. @default 2000 */
  readonly closeTimeoutMs?: number;
}

/** The options with every default. */
export type ResolvedConnectOptions = Required<Omit<ConnectOptions, "origin">> & { readonly origin: string | null | undefined };

const connectDefaults = Object.freeze({
  headers: {},
  origin: undefined,
  subprotocols: [],
  handshakeTimeoutMs: 3000,
  messageTimeoutMs: 2000,
  closeTimeoutMs: 2000,
}) satisfies { readonly [Name in keyof ConnectOptions]-?: unknown };

/** @throws TypeError for a path that is none, and for an option that does not exist. @throws RangeError for a time that is none. */
export function resolveOptions(path: string, options: ConnectOptions): ResolvedConnectOptions {
  if (typeof path !== "string" || !path.startsWith("/"))
    throw new TypeError(`connectTo: the path ${JSON.stringify(path)} does not begin with a slash; give one like "/ws" or "/ws?room=tea"`);
  const names = Object.keys(connectDefaults);
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new TypeError(`connectTo: there is no option ${JSON.stringify(name)}; there are ${names.join(", ")}`);
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ConnectOptions;
  const resolved = { ...connectDefaults, ...given };
  checkTime("handshakeTimeoutMs", resolved.handshakeTimeoutMs);
  checkTime("messageTimeoutMs", resolved.messageTimeoutMs);
  checkTime("closeTimeoutMs", resolved.closeTimeoutMs);
  return resolved;
}

/** @throws RangeError for a code or a reason that no browser sends (RFC 6455 §5.5 and §7.4). */
export function checkClose(code: number, reason: string): void {
  const isCode = code === 1000 || (Number.isInteger(code) && code >= 3000 && code <= 4999);
  if (!isCode) throw new RangeError(`connectTo: close: the code ${JSON.stringify(code)} is not allowed; give 1000, or a whole number from 3000 to 4999`);
  const bytes = Buffer.byteLength(reason);
  if (bytes > 123) throw new RangeError(`connectTo: close: the reason has ${bytes} bytes of UTF-8; give at most 123`);
}

/** @throws RangeError for what is no time that a timer can wait. */
export function checkTime(name: string, value: number): void {
  // Node's timers take a longer time for 1 ms.
  const isTime = typeof value === "number" && value > 0 && value <= 2_147_483_647;
  if (!isTime) throw new RangeError(`connectTo: ${name}: ${JSON.stringify(value)} is not allowed; give milliseconds from 1 to 2147483647`);
}
