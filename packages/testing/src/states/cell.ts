/** What the client asks for. */
export const KINDS = [
  "WebSocket",
  "h2c",
  "another protocol",
  "h2c, asking to send a body",
  "h2c, answered late",
  "h2c, downloading late",
  "POST",
  "version 12",
  "no key",
] as const;
/** What went before it on the same connection. */
export const STATES = [
  "fresh",
  "after a finished response",
  "after h2c",
  "pipelined",
  "behind an unfinished h2c",
  "behind a response that closes",
  "ended late",
  "unread download",
  "long streaming",
  "several pipelined",
] as const;
export const TRANSPORTS = ["plain", "TLS"] as const;
/** When another `upgrade` listener answers what is its own. */
export const NEIGHBOURS = ["alone", "at once", "late", "never"] as const;
/** Whose path it is. */
const OWNERS = ["ours", "theirs"] as const;

export type Kind = (typeof KINDS)[number];
export type State = (typeof STATES)[number];
export type Transport = (typeof TRANSPORTS)[number];
export type Neighbour = (typeof NEIGHBOURS)[number];
type Owner = (typeof OWNERS)[number];

/** One connection, up to and with its upgrade request. */
export interface Cell {
  readonly kind: Kind;
  readonly state: State;
  readonly owner: Owner;
  readonly transport: Transport;
  readonly neighbour: Neighbour;
}

/** Beside another listener Node hands over what is no WebSocket, too, and reads nothing more: the plain h2c stands for them. */
const ONLY_ALONE: ReadonlySet<Kind | State> = new Set([
  "h2c, asking to send a body",
  "h2c, answered late",
  "h2c, downloading late",
  "after h2c",
  "behind an unfinished h2c",
] as const);

/** The cells of one server: every kind in every state, and beside a neighbour on both sides' paths. */
export function cellsOf(transport: Transport, neighbour: Neighbour): Cell[] {
  const isAlone = neighbour === "alone";
  const owners = isAlone ? (["ours"] as const) : OWNERS;
  const there = <Name extends Kind | State>(names: readonly Name[]): Name[] => names.filter((name) => isAlone || !ONLY_ALONE.has(name));
  return there(KINDS).flatMap((kind) => there(STATES).flatMap((state) => owners.map((owner): Cell => ({ kind, state, owner, transport, neighbour }))));
}

export function titleOf({ kind, state, owner }: Cell): string {
  return `${kind}, ${state}, path of ${owner}`;
}
