import type { Cell, Kind, State } from "./cell.ts";

/** What must come of one cell. Written down before anything runs. */
export interface RightAnswer {
  /**
   * Who answers the upgrade request.
   *
   * - `us`: with one of `statuses`.
   * - `neighbour`: its bytes and nothing else come behind the earlier responses.
   * - `no answer`: the connection ends behind the earlier response.
   * - `neighbour amid`: the same, but in the middle of an earlier response, which cannot be prevented.
   */
  readonly by: "us" | "neighbour" | "neighbour amid" | "no answer";
  readonly statuses: readonly number[];
  /** Not before the deadline of the handshake: until then the request may be another listener's. */
  readonly waits: boolean;
  /** What happens on the connection afterwards. */
  readonly goesOn: "WebSocket" | "HTTP" | "closed" | "theirs";
  /** Why the right answer is an end. Set exactly when `goesOn` is "closed". */
  readonly reason?: string;
}

/** States in which an earlier response is not finished when the upgrade request arrives. */
const UNFINISHED: Readonly<Record<State, boolean>> = {
  fresh: false,
  "after a finished response": false,
  "after h2c": false,
  pipelined: true,
  "behind an unfinished h2c": true,
  "behind a response that closes": true,
  "ended late": true,
  "unread download": true,
  "long streaming": true,
  "several pipelined": true,
};

const REFUSED = "a refused handshake ends its connection: what follows it may be frames or a body";
const GIVEN_UP = "Node hands such a request to `upgrade` listeners, not to its parser, so that no further request can be read";
const CLOSED = "RFC 9112 §9.6: behind a response with `Connection: close` no request is answered";

/** What a route of ours, or the application for the path of an ordinary page, says. */
const ours: Readonly<Record<Kind, Omit<RightAnswer, "by" | "waits">>> = {
  WebSocket: { statuses: [101], goesOn: "WebSocket" },
  // RFC 9110 §7.8: a server may ignore the Upgrade field.
  h2c: { statuses: [200], goesOn: "HTTP" },
  "another protocol": { statuses: [200], goesOn: "HTTP" },
  "h2c, asking to send a body": { statuses: [200], goesOn: "HTTP" },
  "h2c, answered late": { statuses: [200], goesOn: "HTTP" },
  "h2c, downloading late": { statuses: [200], goesOn: "HTTP" },
  // RFC 6455 §4.1
  POST: { statuses: [405], goesOn: "closed", reason: REFUSED },
  "version 12": { statuses: [426], goesOn: "closed", reason: REFUSED },
  "no key": { statuses: [400], goesOn: "closed", reason: REFUSED },
};
/** No WebSocket route can take these: beside another listener they wait for it. */
const UNROUTED: ReadonlySet<Kind> = new Set(["h2c", "another protocol", "POST"]);

export function rightAnswer({ kind, state, owner, neighbour }: Cell): RightAnswer {
  const isTheirs = owner === "theirs" && neighbour !== "never";
  if (state === "behind a response that closes" && !isTheirs) return { by: "no answer", waits: false, statuses: [], goesOn: "closed", reason: CLOSED };
  if (neighbour === "alone") return { by: "us", waits: false, ...ours[kind] };
  if (owner === "ours") {
    if (!UNROUTED.has(kind)) return { by: "us", waits: false, ...ours[kind] };
    return { by: "us", waits: true, statuses: ours[kind].statuses, goesOn: "closed", reason: ours[kind].reason ?? GIVEN_UP };
  }
  if (neighbour === "never") {
    // The application knows no such path. Whether its 404 or the deadline's 408 goes out is the same to the client.
    return { by: "us", waits: true, statuses: kind === "POST" ? [404, 405, 408] : [404, 408], goesOn: "closed", reason: GIVEN_UP };
  }
  return { by: UNFINISHED[state] ? "neighbour amid" : "neighbour", waits: false, statuses: [], goesOn: "theirs" };
}
