import { createServer } from "node:http";
import { encodeClientFrame, Opcode } from "../client-frame.ts";
import { encodeHandshake, type HandshakeInit } from "../handshake-request.ts";
import type { Cell, Kind } from "./cell.ts";
import { THEIR_PATH } from "./neighbour.ts";
import { ECHO_PATH, HELD_PATH } from "./stage.ts";

export const BODY = '{"a":1}';
/** Comes with the handshake, in the same packet. */
export const EARLY = "early";

/** The upgrade request of a cell. */
export interface UpgradeBytes {
  readonly first: Buffer;
  /** The end of its body, which is sent once the earlier responses have come. */
  readonly later?: string;
}

/** The name of the page that a cell's own request asks for. */
export function lateName(name: string): string {
  return `${name}-late`;
}

/** What `curl --http2` sends. */
const H2C = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA" };
const OTHER = { Connection: "Upgrade", Upgrade: "foo/2" };
const JSON_BODY = { "Content-Type": "application/json" };
const UPLOADS: ReadonlySet<Kind> = new Set(["h2c", "h2c, asking to send a body", "another protocol"]);
/** No header of WebSocket. */
const BARE = { key: null, version: null };

/** Node 22 stands still, without us too, when a request behind a download that is not read gets as much as a 100. */
const NODE_STANDS_STILL = "shouldUpgradeCallback" in createServer() && Number.parseInt(process.versions.node, 10) < 24;

function isStandstill({ state }: Cell): boolean {
  return NODE_STANDS_STILL && state === "unread download";
}

/**
 * Whether the ordinary request of a cell is a POST with a body; else it is a GET. Beside another listener Node reads no body
 * of an upgrade request.
 */
export function hasBody({ neighbour }: Cell): boolean {
  return neighbour === "alone";
}

export function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

export function getOfferingH2c(target: string): Buffer {
  return head({ path: target, ...BARE, headers: H2C });
}

export function post(): string {
  return `POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
}

export function upgradeBytes(cell: Cell, name: string): UpgradeBytes {
  const { kind, owner } = cell;
  const route = owner === "ours" ? ECHO_PATH : THEIR_PATH;
  const page = owner === "ours" ? "/http" : THEIR_PATH;
  const expect = isStandstill(cell) ? {} : { Expect: "100-continue" };
  const length = { "Content-Length": `${BODY.length}` };
  const bodiless = kind.startsWith("h2c") ? H2C : OTHER;
  if (UPLOADS.has(kind) && !hasBody(cell)) return { first: head({ path: page, ...BARE, headers: bodiless }) };
  switch (kind) {
    case "WebSocket":
      return { first: Buffer.concat([head({ path: route }), encodeClientFrame({ opcode: Opcode.text, payload: EARLY })]) };
    case "version 12":
      return { first: head({ path: route, version: "12" }) };
    case "no key":
      return { first: head({ path: route, key: null }) };
    case "POST":
      return { first: head({ path: route, method: "POST", headers: { ...JSON_BODY, ...length } }, BODY) };
    case "h2c":
      return splitBefore(BODY, head({ path: "/body", method: "POST", ...BARE, headers: { ...H2C, ...JSON_BODY, ...length } }), cell);
    case "h2c, asking to send a body":
      return {
        first: head({ path: "/body", method: "POST", ...BARE, headers: { ...H2C, ...JSON_BODY, ...length, ...expect } }),
        later: BODY,
      };
    case "h2c, answered late":
    case "h2c, downloading late":
      return { first: head({ path: `${HELD_PATH}?${lateName(name)}`, ...BARE, headers: H2C }) };
    default:
      kind satisfies "another protocol";
      return {
        first: head(
          { path: "/body", method: "POST", ...BARE, headers: { ...OTHER, ...JSON_BODY, "Transfer-Encoding": "chunked" } },
          `3\r\n${BODY.slice(0, 3)}\r\n`,
        ),
        later: `4\r\n${BODY.slice(3)}\r\n0\r\n\r\n`,
      };
  }
}

/** In one packet, unless an early answer would stop Node. */
function splitBefore(body: string, bytes: Buffer, cell: Cell): UpgradeBytes {
  if (isStandstill(cell)) return { first: bytes, later: body };
  return { first: Buffer.concat([bytes, Buffer.from(body)]) };
}

function head(init: HandshakeInit, body = ""): Buffer {
  return Buffer.from(encodeHandshake(init, "localhost").text + body, "latin1");
}
