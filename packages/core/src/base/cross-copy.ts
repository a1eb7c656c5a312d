// Two copies of core may be in one process, as dependencies of two adapters. What one has put on a request, a socket or a server the
// other must find, and `instanceof` must be true for the values of both. So every key that crosses copies is made here, by `Symbol.for`.
// The number is a version. Raise it when the shape of a stored value changes: copies with different numbers ignore each other's values.

/** Where the request target as it was sent is kept on the request, whatever routers do to `req.url`. */
export const targetKey: unique symbol = Symbol.for("upwire/1/target") as never;
/** On a server that was warned of once. */
export const loopbackWarnedKey: unique symbol = Symbol.for("upwire/1/loopback-warned") as never;
/** On every Refusal. */
export const refusalMark: unique symbol = Symbol.for("upwire/1/refusal") as never;
/** Where the ticket of a handshake that a plugin does is kept on the request. */
export const pluginTicketKey: unique symbol = Symbol.for("upwire/1/plugin-ticket") as never;
/** Where what `check` decided is kept on the request until `accept`. */
export const pluginDecisionKey: unique symbol = Symbol.for("upwire/1/plugin-decision") as never;
/** On what `attach` hands handshakes over with, and on each request that it got. */
export const handOverMark: unique symbol = Symbol.for("upwire/1/hand-over") as never;
/** On every Upgrader. */
export const upgraderMark: unique symbol = Symbol.for("upwire/1/upgrader") as never;
/** Where the responses that a connection still owes are kept on its socket. */
export const responsesKey: unique symbol = Symbol.for("upwire/1/unfinished-responses") as never;
/** On our `upgrade` listener: how things stand with its server. By it a second `attach` on the same server is found out. */
export const listenerMark: unique symbol = Symbol.for("upwire/1/upgrade-listener") as never;
/** Where the ticket of an upgrade is kept on the request. */
export const ticketKey: unique symbol = Symbol.for("upwire/1/ticket") as never;
/** On every ConnectionError. */
export const connectionErrorMark: unique symbol = Symbol.for("upwire/1/connection-error") as never;
/** On every PreparedMessage. */
export const preparedMessageMark: unique symbol = Symbol.for("upwire/1/prepared-message") as never;
/** On every Message. */
export const messageMark: unique symbol = Symbol.for("upwire/1/message") as never;
/** Where the holder of a socket is kept on it: the handshake and the connection may be those of two copies. */
export const holderKey: unique symbol = Symbol.for("upwire/1/holder") as never;

/** Makes every instance of a class carry `mark`. The class answers `instanceof` by it. */
export function brand(target: { readonly prototype: object }, mark: symbol): void {
  Object.defineProperty(target.prototype, mark, { value: true });
}

export function hasBrand(value: unknown, mark: symbol): boolean {
  return typeof value === "object" && value !== null && mark in value;
}
